"""What a simulated experiment really was, beside what a laboratory would know of it.

    truth.json   settings, seed, provenance, and what holds for the whole scan
    truth.npz    what each frame and each molecule was

Places are x, y [Å] in the frame of the nominal scan, its middle at the origin; patterns are meant
upright, as they are once the detector's flips are undone.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.files import atomic_path, named_in_errors, read_json, write_json

KIND = "diffragan simulated scan"
JSON_NAME, ARRAYS_NAME = "truth.json", "truth.npz"
FRAME_CLASSES = (
    *("empty", "ice", "crystalline_ice", "carbon"),
    *("protein", "several", "damaged", "saturated"),
)


@dataclass(frozen=True, slots=True)
class TruthArrays:
    """What each frame and each molecule was."""

    frame_class: NDArray[np.uint8]
    """`(frame,)`, index into `FRAME_CLASSES`."""
    beam: NDArray[np.float32]
    """`(frame, 2)`, where the beam's middle was, x and y [Å]."""
    direct_beam_pixels: NDArray[np.float32]
    """`(frame, 2)`, pixel y, x of the upright frame at which the direct beam fell."""
    exposure_e_per_a2: NDArray[np.float32]
    """`(frame,)`."""
    frame_molecule: NDArray[np.int32]
    """`(frame,)`, the molecule that the beam lit most; -1 is none."""
    frame_share: NDArray[np.float32]
    """`(frame,)`, which share of it was lit."""
    frame_offset: NDArray[np.float32]
    """`(frame, 2)`, from the beam's middle to the molecule's, x and y [Å]; 0 where none."""
    frame_lit: NDArray[np.int32]
    """`(frame,)`, how many molecules were lit by a tenth or more."""
    ice_angstrom: NDArray[np.float32]
    """`(frame,)`, mean thickness of the ice in the beam."""
    carbon_angstrom: NDArray[np.float32]
    crystalline_share: NDArray[np.float32]
    """`(frame,)`, of the ice."""
    lost: NDArray[np.float32]
    """`(frame,)`, share of the electrons that lost energy."""
    molecule_place: NDArray[np.float64]
    """`(molecule, 2)`, x and y [Å] of its bounding box's middle."""
    molecule_structure: NDArray[np.int32]
    """`(molecule,)`, index into the structures' names."""
    molecule_quaternion: NDArray[np.float64]
    """`(molecule, 4)`, x, y, z, w: takes the structure into the upright detector's frame."""
    molecule_shift: NDArray[np.float64]
    """`(molecule, 3)`, moves the turned structure's bounding box to the middle [Å]."""
    molecule_damaged: NDArray[np.bool_]
    molecule_radius_angstrom: NDArray[np.float32]
    """`(molecule,)`, about its middle, of its atoms in projection."""
    molecule_pixel: NDArray[np.float32]
    """`(molecule, 2)`, pixel y, x of its middle in the overview image as it is written."""
    waves: NDArray[np.complex64]
    """`(molecule, y, x)`, psi_s at the mid-plane against ice, in the upright detector's frame,
    the molecule's middle at pixel n // 2."""


@dataclass(frozen=True, slots=True)
class ScanTruth:
    """The truth of one simulated experiment."""

    arrays: TruthArrays
    scan: dict[str, Any]
    """What holds for the whole scan: box, angles, ellipticity, defocus, names of structures."""
    record: dict[str, Any]
    """Settings, seed, inputs and versions."""

    @property
    def structures(self) -> list[str]:
        """Names of the structures."""
        return [str(name) for name in self.scan["structures"]]

    def is_class(self, name: str) -> NDArray[np.bool_]:
        """Say which frames are of a class."""
        return np.asarray(self.arrays.frame_class == FRAME_CLASSES.index(name))


def write_truth(folder: Path, truth: ScanTruth) -> None:
    """Write the truth into a folder."""
    path = folder / ARRAYS_NAME
    values = {field.name: getattr(truth.arrays, field.name) for field in fields(TruthArrays)}
    with named_in_errors(path), atomic_path(path) as beside:
        np.savez_compressed(beside, **values)
    write_json(
        folder / JSON_NAME,
        {"kind": KIND, "classes": FRAME_CLASSES, "scan": truth.scan, "record": truth.record},
    )


def read_truth(folder: Path) -> ScanTruth:
    """Read what `diffragan simulate --scan` wrote beside a scan.

    Raises
    ------
    InputError : It is not there, damaged, or of another kind.
    """
    written = read_json(folder / JSON_NAME)
    if not isinstance(written, dict) or written.get("kind") != KIND:
        raise InputError(f"{folder / JSON_NAME}: is not the truth of a simulated scan")
    path = folder / ARRAYS_NAME
    try:
        with np.load(path, allow_pickle=False) as arrays:
            values = {field.name: arrays[field.name] for field in fields(TruthArrays)}
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise InputError(f"{path}: is damaged ({error}); simulate the scan again") from None
    return ScanTruth(TruthArrays(**values), written["scan"], written["record"])
