import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.evaluation.metrics import MeasuredLimit, resolution
from diffragan.evaluation.thresholds import (
    ONE_SEVENTH,
    half_bit,
    independent_samples,
    noise_error,
    resolutions_at_thresholds,
)
from diffragan.rings import ring_index, ring_sum


@pytest.mark.parametrize("pixels", [16, 17])
def test_samples_of_a_ring_are_counted_once_each(pixels: int) -> None:
    rings = pixels // 2 + 1
    counted = independent_samples(pixels, rings, real=False)
    ones = torch.ones(pixels, pixels, dtype=torch.float64)
    assert torch.equal(counted, ring_sum(ones, ring_index((pixels, pixels)), rings)[1:])
    assert counted[0] == 8
    assert torch.equal(independent_samples(pixels, rings, real=True), counted / 2)


@given(st.floats(0.05, 1), st.integers(1, 12))
def test_filling_and_symmetry_leave_fewer_samples(filling: float, symmetry: int) -> None:
    whole = independent_samples(32, 17, real=True)
    fewer = independent_samples(32, 17, real=True, filling=filling, symmetry=symmetry)
    torch.testing.assert_close(fewer, whole * filling / symmetry)
    assert (half_bit(fewer) >= half_bit(whole)).all()
    assert (noise_error(fewer) >= noise_error(whole)).all()


def test_half_bit_at_its_ends_and_at_a_value_worked_out_by_hand() -> None:
    found = half_bit(torch.tensor([1.0, 100.0, 1e12], dtype=torch.float64))
    assert float(found[0]) == pytest.approx(2.1173 / 2.1173)
    assert float(found[1]) == pytest.approx((0.2071 + 0.19102) / (1.2071 + 0.09102))
    # With countless samples the threshold is that of the signal-to-noise ratio itself.
    snr_of_a_half = (2**0.5 - 1) / 2
    assert float(found[2]) == pytest.approx(snr_of_a_half / (1 + snr_of_a_half), abs=1e-4)


def test_one_seventh_of_two_halves_is_a_half_against_the_truth() -> None:
    # Two halves at signal-to-noise s correlate as s / (s + 1); their sum has 2 s, and correlates
    # with the truth as sqrt(2 s / (2 s + 1)).
    s = ONE_SEVENTH / (1 - ONE_SEVENTH)
    assert (2 * s / (2 * s + 1)) ** 0.5 == pytest.approx(0.5)


def test_samples_in_smooth_rings_are_fewer_than_their_members() -> None:
    hard = independent_samples(64, 33, real=True)
    smooth = independent_samples(64, 33, real=True, kind="smooth")
    # A triangle of full width 2 holds as much as a ring one sample wide, in 1.5 times its samples.
    assert (smooth / hard)[5:-1].mean() == pytest.approx(1.5, rel=0.06)


LIMIT = MeasuredLimit(70 / 55, 70 / 55 / 2**0.5, 65, 70.0)


def test_each_criterion_is_read_where_the_curve_crosses_it() -> None:
    curve = 1 - torch.arange(1, 65, dtype=torch.float64) / 60
    found = resolutions_at_thresholds(curve, LIMIT, filling=0.2)
    assert found["0.5"] == pytest.approx(70 / 30)
    assert found["0.5"] == pytest.approx(resolution(curve, LIMIT).angstrom)
    assert found["1/7"] == pytest.approx(70 / (60 * 6 / 7))
    samples = independent_samples(131, 65, real=True, filling=0.2)
    half = found["half_bit"]
    assert half is not None
    above = curve > half_bit(samples)
    last = int(70 / half)
    # From 20 Å, ring 4, to the last ring before the crossing.
    assert above[3:last].all()
    assert not above[last]


def test_a_curve_that_never_falls_has_no_resolution_and_more_filling_a_finer_one() -> None:
    ones = torch.ones(64, dtype=torch.float64)
    assert set(resolutions_at_thresholds(ones, LIMIT, 0.2).values()) == {None}
    curve = 1 - torch.arange(1, 65, dtype=torch.float64) / 80
    small, large = (resolutions_at_thresholds(curve, LIMIT, f)["half_bit"] for f in (0.02, 0.9))
    assert small is not None
    assert large is None or large < small
