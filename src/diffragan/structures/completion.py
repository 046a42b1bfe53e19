"""Complete a protein with PDBFixer and OpenMM: the same input always gives the same atoms."""

import io
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gemmi
import openmm
from openmm import app, unit
from pdbfixer import PDBFixer

from diffragan.errors import InputError
from diffragan.structures.residues import HEAVY_ATOMS, are_linked, residue_label, standard_name
from diffragan.structures.selection import ProteinChain

SEED = 1
"""Hydrogens start at random places before they are relaxed; the seed makes them repeatable."""

ANGSTROM_PER_NANOMETRE = 10.0


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
    return _as_model(chains, topology, positions), report


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
) -> tuple[Any, list[list[float]]]:
    # The reference platform computes in double precision and on one thread: no rounding noise.
    platform = openmm.Platform.getPlatformByName("Reference")
    fixer = PDBFixer(pdbxfile=io.StringIO(_neutral_cif(chains)), platform=platform)
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
    modeller = app.Modeller(_rebonded(fixer), fixer.positions)
    heavy = modeller.topology.getNumAtoms()
    modeller.addHydrogens(pH=ph, platform=platform)
    report.hydrogens_added = modeller.topology.getNumAtoms() - heavy
    in_nanometres = modeller.positions.value_in_unit(unit.nanometer)
    positions = [[ANGSTROM_PER_NANOMETRE * value for value in point] for point in in_nanometres]
    return modeller.topology, positions


def _neutral_cif(chains: list[ProteinChain]) -> str:
    """Write the chains as C1, C2 ... with residues from 1, so that no odd number can confuse."""
    structure = gemmi.Structure()
    model = gemmi.Model(1)
    for number, chain in enumerate(chains, start=1):
        copy = gemmi.Chain(f"C{number}")
        for index, residue in enumerate(chain.residues, start=1):
            plain = residue.clone()
            plain.seqid = gemmi.SeqId(index, " ")
            plain.label_seq = index
            plain.subchain = copy.name
            plain.entity_type = gemmi.EntityType.Polymer
            plain.het_flag = "A"
            for atom in plain:
                if plain.name in HEAVY_ATOMS and atom.name[:1] in "CNOS":
                    atom.element = gemmi.Element(atom.name[0])
            copy.add_residue(plain)
        model.add_chain(copy)
    structure.add_model(model)
    return str(structure.make_mmcif_document().as_string())


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
    for theirs, (chain, residue) in zip(fixer.topology.residues(), own, strict=True):
        names = [atom.name for atom in fixer.missingAtoms.get(theirs, [])]
        names += fixer.missingTerminals.get(theirs, [])
        if names:
            label = residue_label(residue, chain.name)
            report.atoms_added.append({"residue": label, "atoms": names})


def _rebonded(fixer: Any) -> Any:
    """Copy the topology with bonds in a fixed order; PDBFixer's comes from an unordered set."""
    copy = app.Topology()
    for chain in fixer.topology.chains():
        new_chain = copy.addChain(chain.id)
        for residue in chain.residues():
            new_residue = copy.addResidue(residue.name, new_chain, residue.id)
            for atom in residue.atoms():
                copy.addAtom(atom.name, atom.element, new_residue)
    copy.createStandardBonds()
    copy.createDisulfideBonds(fixer.positions)
    return copy


def _as_model(
    chains: list[ProteinChain], topology: Any, positions: list[list[float]]
) -> gemmi.Model:
    """Put OpenMM's atoms back under the author's chain names and residue numbers."""
    model = gemmi.Model(1)
    theirs = topology.residues()
    for chain in chains:
        new_chain = gemmi.Chain(chain.name)
        for residue in chain.residues:
            completed = next(theirs)
            new_residue = gemmi.Residue()
            new_residue.name = completed.name
            new_residue.seqid = residue.seqid
            new_residue.het_flag = "A"
            new_residue.entity_type = gemmi.EntityType.Polymer
            for atom in completed.atoms():
                new_atom = gemmi.Atom()
                new_atom.name = atom.name
                new_atom.element = gemmi.Element(atom.element.symbol)
                new_atom.pos = gemmi.Position(*positions[atom.index])
                new_residue.add_atom(new_atom)
            new_chain.add_residue(new_residue)
        model.add_chain(new_chain)
    return model
