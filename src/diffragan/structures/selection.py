"""Find the protein in a model: its chains, its residues, and what is left out."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import gemmi

from diffragan.errors import InputError, nearest
from diffragan.structures.backbone import seed_backbone
from diffragan.structures.conformers import ConformerReport, single_conformer
from diffragan.structures.residues import (
    are_linked,
    has_backbone,
    is_amino_acid,
    residue_label,
)

WATERS = frozenset({"HOH", "DOD", "WAT", "H2O", "TIP", "TIP3", "SOL"})

MIN_PROTEIN_RESIDUES = 20
"""Shorter chains are bound peptides when a longer one is there."""

MAX_INCOMPLETE_FRACTION = 0.5
"""With fewer whole backbones than this, most of the molecule would be invention."""


@dataclass(frozen=True, slots=True)
class ProteinChain:
    """The protein residues of one chain, single conformers without hydrogens."""

    name: str
    """The author's identifier; may be blank or longer than one letter."""
    residues: list[gemmi.Residue]
    incomplete: list[gemmi.Residue]
    """Protein residues with too little backbone: they cannot be completed and are left out."""
    waters: int
    heterogens: dict[str, int]
    """Ligands, ions, sugars, nucleotides: how many of each name."""
    seeded: dict[str, list[str]]
    """CA and CB atoms put back already, by label of residue."""


def protein_chain(chain: gemmi.Chain, report: ConformerReport) -> ProteinChain:
    """Sort the residues of a chain into protein, waters and heterogens."""
    everything = list(chain)
    is_protein = _protein_mask(everything)
    others = [one.name for one, kept in zip(everything, is_protein, strict=True) if not kept]
    own = [one for one, kept in zip(everything, is_protein, strict=True) if kept]
    protein = single_conformer(own, chain.name, report)
    seeded = seed_backbone(protein)
    heterogens = Counter(name for name in others if name not in WATERS)
    return ProteinChain(
        name=chain.name,
        residues=[residue for residue in protein if has_backbone(residue)],
        incomplete=[residue for residue in protein if not has_backbone(residue)],
        waters=sum(name in WATERS for name in others),
        heterogens=dict(sorted(heterogens.items())),
        seeded={
            residue_label(protein[place], chain.name): names for place, names in seeded.items()
        },
    )


def _protein_mask(residues: list[gemmi.Residue]) -> list[bool]:
    """Mark the amino acids of the chain itself, not free ones and not peptides bound as ligands.

    A run of peptide bonds is of the chain when any of its residues is an ATOM record or is
    declared as polymer; modified residues are HETATM records, but within such a run.
    """
    acids = [index for index, residue in enumerate(residues) if is_amino_acid(residue)]
    runs: list[list[int]] = []
    for index in acids:
        if runs and are_linked(residues[runs[-1][-1]], residues[index]):
            runs[-1].append(index)
        else:
            runs.append([index])
    mask = [False] * len(residues)
    for run in runs:
        is_chain = any(_is_declared_polymer(residues[index]) for index in run)
        for index in run:
            mask[index] = is_chain
    return mask


def _is_declared_polymer(residue: gemmi.Residue) -> bool:
    return residue.het_flag != "H" or residue.entity_type == gemmi.EntityType.Polymer


def choose_chains(
    structure: gemmi.Structure, chain: str | None, keep_all: bool, where: str
) -> tuple[list[ProteinChain], ConformerReport]:
    """Return the protein chains of the first model that the user asked for.

    Parameters
    ----------
    chain : The author's chain identifier; by default the first protein chain, where a peptide of
        less than `MIN_PROTEIN_RESIDUES` only counts when there is nothing longer.
    keep_all : Take every protein chain instead.

    Raises
    ------
    InputError : There is no such chain, no protein, or hardly more than CA atoms.
    """
    model = structure[0]
    if model.count_atom_sites() == 1:
        raise InputError(f"{where}: holds a single atom; a protein is needed")
    if chain is not None:
        _check_chain(chain.strip(), [one.name for one in model], where)
    wanted = [one for one in model if chain is None or one.name == chain.strip()]
    reports = [ConformerReport() for _ in wanted]
    found = [
        (candidate, report)
        for candidate, report in zip(map(protein_chain, wanted, reports), reports, strict=True)
        if candidate.residues or candidate.incomplete
    ]
    if not found:
        which = where if chain is None else f"{where}: chain {_quoted(chain.strip())}"
        raise InputError(f"{which} holds no protein ({_contents(model)}); choose another structure")
    chosen = found if keep_all else [next(filter(_is_long, found), found[0])]
    total = ConformerReport()
    for candidate, report in chosen:
        _check_backbone(candidate, where)
        _merge(total, report)
    return [candidate for candidate, _ in chosen], total


def _is_long(found: tuple[ProteinChain, ConformerReport]) -> bool:
    """Tell a protein from a bound peptide, which may come first in the file."""
    chain, _ = found
    return len(chain.residues) + len(chain.incomplete) >= MIN_PROTEIN_RESIDUES


def _merge(total: ConformerReport, part: ConformerReport) -> None:
    total.altlocs_resolved += part.altlocs_resolved
    total.alternative_residues += part.alternative_residues
    total.zero_occupancy_kept += part.zero_occupancy_kept
    total.hydrogens_removed += part.hydrogens_removed


def _check_chain(chain: str, names: list[str], where: str) -> None:
    if chain in names:
        return
    listed = ", ".join(_quoted(name) for name in names)
    hint = nearest(chain, names) if len(names) > 1 else ""
    guess = f"; {hint}" if hint.startswith("did you mean") else ""
    raise InputError(f"{where}: has no chain {_quoted(chain)}; its chains are {listed}{guess}")


def _quoted(name: str) -> str:
    return f"'{name}'" if name else "' ' (blank)"


def _contents(model: gemmi.Model) -> str:
    names = {residue.name for chain in model for residue in chain}
    if any(gemmi.find_tabulated_residue(name).is_nucleic_acid() for name in names):
        return "only nucleic acid"
    shown = ", ".join(sorted(names)[:5])
    return f"only {shown}{', ...' if len(names) > 5 else ''}"


def _check_backbone(chain: ProteinChain, where: str) -> None:
    total = len(chain.residues) + len(chain.incomplete)
    if len(chain.incomplete) <= MAX_INCOMPLETE_FRACTION * total:
        return
    names = {atom.name for residue in chain.incomplete for atom in residue}
    what = "only CA atoms" if names == {"CA"} else "too little backbone (N, CA, C, O)"
    raise InputError(
        f"{where}: chain {_quoted(chain.name)} has {what} in {len(chain.incomplete)} of {total} "
        "residues; rebuild it with other software or choose another structure"
    )


def declared_parents(structure: gemmi.Structure, chain: str) -> Mapping[str, str]:
    """Return the standard residue the file declares for each modified one (MODRES)."""
    parents = {}
    for entry in structure.mod_residues:
        if entry.chain_name == chain:
            residue = gemmi.Residue()
            residue.name = entry.res_id.name
            residue.seqid = entry.res_id.seqid
            parents[residue_label(residue)] = entry.parent_comp_id
    return parents
