"""The block of vitreous ice that comes with the package, made once by `tools/make_ice_block.py`."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffragan.io.files import atomic_path

FRACTION_STEPS = 2**16
"""Oxygens are stored as 16-bit fractions of the edge: steps of 0.0014 Å in a block of 90 Å."""
OFFSET_STEP_ANGSTROM = 1e-3
"""Hydrogens are stored as whole steps from their oxygen."""


@dataclass(frozen=True, slots=True)
class IceBlock:
    """A cube of water molecules that repeats periodically along x, y and z."""

    edge_angstrom: float
    oxygens: NDArray[np.float64]
    """`(waters, 3)`, from 0 to the edge [Å]."""
    hydrogens: NDArray[np.float64]
    """`(waters, 2, 3)`, from their oxygen [Å]."""
    sha256: str
    """Hash of the file's bytes, hexadecimal; empty for a block that is not in a file."""


@lru_cache(maxsize=1)
def packaged_ice_block() -> IceBlock:
    """Read the block of ice of this version of the package."""
    data = (resources.files("diffragan.structures") / "data" / "ice_block.npz").read_bytes()
    with np.load(BytesIO(data), allow_pickle=False) as arrays:
        edge = float(arrays["edge_angstrom"])
        return IceBlock(
            edge_angstrom=edge,
            oxygens=arrays["oxygens"].astype(np.float64) * (edge / FRACTION_STEPS),
            hydrogens=arrays["hydrogens"].astype(np.float64) * OFFSET_STEP_ANGSTROM,
            sha256=hashlib.sha256(data).hexdigest(),
        )


def write_ice_block(block: IceBlock, path: Path) -> None:
    """Write a block as compressed 16-bit numbers, whole or not at all.

    Raises
    ------
    OutputError : The folder of `path` is missing or cannot be written to.
    """
    steps = np.round(block.oxygens / block.edge_angstrom * FRACTION_STEPS) % FRACTION_STEPS
    with atomic_path(path) as beside:
        np.savez_compressed(
            beside,
            edge_angstrom=np.float64(block.edge_angstrom),
            oxygens=steps.astype(np.uint16),
            hydrogens=np.round(block.hydrogens / OFFSET_STEP_ANGSTROM).astype(np.int16),
        )
