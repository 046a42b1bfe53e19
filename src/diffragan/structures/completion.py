"""Complete a protein with PDBFixer and OpenMM: the same input always gives the same atoms."""

import io
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gemmi
import openmm
from openmm import app
from pdbfixer import PDBFixer

from diffragan.errors import InputError
from diffragan.structures.corrections import place_oxygens, with_ideal_hydrogens
from diffragan.structures.exchange import (
    as_model,
    in_angstrom,
    in_nanometres,
    neutral_cif,
    rebonded,
)
from diffragan.structures.ideal_geometry import Points
from diffragan.structures.residues import (
    HEAVY_ATOMS,
    are_linked,
    residue_label,
    standard_name,
)
from diffragan.structures.selection import ProteinChain

SEED = 1
"""Hydrogens start at random places before they are relaxed; the seed makes them repeatable."""


@dataclass(slots=True)
class CompletionReport:
    """What was replaced, removed and added."""

    residues_replaced: list[dict[str, object]] = field(default_factory=list)
    atoms_removed: list[dict[str, object]] = field(default_factory=list)
    """Atoms that the standard residue does not have (damaged names, modifications)."""
    atoms_added: list[dict[str, object]] = field(default_factory=list)
    hydrogens_added: int = 0


def complete(
    chains: list[ProteinChain],
    parents: Mapping[str, Mapping[str, str]],
    ph: float,
    where: str,
) -> tuple[gemmi.Model, CompletionReport]:
    """Return whole residues with hydrogens, under the author's chain names and numbers.

    Missing residues are never built: a break in the chain stays.

    Parameters
    ----------
    parents : Declared parents of modified residues by chain and `residue_label`.
    ph : Protonation follows the usual pKa of each residue at this pH.

    Raises
    ------
    InputError : PDBFixer or OpenMM cannot handle this structure.
    """
    report = CompletionReport()
    try:
        with _repeatable():
            topology, positions = _complete(chains, parents, ph, report)
    except Exception as error:  # third-party code fails on odd input in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{where}: PDBFixer and OpenMM cannot complete this structure ({reason}); "
            "repair it or choose another"
        ) from error
    return as_model(chains, topology, positions), report


@contextmanager
def _repeatable() -> Iterator[None]:
    """OpenMM draws from Python's global generator: seed it, and give its state back."""
    state = random.getstate()
    random.seed(SEED)
    try:
        yield
    finally:
        random.setstate(state)


def _complete(
    chains: list[ProteinChain],
    parents: Mapping[str, Mapping[str, str]],
    ph: float,
    report: CompletionReport,
) -> tuple[Any, Points]:
    # The reference platform computes in double precision and on one thread: no rounding noise.
    platform = openmm.Platform.getPlatformByName("Reference")
    fixer = PDBFixer(pdbxfile=io.StringIO(neutral_cif(chains)), platform=platform)
    own = [(chain, residue) for chain in chains for residue in chain.residues]
    # Replace first and remove after: as a heterogen, selenomethionine would be lost.
    fixer.nonstandardResidues = _replacements(fixer, own, parents, report)
    fixer.replaceNonstandardResidues()
    fixer.removeHeterogens(keepWater=False)
    _remove_foreign_atoms(fixer, own, report)
    fixer.missingResidues = {}
    fixer.findMissingAtoms()
    _report_missing(fixer, own, report)
    fixer.addMissingAtoms(seed=SEED)
    topology = rebonded(fixer)
    heavy = in_angstrom(fixer.positions)
    place_oxygens(topology, heavy, {one.index: names for one, names in _missing_names(fixer)})
    modeller = app.Modeller(topology, in_nanometres(heavy))
    modeller.addHydrogens(pH=ph, platform=platform)
    report.hydrogens_added = modeller.topology.getNumAtoms() - len(heavy)
    return modeller.topology, with_ideal_hydrogens(modeller)


def _missing_names(fixer: Any) -> list[tuple[Any, list[str]]]:
    """Name what PDBFixer adds to each of its residues that lack something."""
    residues = {**fixer.missingAtoms, **fixer.missingTerminals}
    return [
        (
            theirs,
            [atom.name for atom in fixer.missingAtoms.get(theirs, [])]
            + list(fixer.missingTerminals.get(theirs, [])),
        )
        for theirs in sorted(residues, key=lambda one: one.index)
    ]


def _replacements(
    fixer: Any,
    own: list[tuple[ProteinChain, gemmi.Residue]],
    parents: Mapping[str, Mapping[str, str]],
    report: CompletionReport,
) -> list[tuple[Any, str]]:
    replacements = []
    for theirs, (chain, residue) in zip(fixer.topology.residues(), own, strict=True):
        name = standard_name(residue, parents.get(chain.name, {}))
        if name != residue.name:
            label = residue_label(residue, chain.name)
            report.residues_replaced.append({"residue": label, "by": name})
            replacements.append((theirs, name))
    return replacements


def _remove_foreign_atoms(
    fixer: Any, own: list[tuple[ProteinChain, gemmi.Residue]], report: CompletionReport
) -> None:
    """Drop atoms a standard residue cannot have; OXT may stay where a chain is broken."""
    foreign = []
    for index, theirs in enumerate(fixer.topology.residues()):
        chain, residue = own[index]
        following = own[index + 1] if index + 1 < len(own) else (None, None)
        is_linked = following[0] is chain and are_linked(residue, following[1])
        allowed = HEAVY_ATOMS[theirs.name] | (set() if is_linked else {"OXT"})
        odd = [atom for atom in theirs.atoms() if atom.name not in allowed]
        if odd:
            label = residue_label(residue, chain.name)
            report.atoms_removed.append({"residue": label, "atoms": [one.name for one in odd]})
            foreign += odd
    if foreign:
        modeller = app.Modeller(fixer.topology, fixer.positions)
        modeller.delete(foreign)
        fixer.topology, fixer.positions = modeller.topology, modeller.positions


def _report_missing(
    fixer: Any, own: list[tuple[ProteinChain, gemmi.Residue]], report: CompletionReport
) -> None:
    missing = {theirs.index: names for theirs, names in _missing_names(fixer)}
    for index, (chain, residue) in enumerate(own):
        label = residue_label(residue, chain.name)
        names = chain.seeded.get(label, []) + missing.get(index, [])
        if names:
            report.atoms_added.append({"residue": label, "atoms": names})
