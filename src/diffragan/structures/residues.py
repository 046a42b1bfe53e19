"""Amino acids by name and by atoms: which residue is protein, and what replaces an odd one."""

from collections.abc import Mapping

import gemmi
from pdbfixer.pdbfixer import substitutions

BACKBONE = ("N", "CA", "C")
"""The atoms that fix where a residue is and how it is turned."""

PEPTIDE_BOND_MAX_ANGSTROM = 2.0
"""C to N is 1.33 Å; beyond this the chain is broken."""

SIDE_CHAINS: dict[str, str] = {
    "ALA": "CB",
    "ARG": "CB CG CD NE CZ NH1 NH2",
    "ASN": "CB CG OD1 ND2",
    "ASP": "CB CG OD1 OD2",
    "CYS": "CB SG",
    "GLN": "CB CG CD OE1 NE2",
    "GLU": "CB CG CD OE1 OE2",
    "GLY": "",
    "HIS": "CB CG ND1 CD2 CE1 NE2",
    "ILE": "CB CG1 CG2 CD1",
    "LEU": "CB CG CD1 CD2",
    "LYS": "CB CG CD CE NZ",
    "MET": "CB CG SD CE",
    "PHE": "CB CG CD1 CD2 CE1 CE2 CZ",
    "PRO": "CB CG CD",
    "SER": "CB OG",
    "THR": "CB OG1 CG2",
    "TRP": "CB CG CD1 CD2 NE1 CE2 CE3 CZ2 CZ3 CH2",
    "TYR": "CB CG CD1 CD2 CE1 CE2 CZ OH",
    "VAL": "CB CG1 CG2",
}

HEAVY_ATOMS: dict[str, frozenset[str]] = {
    name: frozenset((*BACKBONE, "O", *side.split())) for name, side in SIDE_CHAINS.items()
}
"""Names of the heavy atoms of the 20 standard residues, without the terminal OXT."""

SIMULATION_NAMES = {
    "HIE": "HIS", "HID": "HIS", "HIP": "HIS", "HSD": "HIS", "HSE": "HIS", "HSP": "HIS",
    "CYX": "CYS", "CYM": "CYS", "ASH": "ASP", "GLH": "GLU", "LYN": "LYS", "ARN": "ARG",
}  # fmt: skip
"""What force fields call protonation states of standard residues: the same heavy atoms."""

_TERMINAL_NAMES = {"OT1": "O", "OC1": "O", "OT2": "OXT", "OC2": "OXT"}
_ILE_NAMES = {"CD": "CD1"}

_ONE_LETTER = {
    "A": "ALA", "R": "ARG", "N": "ASN", "D": "ASP", "C": "CYS", "Q": "GLN", "E": "GLU",
    "G": "GLY", "H": "HIS", "I": "ILE", "L": "LEU", "K": "LYS", "M": "MET", "F": "PHE",
    "P": "PRO", "S": "SER", "T": "THR", "W": "TRP", "Y": "TYR", "V": "VAL",
    "U": "CYS", "O": "LYS",  # selenocysteine and pyrrolysine: the nearest standard residue
}  # fmt: skip


def normalise_names(residue: gemmi.Residue) -> None:
    """Give a residue of a simulation its standard residue and atom names, in place."""
    residue.name = SIMULATION_NAMES.get(residue.name, residue.name)
    if residue.name not in HEAVY_ATOMS:
        return
    for atom in residue:
        if residue.name == "ILE":
            atom.name = _ILE_NAMES.get(atom.name, atom.name)
        atom.name = _TERMINAL_NAMES.get(atom.name, atom.name)


def is_amino_acid(residue: gemmi.Residue) -> bool:
    """Say whether name or atoms are those of an amino acid, free or in a chain."""
    return (
        residue.name in HEAVY_ATOMS
        or gemmi.find_tabulated_residue(residue.name).is_amino_acid()
        or has_backbone(residue)
    )


def has_backbone(residue: gemmi.Residue) -> bool:
    """Say whether N, CA and C are all there."""
    return {atom.name for atom in residue}.issuperset(BACKBONE)


def bond_length(before: gemmi.Residue, after: gemmi.Residue) -> float:
    """Return the distance from C of one residue to N of the next [Å]; infinite without them."""
    carbon = before.find_atom("C", "*")
    nitrogen = after.find_atom("N", "*")
    if carbon is None or nitrogen is None:
        return float("inf")
    return float(carbon.pos.dist(nitrogen.pos))


def are_linked(before: gemmi.Residue, after: gemmi.Residue) -> bool:
    """Say whether a peptide bond leads from one residue to the next."""
    return bond_length(before, after) <= PEPTIDE_BOND_MAX_ANGSTROM


def standard_name(residue: gemmi.Residue, declared: Mapping[str, str]) -> str:
    """Return the standard residue that stands for this one, which must have its backbone.

    In this order: the name itself, what the file declares (MODRES), PDBFixer's table, gemmi's
    table, and last the largest standard residue whose every atom is there (retinal on a lysine
    becomes a lysine; at the least glycine).

    Parameters
    ----------
    declared : Parent residue names by `residue_label`, from the file.
    """
    name = residue.name
    if name in HEAVY_ATOMS:
        return name
    for candidate in (declared.get(residue_label(residue)), substitutions.get(name)):
        if candidate in HEAVY_ATOMS:
            return str(candidate)
    letter = gemmi.find_tabulated_residue(name).one_letter_code.upper()
    if letter in _ONE_LETTER:
        return _ONE_LETTER[letter]
    atoms = {atom.name for atom in residue} | {"O"}
    contained = [known for known, heavy in HEAVY_ATOMS.items() if heavy <= atoms]
    return max(contained, key=lambda known: (len(HEAVY_ATOMS[known]), known))


def residue_label(residue: gemmi.Residue, chain: str = "") -> str:
    """Name a residue for people: chain, number with insertion code, kind (`A 52B SER`)."""
    return f"{chain} {str(residue.seqid).upper()} {residue.name}".strip()
