"""A map made small enough for a page, where a script cuts it and draws its surface."""

import zlib
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.evaluation.sections import Reconstruction, density_half_width

MOST_VOXELS = 112
"""A side; a surface of a larger map turns too slowly."""
GREYS = 255
USUAL_SIGMAS = 4.0
"""Level of the first surface: standard deviations above the mean of the whole map."""
LARGEST_SHARE = 0.6
"""Of the highest density that the first surface may lie at."""
STEPS = 254
"""Of the resolution's colours; byte 0 stands for a place that has none."""


@dataclass(frozen=True, slots=True)
class PackedVolume:
    """The middle of a map in 8 bits."""

    grey: NDArray[np.uint8]
    """`(z, y, x)`, 0 at `lowest_sigma`, 255 at `highest_sigma`."""
    voxel_angstrom: float
    lowest_sigma: float
    highest_sigma: float
    level_sigma: float
    """Where the first surface lies, in standard deviations above the mean."""

    def embedded(self) -> dict[str, Any]:
        """Return the map as JSON: bytes deflated and in base 64, x running fastest."""
        return {
            "side": self.grey.shape[0],
            "voxel_angstrom": round(self.voxel_angstrom, 4),
            "sigma": [round(self.lowest_sigma, 3), round(self.highest_sigma, 3)],
            "level": round(self.level_sigma, 2),
            "deflated": b64encode(zlib.compress(self.grey.tobytes(), 9)).decode(),
        }


@dataclass(frozen=True, slots=True)
class PackedResolution:
    """The local resolution of a packed volume's voxels in 8 bits."""

    steps: NDArray[np.uint8]
    """`(z, y, x)`: 0 outside the mask, 1 at the finest and 255 at the coarsest colour."""
    finest_angstrom: float
    coarsest_angstrom: float

    def embedded(self) -> dict[str, Any]:
        """Return it as JSON, packed as the map is."""
        return {
            "angstrom": [round(self.finest_angstrom, 2), round(self.coarsest_angstrom, 2)],
            "deflated": b64encode(zlib.compress(self.steps.tobytes(), 9)).decode(),
        }


def pack_volume(found: Reconstruction, most_voxels: int = MOST_VOXELS) -> PackedVolume:
    """Cut the part of a map that holds density, shrink it by whole factors, and round to 8 bits."""
    volume = found.volume.astype(np.float64)
    part, factor = _middle(found, most_voxels)
    cut = _shrunk(volume[part, part, part], factor)
    deviation = float(volume.std()) or 1.0
    sigmas = (cut - volume.mean()) / deviation
    low, high = float(sigmas.min()), float(sigmas.max())
    span = high - low if high > low else 1.0
    grey = np.round(GREYS * (sigmas - low) / span).astype(np.uint8)
    level = min(USUAL_SIGMAS, LARGEST_SHARE * high)
    return PackedVolume(grey, found.pixel_angstrom * factor, low, low + span, level)


def pack_resolution(
    resolved: NDArray[np.float32],
    found: Reconstruction,
    limits_angstrom: tuple[float, float],
    most_voxels: int = MOST_VOXELS,
) -> PackedResolution:
    """Cut and shrink the local resolution of a map as `pack_volume` does the map.

    Parameters
    ----------
    resolved : `(z, y, x)` [Å], 0 where it was not measured.
    found : The map.
    limits_angstrom : Finest and coarsest resolution of the colours [Å].
    most_voxels : As for the map.
    """
    part, factor = _middle(found, most_voxels)
    cut = resolved[part, part, part].astype(np.float64)
    total, known = _shrunk(cut, factor), _shrunk((cut > 0).astype(np.float64), factor)
    mean = np.divide(total, known, out=np.zeros_like(total), where=known > 0)
    low, high = limits_angstrom
    share = (mean - low) / (high - low) if high > low else np.full_like(mean, 0.5)
    steps = np.where(known > 0, 1 + np.round(STEPS * np.clip(share, 0, 1)), 0)
    return PackedResolution(steps.astype(np.uint8), low, high)


def _middle(found: Reconstruction, most_voxels: int) -> tuple[slice, int]:
    """Part of each axis that holds density, and the factor by which it is shrunk."""
    half, middle = density_half_width(found.volume), found.volume.shape[0] // 2
    part = slice(max(middle - half, 0), middle + half)
    return part, -(-(part.stop - part.start) // most_voxels)


def _shrunk(values: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Mean over cubes of so many voxels a side."""
    side = values.shape[0] // factor
    kept = values[: side * factor, : side * factor, : side * factor]
    return np.asarray(kept.reshape(side, factor, side, factor, side, factor).mean((1, 3, 5)))
