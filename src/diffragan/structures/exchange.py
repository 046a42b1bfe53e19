"""Hand atoms to OpenMM and take them back: its names, its units, its bonds."""

from typing import Any

import gemmi
import numpy as np
import openmm
from openmm import app, unit

from diffragan.structures.b_factors import complete_b_factors
from diffragan.structures.ideal_geometry import Points
from diffragan.structures.residues import HEAVY_ATOMS
from diffragan.structures.selection import ProteinChain

ANGSTROM_PER_NANOMETRE = 10.0


def neutral_cif(chains: list[ProteinChain]) -> str:
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


def in_angstrom(positions: Any) -> Points:
    """Turn OpenMM's positions into an array `(n, 3)` [Å]."""
    in_nanometres = positions.value_in_unit(unit.nanometer)
    return ANGSTROM_PER_NANOMETRE * np.array([list(point) for point in in_nanometres])


def in_nanometres(positions: Points) -> Any:
    """Turn an array `(n, 3)` [Å] into OpenMM's positions."""
    return [openmm.Vec3(*point) for point in positions / ANGSTROM_PER_NANOMETRE] * unit.nanometer


def rebonded(fixer: Any) -> Any:
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


def as_model(chains: list[ProteinChain], topology: Any, positions: Points) -> gemmi.Model:
    """Put OpenMM's atoms back under the author's chain names and residue numbers."""
    model = gemmi.Model(1)
    b_factors = complete_b_factors(chains, topology)
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
                new_atom.b_iso = float(b_factors[atom.index])
                new_atom.pos = gemmi.Position(*positions[atom.index])
                new_residue.add_atom(new_atom)
            new_chain.add_residue(new_residue)
        model.add_chain(new_chain)
    return model
