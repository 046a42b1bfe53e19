"""Scans whose centres, rings and detector are known, made in a moment."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffragan.config.acquisition import ScanSettings
from diffragan.electron import Electron
from diffragan.io.scans.scan import Frames, ScanInfo

PIXELS = 80
SHAPE = (10, 12)
ENERGY_KEV = 200.0
RATIO, ANGLE_DEG = 1.02, 30.0


class MadeUpScan:
    """Frames in memory that are read as a file's."""

    def __init__(self, frames: Frames, shape: tuple[int, int] | None = SHAPE) -> None:
        self._frames = frames
        self.info = ScanInfo(
            *(Path("made-up.raw"), "made up", shape, frames.shape[1:], frames.dtype),
            ScanSettings(energy_kev=ENERGY_KEV, counts_per_electron=None),
        )

    def available(self) -> int:
        return len(self._frames)

    def read(self, first: int, last: int) -> Frames:
        return self._frames[first:last]


@dataclass(frozen=True)
class Truth:
    """Frames and what they were made of."""

    frames: NDArray[np.float64]
    centres: NDArray[np.float64]
    hot: list[tuple[int, int]]
    dead: list[tuple[int, int]]
    stop: NDArray[np.bool_]
    gap: NDArray[np.bool_]


def made_up_frames(
    *,
    electrons: float = 1e5,
    seed: int = 0,
    stop_pixels: float = 0.0,
    gap: bool = False,
    rings_angstrom: tuple[float, ...] = (),
    mrad_per_pixel: float = 0.35,
    jitter: float = 0.15,
    pixels: int = PIXELS,
) -> Truth:
    """Make a round beam on a falling background with speckle, stretched and wandering.

    The speckle of each frame is its own inversion, as Friedel's law wants.
    """
    random = np.random.default_rng(seed)
    count = SHAPE[0] * SHAPE[1]
    row, column = np.divmod(np.arange(count), SHAPE[1])
    v, u = row / SHAPE[0], column / SHAPE[1]
    centres = np.stack([38.3 + 1.5 * v * v + u, 41.6 - 1.2 * u + 0.8 * v], 1)
    centres += (pixels - PIXELS) // 2 + jitter * random.normal(size=centres.shape)
    y = np.arange(pixels)[None, :, None] - centres[:, 0, None, None]
    x = np.arange(pixels)[None, None, :] - centres[:, 1, None, None]
    angle = np.deg2rad(ANGLE_DEG)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    radius = np.hypot(along / np.sqrt(RATIO), across * np.sqrt(RATIO))
    scattered = 8 * np.exp(-radius / 6) + np.exp(-radius / 25)
    for spacing in rings_angstrom:
        place = Electron(ENERGY_KEV).angle_mrad(1 / spacing) / mrad_per_pixel
        scattered += 1.5 * np.exp(-((radius - place) ** 2) / (2 * 0.8**2))
    wave = random.uniform(-1.2, 1.2, (2, 6, count, 1, 1))
    speckle = 1 + 0.15 * sum(np.cos(wave[0, i] * y + wave[1, i] * x) for i in range(6))
    scattered = scattered * speckle.clip(min=0)
    beam = np.exp(-(radius**2) / (2 * 1.1**2))
    expected = electrons * (
        0.2 * scattered / scattered.sum((1, 2), keepdims=True)
        + 0.8 * beam / beam.sum((1, 2), keepdims=True)
    )
    rows, columns = np.mgrid[:pixels, :pixels]
    stop = np.hypot(rows - 39, columns - 41) < stop_pixels
    if stop_pixels:
        stop |= (np.abs(columns - 41) < 2) & (rows > 39)
    gaps = np.zeros_like(stop)
    gaps[57:60] = gap
    expected[:, stop | gaps] = 0
    frames = random.poisson(expected).astype(float)
    hot, dead = [(8, 60), (30, 12), (66, 70)], [(22, 31), (50, 64)]
    for place in hot:
        frames[(slice(None), *place)] += random.poisson(30, count)
    for place in dead:
        frames[(slice(None), *place)] = 0
    return Truth(frames, centres, hot, dead, stop, gaps)
