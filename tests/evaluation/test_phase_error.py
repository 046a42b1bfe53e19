import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.evaluation.phase_error import RANDOM_DEGREES, phase_error
from diffragan.fourier import fourier, inverse_fourier
from diffragan.rings import ring_index

few = settings(max_examples=15)
sizes = st.sampled_from([24, 25])
seeds = st.integers(0, 10_000)
RINGS = 12


def waves(seed: int, size: int, views: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(views, size, size, generator=generator, dtype=torch.complex64)


@few
@given(seed=seeds, size=sizes, turn=st.floats(-179, 179))
def test_a_turned_wave_has_that_error_whatever_its_moduli(
    seed: int, size: int, turn: float
) -> None:
    true = waves(seed, size)
    gain = 0.1 + torch.rand(size, size, generator=torch.Generator().manual_seed(seed))
    angle = torch.deg2rad(torch.tensor(turn))
    found = inverse_fourier(fourier(true) * torch.polar(gain, angle.expand(size, size)))
    expected = torch.full((2, RINGS - 1), abs(turn))
    torch.testing.assert_close(phase_error(found, true, RINGS), expected, atol=0.05, rtol=0)


@few
@given(seed=seeds, size=sizes)
def test_an_inverted_image_is_wrong_by_180_degrees_and_a_copy_right(seed: int, size: int) -> None:
    true = waves(seed, size).real
    right, inverted = phase_error(4 * true - 2, true, RINGS), phase_error(-true, true, RINGS)
    torch.testing.assert_close(right, torch.zeros(2, RINGS - 1), atol=0.05, rtol=0)
    torch.testing.assert_close(inverted, torch.full((2, RINGS - 1), 180.0), atol=0.05, rtol=0)


def test_random_and_missing_phases_are_wrong_by_90_degrees() -> None:
    true, random = waves(0, 32, 300), waves(1, 32, 300)
    mean = phase_error(random, true, RINGS).mean(0)
    assert mean.tolist() == pytest.approx([RANDOM_DEGREES] * (RINGS - 1), abs=5)
    missing = phase_error(0 * true[:1], true[:1], RINGS)[0]
    assert missing.tolist() == pytest.approx([RANDOM_DEGREES] * (RINGS - 1), rel=1e-5)


@few
@given(seed=seeds, size=sizes)
def test_the_mean_is_weighted_by_the_true_moduli(seed: int, size: int) -> None:
    true, found = waves(seed, size, 1), waves(seed + 1, size, 1)
    a, b = fourier(found)[0], fourier(true)[0]
    in_ring = ring_index((size, size)) == 7
    difference = (a.angle() - b.angle())[in_ring]
    difference = torch.minimum(difference % (2 * torch.pi), (-difference) % (2 * torch.pi))
    weight = b.abs()[in_ring]
    expected = torch.rad2deg((weight * difference).sum() / weight.sum())
    torch.testing.assert_close(
        phase_error(found, true, RINGS)[0, 6], expected, atol=1e-2, rtol=1e-4
    )
