"""`diffragan split`: training, validation and test molecules without relatives across."""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

if TYPE_CHECKING:
    from diffragan.structures.clusters import Clustering
    from diffragan.structures.homology import HomologyRule
    from diffragan.structures.sequences import Molecule


@dataclass(frozen=True)
class Arguments:
    """Divide structures into training, validation and test, with no relatives across.

    Compares all sequences with each other by local BLOSUM62 alignment, joins what chance would not
    align into clusters, and gives every cluster as a whole to one split.
    Writes train.txt, validation.txt and test.txt, which `diffragan simulate` takes, a table
    split.csv, and split.json with the evidence for every link.

    Example: diffragan split prepared --identity 0.3 --out split
    """

    structures: tyro.conf.Positional[tuple[Path, ...]]
    """Prepared or other PDB and mmCIF files, gzipped or not, or folders of them."""
    out: Path
    """Folder for the results; made when it is missing."""
    identity: float | None = None
    """Fraction of equal aligned residues from which a weaker E-value, up to ten times the limit,
    is enough; 0.3 when left out. Significant pairs are linked at any identity."""
    coverage: float | None = None
    """Fraction of the shorter sequence an alignment must span; 0.5 when left out. For a significant
    one 40 residues are enough."""
    e_value: float | None = None
    """Chance matches expected for one sequence in the whole set; 0.001 when left out."""
    rule: str = "significance"
    """significance, or paper: what can be aligned from end to end is related."""
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of train, validation and test; 0 leaves one out."""
    seed: int = 0
    """Seed of the choice which clusters go where."""
    keep_all_chains: bool = False
    """Take every protein chain of files that are not prepared, and not the first."""


def run(arguments: Arguments) -> None:
    """Split, and say what came out."""
    from diffragan.errors import InputError
    from diffragan.io.files import output_folder
    from diffragan.structures.clusters import cluster
    from diffragan.structures.sequences import read_molecules
    from diffragan.structures.split_files import write_split
    from diffragan.structures.splits import assign, check_shares

    if not arguments.structures:
        raise InputError("no structures to split; give structure files or folders of them")
    rule = choose_rule(
        arguments.rule,
        identity=arguments.identity,
        coverage=arguments.coverage,
        e_value=arguments.e_value,
    )
    check_shares(arguments.fractions, arguments.seed)
    molecules = read_molecules(arguments.structures, arguments.keep_all_chains)
    output_folder(arguments.out)
    clustering = cluster(molecules, rule)
    splits = assign(
        clustering.clusters,
        [one.name for one in molecules],
        [one.mass_kda for one in molecules],
        arguments.fractions,
        arguments.seed,
    )
    settings = {
        **rule.settings(),
        "fractions": list(arguments.fractions),
        "keep_all_chains": arguments.keep_all_chains,
    }
    write_split(arguments.out, molecules, clustering, splits, settings, arguments.seed)
    tell_outcome(molecules, clustering, splits)
    print(f"wrote {arguments.out}")


def choose_rule(name: str, **limits: float | None) -> "HomologyRule":
    """Return the rule of this name with the limits that were given.

    Raises
    ------
    ConfigError : There is no such rule, it has no such limit, or the limit means nothing.
    """
    from diffragan.errors import ConfigError, nearest
    from diffragan.structures.homology import RULES

    if name not in RULES:
        raise ConfigError(f"there is no rule '{name}'; {nearest(name, RULES)}")
    given = {limit: value for limit, value in limits.items() if value is not None}
    known = signature(RULES[name]).parameters
    for limit in given:
        if limit not in known:
            flag = limit.replace("_", "-")
            raise ConfigError(f"the rule '{name}' has no --{flag}; leave it out")
    return RULES[name](**given)


def tell_outcome(
    molecules: Sequence["Molecule"], clustering: "Clustering", splits: Sequence[str]
) -> None:
    """Print the sizes of the splits, and the nearest pair that is not in one."""
    from diffragan.structures.split_files import nearest_across, summarise

    for split, its in summarise(molecules, clustering, splits).items():
        print(
            f"{split}: {its['molecules']} molecules in {its['clusters']} clusters, "
            f"{its['mass_kda']:.1f} kDa"
        )
    print(f"{len(clustering.linked)} pairs are linked; none of them is across splits")
    nearest = nearest_across(clustering, splits)
    if nearest is not None:
        names = f"{molecules[nearest.first].name} and {molecules[nearest.second].name}"
        alignment = nearest.comparison.alignment
        print(
            f"nearest pair across splits: {names}, E = {nearest.comparison.e_value:.2g}, "
            f"{alignment.identity:.0%} of {alignment.aligned_residues} aligned residues are equal"
        )
