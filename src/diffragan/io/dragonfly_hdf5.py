"""Dragonfly's detector, its first model and what it found, in HDF5.

Its Fourier space is a cube of voxels with axes x, y, z and its origin at voxel n // 2. A detector
names the place of each pixel there, unturned, in voxels. A quaternion (q0, q1, q2, q3), scalar
first, turns pixels into the cube: the matrix that does so is the transpose of the usual one, so
that the usual one takes the molecule into the laboratory, as ours does.

Source: Ayyer, Lan, Elser and Loh, J. Appl. Cryst. 49 (2016) 1320, and the formats' description at
https://github.com/duaneloh/Dragonfly/wiki (written anew from the layout).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError, MissingExtraError
from diffragan.io.files import atomic_path, named_in_errors

GOOD, MERGED_ONLY, BAD = 0, 1, 2
"""Values of the mask: used for all, merged but not oriented by, ignored."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EmcDetector:
    """Pixels of every frame."""

    points_voxels: Floats
    """`(pixel, 3)`: x, y, z on the Ewald sphere, from the origin [voxels]."""
    correction: Floats
    """`(pixel,)`: factor of solid angle and polarisation that a pixel's counts carry."""
    mask: NDArray[np.uint8]
    """`(pixel,)`: `GOOD`, `MERGED_ONLY` or `BAD`."""
    distance_pixels: float
    """Distance of the detector [pixels]."""
    ewald_radius_voxels: float


def write_detector(path: Path, detector: EmcDetector) -> None:
    """Write a detector; an older one is replaced.

    Raises
    ------
    MissingExtraError : h5py is not installed.
    """
    values: dict[str, Any] = {
        axis: np.ascontiguousarray(detector.points_voxels[:, place])
        for place, axis in enumerate(("qx", "qy", "qz"))
    }
    values |= {
        "corr": detector.correction,
        "mask": detector.mask,
        "detd": detector.distance_pixels,
        "ewald_rad": detector.ewald_radius_voxels,
    }
    _write(path, values)


def read_detector(path: Path) -> EmcDetector:
    """Read a detector.

    Raises
    ------
    InputError : It is missing, damaged or no detector.
    MissingExtraError : h5py is not installed.
    """
    names = ("qx", "qy", "qz", "corr", "mask", "detd", "ewald_rad")
    x, y, z, correction, mask, distance, radius = _read(path, names).values()
    points = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1).astype(np.float64)
    return EmcDetector(
        points, correction.ravel(), mask.ravel().astype(np.uint8), float(distance), float(radius)
    )


def model_voxels(points_voxels: Floats) -> int:
    """Voxels along an edge of the cube that Dragonfly makes for a detector."""
    return 2 * int(np.ceil(np.linalg.norm(points_voxels, axis=1).max())) + 3


def write_model(path: Path, intensity: Floats) -> None:
    """Write an intensity `(z, y, x)` to start from.

    Raises
    ------
    MissingExtraError : h5py is not installed.
    """
    _write(path, {"intens": intensity.transpose(2, 1, 0)[None]})


@dataclass(frozen=True, slots=True)
class EmcOutput:
    """One iteration's model and orientations."""

    intensity: Floats
    """`(z, y, x)`, origin at voxel n // 2, in counts of a pixel and a frame."""
    weight: Floats
    """`(z, y, x)`: pixels that came to each voxel; 0 where none did."""
    quaternions: Floats
    """`(frame, 4)`: each frame's likeliest orientation x, y, z, w, molecule to laboratory."""
    information: Floats
    """`(frame,)`: how far each frame's counts tell its orientation [nats]."""


def read_output(path: Path) -> EmcOutput:
    """Read what an iteration wrote; its first mode, if it has several.

    Raises
    ------
    InputError : It is missing, damaged, or names orientations that it does not list.
    MissingExtraError : h5py is not installed.
    """
    names = ("intens", "inter_weight", "orientations", "quaternions", "mutual_info")
    found = _read(path, names)
    sampled = found["quaternions"]
    chosen = found["orientations"].astype(np.int64)
    cube = found["intens"]
    fits = cube.ndim == 4 and sampled.ndim == 2 and sampled.shape[1] >= 4
    if not fits or (len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(sampled)):
        raise InputError(f"{path}: is no 3D model with its orientations; see Dragonfly's log")
    return EmcOutput(
        cube[0].transpose(2, 1, 0),
        found["inter_weight"].reshape(cube.shape)[0].transpose(2, 1, 0),
        sampled[chosen][:, [1, 2, 3, 0]],
        found["mutual_info"],
    )


def is_dragonfly(path: Path) -> bool:
    """Say whether an HDF5 file holds a detector or an intensity under Dragonfly's names.

    Raises
    ------
    MissingExtraError : h5py is not installed.
    """
    h5py = _h5py()
    try:
        with h5py.File(path, "r") as file:
            return "intens" in file or "qx" in file
    except OSError:
        return False


def _write(path: Path, values: dict[str, Any]) -> None:
    h5py = _h5py()
    with named_in_errors(path), atomic_path(path) as beside, h5py.File(beside, "w") as file:
        for name, value in values.items():
            file[name] = value


def _read(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    h5py = _h5py()
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    try:
        with h5py.File(path, "r") as file:
            return {name: np.asarray(file[name][()]) for name in names}
    except (OSError, KeyError) as error:
        raise InputError(
            f"{path}: is damaged or not Dragonfly's ({str(error)[:80]}); make it again"
        ) from None


def _h5py() -> Any:
    """Import h5py, an extra."""
    try:
        import h5py  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError(
            "Dragonfly's files need h5py; install it with `pip install 'diffragan[dragonfly]'`"
        ) from None
    return h5py
