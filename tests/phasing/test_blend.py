"""Two waves joined by what each is worth."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.fourier import fft2
from diffragan.grid import Grid
from diffragan.phasing.blend import blend
from diffragan.phasing.evidence import Bands, band_index
from diffragan.typing import Float, Tensor, Waves

GRID = Grid(48, 60.0)
BANDS = Bands(band_index(GRID, "cpu"), 22)
"""Up to 1/2.9 Å: the corners of the grid lie beyond."""
seeds = st.integers(0, 2**31)


def noise(seed: int) -> Waves:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, GRID.pixels, GRID.pixels, dtype=torch.complex64, generator=generator)


def level(value: float) -> Float[Tensor, "item band"]:
    return torch.full((2, BANDS.count), value)


def estimate(truth: Waves, correlation: float, seed: int) -> Waves:
    """A wave of this correlation with the truth, its error independent."""
    return correlation * truth + (1 - correlation**2) ** 0.5 * noise(seed)


def likeness(first: Waves, second: Waves) -> Float[Tensor, "item band"]:
    return BANDS.correlation(fft2(first), fft2(second))


def test_the_iterated_wave_stays_where_it_is_certain_and_the_network_is_not() -> None:
    first, second = noise(0), noise(1)
    found = blend(first, second, level(0.98), level(0.1), BANDS)
    assert float(likeness(found, first).min()) > 0.999


def test_the_network_s_wave_stands_where_iterations_were_in_vain() -> None:
    first, second = noise(0), 0.2 * noise(1)
    found = blend(first, second, level(0.0), level(0.95), BANDS)
    assert float(likeness(found, second).min()) > 0.99


def test_each_band_is_joined_by_itself() -> None:
    first, second = noise(0), noise(1)
    coarse = (torch.arange(BANDS.count) < 8).expand(2, -1)
    found = blend(
        first,
        second,
        torch.where(coarse, 0.0, 0.98),
        torch.where(coarse, 0.95, 0.05),
        BANDS,
    )
    assert float(likeness(found, second)[:, :8].min()) > 0.99
    assert float(likeness(found, first)[:, 8:].min()) > 0.99


@given(seeds, st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 100.0))
@settings(max_examples=20)
def test_every_band_is_as_strong_as_the_iterated_wave_s(
    seed: int, mine: float, other: float, strength: float
) -> None:
    first, second = noise(seed), strength * noise(seed + 1)
    found = blend(first, second, level(mine), level(other), BANDS)
    powers = [BANDS.sum(fft2(wave).abs() ** 2) for wave in (found, first)]
    torch.testing.assert_close(*powers, rtol=1e-3, atol=1e-3)


@given(seeds)
@settings(max_examples=10)
def test_beyond_the_bands_nothing_is_changed_and_strengths_do_not_matter(seed: int) -> None:
    first, second = noise(seed), noise(seed + 1)
    found = blend(first, second, level(0.5), level(0.5), BANDS)
    beyond = BANDS.index >= BANDS.count
    torch.testing.assert_close(fft2(found)[:, beyond], fft2(first)[:, beyond], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(
        blend(first, 7 * second, level(0.5), level(0.5), BANDS), found, rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize(("mine", "other"), [(0.6, 0.6), (0.8, 0.5), (0.3, 0.7), (0.9, 0.9)])
def test_the_blend_is_nearer_to_the_truth_than_either(mine: float, other: float) -> None:
    truth = noise(0)
    first, second = estimate(truth, mine, 1), estimate(truth, other, 2)
    found = blend(first, second, level(mine), level(other), BANDS)
    gain = [float(likeness(wave, truth).mean()) for wave in (found, first, second)]
    assert gain[0] > max(gain[1:]) + 0.01


def test_waves_of_nothing_are_joined_to_something_finite() -> None:
    nothing = torch.zeros_like(noise(0))
    for first, second in ((nothing, nothing), (nothing, noise(0)), (noise(0), nothing)):
        found = blend(first, second, level(0.5), level(0.5), BANDS)
        assert bool(found.abs().isfinite().all())
    assert float(blend(nothing, noise(0), level(0.5), level(0.5), BANDS).abs().max()) < 1e-6
