"""Make one molecule of a model: one conformer of each residue, no hydrogens, plain names."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

import gemmi

from diffragan.structures.residues import BACKBONE, has_backbone, normalise_names, residue_label

_NO_ALTLOC = "\0"


@dataclass(slots=True)
class ConformerReport:
    """What had to be decided to get one conformer."""

    altlocs_resolved: list[dict[str, object]] = field(default_factory=list)
    """Residue, conformer kept, conformers dropped."""
    alternative_residues: list[dict[str, object]] = field(default_factory=list)
    """Two kinds of residue at one place: the one kept, those dropped."""
    zero_occupancy_kept: int = 0
    """Atoms without an alternative whose occupancy is zero: modelled by the author, so kept."""
    hydrogens_removed: int = 0


def single_conformer(
    residues: Iterable[gemmi.Residue], chain: str, report: ConformerReport
) -> list[gemmi.Residue]:
    """Copy residues of a chain, each in its best occupied conformer and without hydrogens.

    The conformer is chosen for a residue as a whole, so that no residue mixes two. Residues keep
    their numbers with insertion codes; `report` is filled.
    """
    chosen = []
    for _, group in groupby(residues, key=lambda residue: str(residue.seqid)):
        alternatives = [_without_hydrogens(residue, report) for residue in group]
        for residue in _one_kind_each(alternatives, chain, report):
            _keep_one_altloc(residue, chain, report)
            _drop_repeated_atoms(residue)
            if len(residue):
                chosen.append(residue)
    return chosen


def _without_hydrogens(residue: gemmi.Residue, report: ConformerReport) -> gemmi.Residue:
    copy = residue.clone()
    normalise_names(copy)
    for index in reversed(range(len(copy))):
        if copy[index].is_hydrogen():
            del copy[index]
            report.hydrogens_removed += 1
    return copy


def _one_kind_each(
    residues: list[gemmi.Residue], chain: str, report: ConformerReport
) -> Iterator[gemmi.Residue]:
    """Choose between kinds of residue at one number; repeated numbers without altlocs stay."""
    rivals = [one for one in residues if any(atom.has_altloc() for atom in one)]
    if len(rivals) < 2:
        yield from residues
        return
    best = max(rivals, key=lambda one: (has_backbone(one), _mean_occupancy(one)))
    report.alternative_residues.append(
        {
            "kept": residue_label(best, chain),
            "dropped": [residue_label(one, chain) for one in rivals if one is not best],
        }
    )
    yield from (one for one in residues if one is best or one not in rivals)


def _keep_one_altloc(residue: gemmi.Residue, chain: str, report: ConformerReport) -> None:
    altlocs = sorted({atom.altloc for atom in residue} - {_NO_ALTLOC})
    kept = max(altlocs, key=lambda one: _rank(residue, one)) if altlocs else _NO_ALTLOC
    for index in reversed(range(len(residue))):
        if residue[index].altloc not in (_NO_ALTLOC, kept):
            del residue[index]
    for atom in residue:
        report.zero_occupancy_kept += atom.occ == 0
        atom.altloc = _NO_ALTLOC
    if len(altlocs) > 1:
        dropped = [one for one in altlocs if one != kept]
        report.altlocs_resolved.append(
            {"residue": residue_label(residue, chain), "kept": kept, "dropped": dropped}
        )


def _rank(residue: gemmi.Residue, altloc: str) -> tuple[bool, float, int]:
    """Order conformers: whole backbone first, then occupancy, then the earlier letter."""
    names = {atom.name for atom in residue if atom.altloc in (_NO_ALTLOC, altloc)}
    own = [atom for atom in residue if atom.altloc == altloc]
    return names.issuperset(BACKBONE), round(_mean_occupancy(own), 4), -ord(altloc)


def _mean_occupancy(atoms: Iterable[gemmi.Atom]) -> float:
    occupancies = [atom.occ for atom in atoms]
    return sum(occupancies) / max(len(occupancies), 1)


def _drop_repeated_atoms(residue: gemmi.Residue) -> None:
    """Keep the first of atoms with one name, as in files that lost their conformer letters."""
    names = [atom.name for atom in residue]
    for index in reversed(range(len(names))):
        if names[index] in names[:index]:
            del residue[index]
