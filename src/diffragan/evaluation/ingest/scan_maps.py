"""Maps over the scan, one byte for each frame, that the page's script draws."""

import zlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

from diffragan.acquisition.hits.classes import CLASSES
from diffragan.evaluation.ingest.folder import FrameRows
from diffragan.evaluation.ingest.looks import CLASS_COLOURS

STEPS = 254
"""Of a map's colours; byte 255 stands for a frame that has none."""
NOTHING_KNOWN = 255
PERCENT, DEVIATIONS = 1.0, 10.0
"""Colours end where that share of the frames lies beyond, or so many times the median deviation
from the median: crystals and dirt outshine molecules."""
PALETTE = tuple(
    "#" + "".join(f"{round(255 * part):02X}" for part in colormaps["viridis"](share)[:3])
    for share in np.linspace(0, 1, 9)
)


@dataclass(frozen=True, slots=True)
class ScanMap:
    """One value of each frame, or one of several kinds."""

    name: str
    unit: str
    values: NDArray[np.float64]
    """`(frame)`; places in `kinds` where there are some."""
    kinds: tuple[tuple[str, str], ...] = ()
    """Names and colours."""

    def limits(self) -> tuple[float, float]:
        """Return what has the colours at the ends."""
        known = self.values[np.isfinite(self.values)]
        if not len(known):
            return 0.0, 1.0
        middle = float(np.median(known))
        reach = DEVIATIONS * float(np.median(np.abs(known - middle)))
        low, high = (float(v) for v in np.percentile(known, [PERCENT, 100 - PERCENT]))
        if reach > 0:
            low, high = max(low, middle - reach), min(high, middle + reach)
        return low, high if high > low else low + 1.0

    def steps(self, positions: int) -> NDArray[np.uint8]:
        """Return a byte for each position of the scan; frames that are not there have none."""
        steps = np.full(positions, NOTHING_KNOWN, dtype=np.uint8)
        count = min(positions, len(self.values))
        values = self.values[:count]
        known = np.isfinite(values)
        if not self.kinds:
            low, high = self.limits()
            values = np.round(STEPS * np.clip((values - low) / (high - low), 0, 1))
        steps[:count][known] = values[known].astype(np.uint8)
        return steps

    def colours(self, positions: int) -> NDArray[np.uint8]:
        """Return a colour for each position of the scan, `(position, red_green_blue)`."""
        steps = self.steps(positions)
        table = np.full((256, 3), 128, dtype=np.uint8)
        if self.kinds:
            table[: len(self.kinds)] = [_parts(colour) for _, colour in self.kinds]
        else:
            shades = colormaps["viridis"](np.linspace(0, 1, STEPS + 1))[:, :3]
            table[: STEPS + 1] = np.round(255 * shades)
        return np.asarray(table[steps])

    def embedded(self, shape: tuple[int, int]) -> dict[str, Any]:
        """Return the map as JSON: bytes deflated and in base 64, row by row of the scan."""
        low, high = self.limits()
        steps = self.steps(shape[0] * shape[1])
        return {
            "name": self.name,
            "unit": self.unit,
            "range": [float(f"{low:.6g}"), float(f"{high:.6g}")],
            "kinds": [list(kind) for kind in self.kinds],
            "deflated": b64encode(zlib.compress(steps.tobytes(), 9)).decode(),
        }


def class_map(of_class: NDArray[np.int64]) -> ScanMap:
    """Map what each frame shows."""
    kinds = tuple((name, CLASS_COLOURS[name]) for name in CLASSES)
    return ScanMap("What frames show", "", of_class.astype(np.float64), kinds)


def maps_of(frames: FrameRows) -> list[ScanMap]:
    """Gather the maps of a scan."""
    return [
        class_map(frames.of_class),
        ScanMap("Scattered electrons", "% of the beam", 100 * frames.scattered_fraction),
        ScanMap("Phase shift", "rad Å²", frames.phase_rad_angstrom2),
        ScanMap("Row of the direct beam", "pixels", frames.centre[:, 0]),
        ScanMap("Column of the direct beam", "pixels", frames.centre[:, 1]),
    ]


def maps_data(maps: Sequence[ScanMap], shape: tuple[int, int]) -> dict[str, Any]:
    """Return all maps as JSON, with the colours of those of numbers."""
    return {
        "shape": list(shape),
        "palette": list(PALETTE),
        "maps": [one.embedded(shape) for one in maps],
    }


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
