"""A small scan of a narrow beam over smooth phase bumps, made without the package's own physics."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.classes import Conditions

PIXELS, BOX, DIAMETER = 64, 128.0, 100.0
EXPOSURE = 300.0
FRAMES = 320
MRAD_PER_PIXEL = 25.0793 / BOX
"""At 200 keV one pixel is 1 / BOX."""


@dataclass(frozen=True)
class BumpScan:
    frames: NDArray[np.uint32]
    conditions: Conditions
    centres: NDArray[np.float64]
    rough: NDArray[np.float64]
    hit: NDArray[np.bool_]
    places: NDArray[np.float64]
    """`(frame, 2)`, x and y of the bump in the beam [Å]."""
    phase: float
    """Of a bump [rad Å2]."""


def make_bump_scan() -> BumpScan:
    random = np.random.default_rng(5)
    axis = (np.arange(PIXELS) - PIXELS // 2) * (BOX / PIXELS)
    y, x = axis[:, None], axis[None, :]
    beam = 1 / (1 + np.exp((np.hypot(y, x) - DIAMETER / 2) / 2))
    hit = random.random(FRAMES) < 0.15
    places = np.where(hit[:, None], random.uniform(-22, 22, (FRAMES, 2)), 0.0)
    apart = (x - places[:, :1, None]) ** 2 + (y - places[:, 1:, None]) ** 2
    phase = 0.25 * np.exp(-apart / (2 * 8.0**2)) * hit[:, None, None]
    shift = np.stack(
        [1.4 * np.sin(np.arange(FRAMES) / 37), 1.1 * np.cos(np.arange(FRAMES) / 29)], axis=1
    )
    shift += 0.3 * random.standard_normal(shift.shape)
    ramp = 2 * np.pi / BOX * (shift[:, :1, None] * y + shift[:, 1:, None] * x)
    wave = beam * np.exp(1j * (phase + ramp))
    pattern = np.abs(np.fft.fftshift(np.fft.fft2(wave), axes=(1, 2))) ** 2
    electrons = EXPOSURE * np.pi / 4 * DIAMETER**2
    pattern *= electrons / pattern.sum((1, 2), keepdims=True)
    q2 = (x**2 + y**2) / (BOX / PIXELS) ** 2
    ice = random.uniform(0.7, 1.3, FRAMES)
    pattern = 0.9 * pattern + ice[:, None, None] * 0.02 * electrons / (q2 + 30) / 25
    centres = shift + PIXELS // 2
    good = np.ones((PIXELS, PIXELS), dtype=bool)
    good[10, 12] = False
    frames = random.poisson(pattern).astype(np.uint32)
    frames[:, 10, 12] = 0
    return BumpScan(
        frames,
        Conditions(good, MRAD_PER_PIXEL, 200.0, EXPOSURE, DIAMETER, saturation_counts=2.0**24),
        centres,
        centres + 0.1 * random.standard_normal(centres.shape),
        hit,
        places,
        0.25 * 2 * np.pi * 8.0**2,
    )
