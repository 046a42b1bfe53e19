import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.rings import resolution_at, ring_correlation, ring_index, ring_sum
from diffragan.typing import Tensor

seeds = st.integers(0, 2**31 - 1)
shapes = st.sampled_from([(6, 6), (7, 7), (8, 6), (4, 4, 4), (5, 5, 5)])


def noise(shape: tuple[int, ...], seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@given(shapes)
def test_a_ring_is_the_rounded_distance_from_zero(shape: tuple[int, ...]) -> None:
    rings = ring_index(shape)
    for place in torch.cartesian_prod(*(torch.arange(n) for n in shape)).tolist():
        signed = [k if k < (n + 1) // 2 else k - n for k, n in zip(place, shape, strict=True)]
        assert rings[tuple(place)] == round(math.hypot(*signed))


@given(shapes, seeds)
def test_ring_sums_are_the_naive_sums(shape: tuple[int, ...], seed: int) -> None:
    values, rings = noise((2, *shape), seed), ring_index(shape)
    sums = ring_sum(values, rings, 3)
    naive = torch.stack([(values * (rings == r)).flatten(1).sum(1) for r in range(3)], dim=-1)
    torch.testing.assert_close(sums, naive)


@given(shapes, seeds)
def test_rings_together_hold_everything(shape: tuple[int, ...], seed: int) -> None:
    values, rings = noise(shape, seed), ring_index(shape)
    torch.testing.assert_close(ring_sum(values, rings, int(rings.max()) + 1).sum(), values.sum())


@given(shapes, seeds, st.floats(0.01, 100))
def test_a_scaled_copy_correlates_fully(shape: tuple[int, ...], seed: int, scale: float) -> None:
    wave, rings = torch.fft.fftn(noise(shape, seed)), ring_index(shape)
    correlation = ring_correlation(wave, scale * wave, rings, 3)
    torch.testing.assert_close(correlation, torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(ring_correlation(wave, -wave, rings, 3), -correlation)


@given(shapes, seeds)
def test_a_correlation_is_symmetric_and_at_most_one(shape: tuple[int, ...], seed: int) -> None:
    first, second = (torch.fft.fftn(noise(shape, seed + i)) for i in range(2))
    rings = ring_index(shape)
    there, back = (
        ring_correlation(first, second, rings, 3),
        ring_correlation(second, first, rings, 3),
    )
    torch.testing.assert_close(there, back)
    assert there.abs().max() <= 1 + 1e-12


def test_noise_does_not_correlate() -> None:
    rings = ring_index((128, 128))
    first, second = (torch.fft.fft2(noise((20, 128, 128), i)) for i in range(2))
    correlation = ring_correlation(first, second, rings, 64)
    members = ring_sum(torch.ones(128, 128), rings, 64) / 2  # Friedel pairs are one number
    assert correlation[:, 8:].abs().mean() < 0.1
    spread = (correlation[:, 8:] * torch.sqrt(members[8:])).std()
    assert float(spread) == pytest.approx(1 / math.sqrt(2), rel=0.1)


def test_a_ring_without_power_gives_zero() -> None:
    wave = torch.fft.fft2(torch.ones(8, 8))
    correlation = ring_correlation(wave, wave, ring_index((8, 8)), 4)
    assert correlation.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_faint_and_strong_single_precision_waves_correlate(scale: float) -> None:
    wave = torch.fft.fft2(noise((16, 16), 0)).to(torch.complex64) * scale
    correlation = ring_correlation(wave, wave, ring_index((16, 16)), 8)
    torch.testing.assert_close(correlation, torch.ones(8))


def test_resolution_is_interpolated_in_frequency() -> None:
    frequency = torch.arange(6) * 0.1
    curve = torch.tensor([1.0, 1.0, 0.9, 0.3, 0.9, 0.0])
    assert resolution_at(curve, frequency, 0.5) == pytest.approx(1 / (0.2 + 0.1 * 0.4 / 0.6))
    assert resolution_at(curve, frequency, 0.2) == pytest.approx(1 / (0.4 + 0.1 * 0.7 / 0.9))


def test_resolution_at_the_ends_of_a_curve() -> None:
    frequency = torch.arange(4) * 0.1
    assert resolution_at(torch.tensor([0.0, 1.0, 0.9, 0.8]), frequency) is None
    assert resolution_at(torch.tensor([1.0, 0.9, 0.5, 0.1]), frequency) == pytest.approx(5)
    starts_low = torch.tensor([1.0, 0.1, 0.1, 0.1])
    found = resolution_at(starts_low, frequency, coarsest_angstrom=1e6)
    assert found == pytest.approx(10)


def test_resolution_is_not_sought_among_the_coarsest_rings() -> None:
    frequency = torch.arange(6) * 0.05
    curve = torch.tensor([1.0, 0.1, 0.9, 0.8, 0.2, 0.1])
    coarse = resolution_at(curve, frequency, coarsest_angstrom=1e6)
    assert coarse == pytest.approx(20)
    finer = resolution_at(curve, frequency, coarsest_angstrom=12.0)
    assert finer == pytest.approx(1 / (0.15 + 0.05 * 0.5))


@given(st.floats(0.05, 0.95), st.floats(1.0, 30.0))
def test_resolution_of_a_straight_fall(threshold: float, rings: float) -> None:
    frequency = torch.arange(60, dtype=torch.float64) * 0.02
    curve = 1 - frequency / (0.02 * (rings + 20))
    end = (1 - threshold) * (rings + 20) * 0.02
    found = resolution_at(curve, frequency, threshold, coarsest_angstrom=1e6)
    assert found == pytest.approx(1 / max(end, 0.02), rel=1e-9)
