"""Sequences and structures of proteins that do not exist."""

import random
from pathlib import Path

import gemmi

from diffragan.structures.sequences import Molecule

BACKGROUND = dict(
    zip(
        "ARNDCQEGHILKMFPSTWYV",
        (78, 51, 45, 54, 19, 43, 63, 74, 22, 51, 90, 57, 22, 39, 52, 71, 58, 13, 32, 64),
        strict=True,
    )
)
"""How often each amino acid is met, of 1,000 (Robinson and Robinson, PNAS 88, 8880, 1991)."""


def random_sequence(length: int, seed: int) -> str:
    draw = random.Random(seed)
    return "".join(draw.choices(list(BACKGROUND), list(BACKGROUND.values()), k=length))


def mutated(sequence: str, fraction: float, seed: int) -> str:
    """Replace that fraction of the residues, each by another one."""
    draw = random.Random(seed)
    letters = list(sequence)
    for place in draw.sample(range(len(letters)), round(fraction * len(letters))):
        letters[place] = draw.choice([one for one in BACKGROUND if one != letters[place]])
    return "".join(letters)


def molecule(name: str, *sequences: str) -> Molecule:
    chains = dict(zip("ABCDEF", sequences, strict=False))
    return Molecule(name, Path(f"{name}.pdb"), chains, 0.11 * len(sequences[0]), 30.0, "0" * 64)


def write_backbone(path: Path, *sequences: str) -> Path:
    """Write chains A, B, ... with a backbone 3.8 Å a residue long and nothing else."""
    structure = gemmi.Structure()
    model = gemmi.Model(1)
    for number, sequence in enumerate(sequences):
        chain = gemmi.Chain("ABCDEF"[number])
        for place, name in enumerate(
            gemmi.expand_one_letter_sequence(sequence, gemmi.ResidueKind.AA)
        ):
            residue = gemmi.Residue()
            residue.name = name
            residue.seqid = gemmi.SeqId(place + 1, " ")
            for along, aside, atom_name in ((0.0, 0.0, "N"), (1.3, 0.8, "CA"), (2.6, 0.0, "C")):
                atom = gemmi.Atom()
                atom.name = atom_name
                atom.element = gemmi.Element(atom_name[0])
                atom.pos = gemmi.Position(3.8 * place + along, 10.0 * number + aside, 0.0)
                residue.add_atom(atom)
            chain.add_residue(residue)
        model.add_chain(chain)
    structure.add_model(model)
    structure.write_pdb(str(path))
    return path
