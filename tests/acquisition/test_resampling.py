"""Images on a finer grid: nothing of them is blurred, and their noise is that of counts."""

import numpy as np
import pytest
from numpy.typing import NDArray

from diffragan.acquisition.resampling import resampled_counts

TURN = np.deg2rad(25)
MATRIX = 0.4 * np.array([[np.cos(TURN), -np.sin(TURN)], [np.sin(TURN), np.cos(TURN)]])
"""A grid 2.5 times as fine, turned."""
SIDE, FINE = 96, 120


def places() -> NDArray[np.float64]:
    axis = np.arange(FINE) - FINE // 2
    steps = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    return steps @ MATRIX.T + SIDE // 2


def wave(at: NDArray[np.float64], cycles: float) -> NDArray[np.float64]:
    return np.asarray(np.cos(2 * np.pi * (at[..., 0] - SIDE // 2) * cycles))


@pytest.mark.parametrize("cycles", [0.05, 0.25, 0.4, 0.45])
def test_detail_keeps_its_contrast_and_its_place(cycles: float) -> None:
    """Electrons at random places of their pixels would leave 0.76 of it at 0.4 cycles a pixel."""
    where = np.stack(np.meshgrid(*[np.arange(SIDE)] * 2, indexing="ij"), axis=-1).astype(float)
    image = 1e6 * (1 + 0.5 * wave(where, cycles))
    found = resampled_counts(image, places(), MATRIX, np.random.default_rng(0)) / (0.16 * 1e6)
    expected = wave(places(), cycles)
    contrast = 2 * ((found - 1) * expected).mean() / (2 * (expected**2).mean())
    assert contrast == pytest.approx(0.5, rel=0.02)


def test_noise_is_white_and_that_of_counts() -> None:
    random = np.random.default_rng(1)
    power = np.zeros((FINE, FINE))
    for _ in range(30):
        counts = random.poisson(200.0, (SIDE, SIDE)).astype(float)
        found = resampled_counts(counts, places(), MATRIX, random).astype(float)
        assert found.mean() == pytest.approx(32, rel=0.02)
        power += np.abs(np.fft.fft2(found - found.mean())) ** 2 / FINE**2 / 30
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(FINE)] * 2, indexing="ij"))
    for low, high in ((0.02, 0.1), (0.1, 0.18), (0.22, 0.3), (0.3, 0.5)):
        ring = (frequency > low) & (frequency <= high)
        assert power[ring].mean() / 32 == pytest.approx(1, abs=0.06)


def test_nothing_stays_nothing() -> None:
    found = resampled_counts(np.zeros((SIDE, SIDE)), places(), MATRIX, np.random.default_rng(0))
    assert found.dtype == np.uint32
    assert not found.any()
