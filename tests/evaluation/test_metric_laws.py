"""Laws of the metrics over random images, waves, curves and experiments."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.config.experiment import Experiment
from diffragan.evaluation.metrics import (
    FRC_THRESHOLD,
    MeasuredLimit,
    image_frc,
    measured_limit,
    r_factor,
    resolution,
    structural_similarity,
    wave_frc,
)
from diffragan.fourier import fourier, inverse_fourier
from diffragan.physics.forward import diffraction_pattern, measured_region

SIZE, RINGS, SIDE = 32, 17, 21
seeds = st.integers(0, 10_000)
few = settings(max_examples=15)


def images(seed: int) -> torch.Tensor:
    return torch.randn(2, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))


def waves(seed: int) -> torch.Tensor:
    return 0.1 * torch.complex(images(seed), images(seed + 1))


def point_inverted(values: torch.Tensor) -> torch.Tensor:
    """Turn half a turn about pixel n // 2 of an even grid."""
    return torch.roll(values.flip((-2, -1)), (1, 1), (-2, -1))


@few
@given(seed=seeds, other=seeds)
def test_frc_is_symmetric_and_a_correlation(seed: int, other: int) -> None:
    for frc, make in ((image_frc, images), (wave_frc, waves)):
        curve = frc(make(seed), make(other), RINGS)
        torch.testing.assert_close(curve, frc(make(other), make(seed), RINGS))
        assert curve.abs().max() <= 1 + 1e-5


@few
@given(seed=seeds, y=st.integers(-16, 16), x=st.integers(-16, 16))
def test_frc_sees_a_shift_of_one_image_and_none_of_both(seed: int, y: int, x: int) -> None:
    true, found = images(seed), images(seed) + images(seed + 1)

    def moved(values: torch.Tensor) -> torch.Tensor:
        return torch.roll(values, (y, x), (-2, -1))

    both = image_frc(moved(found), moved(true), RINGS)
    torch.testing.assert_close(both, image_frc(found, true, RINGS), atol=1e-5, rtol=0)
    if y % SIZE or x % SIZE:
        assert image_frc(moved(true), true, RINGS)[:, -1].max() < 0.5


@few
@given(seed=seeds, angle=st.floats(0.1, 3.0))
def test_frc_of_waves_falls_with_the_cosine_of_a_common_phase(seed: int, angle: float) -> None:
    turned = waves(seed) * torch.polar(torch.tensor(1.0), torch.tensor(angle))
    expected = torch.full((2, RINGS - 1), angle).cos()
    torch.testing.assert_close(wave_frc(turned, waves(seed), RINGS), expected, atol=1e-5, rtol=0)


@few
@given(seed=seeds, scale=st.floats(0.2, 5))
def test_ssim_is_symmetric_for_equal_ranges_and_bounded(seed: int, scale: float) -> None:
    first, second = images(seed), images(seed + 1)
    span = (first.amax((-2, -1)) - first.amin((-2, -1)))[:, None, None]
    second = second * span / (second.amax((-2, -1)) - second.amin((-2, -1)))[:, None, None]
    score = structural_similarity(first, second)
    torch.testing.assert_close(score, structural_similarity(second, first), atol=1e-4, rtol=0)
    assert score.abs().max() < 1
    both = structural_similarity(scale * first, scale * second)
    torch.testing.assert_close(both, score, atol=1e-4, rtol=0)


@few
@given(seed=seeds)
def test_r_factor_knows_moduli_only(seed: int) -> None:
    true, mask = waves(seed), measured_region(SIDE, 0.5)
    pattern = diffraction_pattern(true, SIDE)
    phases = torch.polar(torch.ones_like(true.real), 6.3 * images(seed + 2))
    poor = inverse_fourier(fourier(true).abs() * phases)
    for same_moduli in (poor, point_inverted(true).conj(), 1j * true):
        assert r_factor(same_moduli, pattern, mask).max() < 1e-4
    assert r_factor(point_inverted(true), pattern, mask).min() > 0.1


@few
@given(seed=seeds, share=st.floats(0, 3))
def test_r_factor_of_a_scaled_wave_is_what_is_missing(seed: int, share: float) -> None:
    true, mask = waves(seed), measured_region(SIDE, 0.5)
    found = r_factor(share * true, diffraction_pattern(true, SIDE), mask)
    torch.testing.assert_close(found, torch.full((2,), abs(1 - share)), atol=1e-4, rtol=0)


@given(
    energy=st.floats(60, 400),
    angle=st.floats(5, 40),
    box=st.floats(40, 200),
    image_pixels=st.sampled_from([0, 20, 2000]),
)
def test_measured_limit_of_any_experiment(
    energy: float, angle: float, box: float, image_pixels: int
) -> None:
    large = {"wave_pixels": 4096, "image_pixels": 4096, "numerics": {"pixels": 4096}}
    beam = {"energy_kev": energy, "diffraction": {"max_angle_mrad": angle}, "box_angstrom": box}
    side = Experiment.model_validate({**beam, **large}).diffraction_pixels
    pixels = max(16, side + 1 + image_pixels)
    experiment = Experiment.model_validate({**beam, **large, "image_pixels": pixels})
    limit, wanted = (
        measured_limit(experiment),
        angle / 1000 / experiment.electron.wavelength_angstrom,
    )
    # Whole samples within the angle, not one more and not one fewer.
    assert wanted - 1 / box < 1 / limit.axis_angstrom <= wanted * (1 + 1e-9)
    assert limit.axis_angstrom == pytest.approx(2**0.5 * limit.corner_angstrom)
    finest = limit.frequency_per_angstrom[-1]
    assert finest <= 1 / limit.corner_angstrom * (1 + 1e-9)
    assert finest <= experiment.image_grid.nyquist_per_angstrom * (1 + 1e-9)
    assert limit.judged_angstrom >= limit.corner_angstrom * (1 - 1e-9)
    whole = limit.frequency_per_angstrom[limit.whole_rings]
    assert float(whole[-1]) == pytest.approx(1 / limit.axis_angstrom)
    assert 0 <= float(whole[0]) - 1 / 20 < 1 / box


LIMIT = MeasuredLimit(70 / 55, 70 / 55 / 2**0.5, 65, 70.0)
curves = st.lists(st.floats(-1, 1), min_size=64, max_size=64).map(torch.tensor)


@given(curve=curves, gain=st.floats(0, 1))
def test_a_better_curve_never_resolves_less(curve: torch.Tensor, gain: float) -> None:
    worse, better = resolution(curve, LIMIT), resolution(curve + gain, LIMIT)
    assert better.angstrom <= worse.angstrom * (1 + 1e-6)
    assert better.starts_below <= worse.starts_below
    assert better.reaches_limit >= worse.reaches_limit
    assert not (worse.starts_below and worse.reaches_limit)
    assert LIMIT.judged_angstrom <= worse.angstrom <= 20


@given(curve=curves)
def test_every_ring_before_the_resolution_is_above_the_threshold(curve: torch.Tensor) -> None:
    found = resolution(curve, LIMIT)
    frequency = LIMIT.frequency_per_angstrom
    before = (frequency >= 1 / 20) & (frequency < 1 / found.angstrom * (1 - 1e-6))
    assert (curve[before] >= FRC_THRESHOLD).all()
