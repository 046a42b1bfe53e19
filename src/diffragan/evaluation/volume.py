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


def pack_volume(found: Reconstruction, most_voxels: int = MOST_VOXELS) -> PackedVolume:
    """Cut the part of a map that holds density, shrink it by whole factors, and round to 8 bits."""
    volume = found.volume.astype(np.float64)
    half = density_half_width(found.volume)
    middle = volume.shape[0] // 2
    part = slice(max(middle - half, 0), middle + half)
    cut = volume[part, part, part]
    factor = -(-cut.shape[0] // most_voxels)
    if factor > 1:
        side = cut.shape[0] // factor
        kept = cut[: side * factor, : side * factor, : side * factor]
        cut = kept.reshape(side, factor, side, factor, side, factor).mean((1, 3, 5))
    deviation = float(volume.std()) or 1.0
    sigmas = (cut - volume.mean()) / deviation
    low, high = float(sigmas.min()), float(sigmas.max())
    span = high - low if high > low else 1.0
    grey = np.round(GREYS * (sigmas - low) / span).astype(np.uint8)
    level = min(USUAL_SIGMAS, LARGEST_SHARE * high)
    return PackedVolume(grey, found.pixel_angstrom * factor, low, low + span, level)
