import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.config.load import load_experiment
from diffragan.evaluation.metrics import (
    image_frc,
    image_frcs,
    measured_limit,
    r_factor,
    resolution,
    structural_similarity,
    wave_frc,
)
from diffragan.fourier import decentred, resize_centred
from diffragan.io.triplets import TripletStore
from diffragan.physics.forward import diffraction_pattern, measured_region

RINGS = 33


def noise(seed: int, views: int = 3, size: int = 64) -> torch.Tensor:
    return torch.randn(views, size, size, generator=torch.Generator().manual_seed(seed))


def waves(seed: int) -> torch.Tensor:
    return 0.1 * torch.complex(noise(seed), noise(seed + 1))


def test_frc_of_a_copy_is_one() -> None:
    torch.testing.assert_close(image_frc(noise(0), noise(0), RINGS), torch.ones(3, RINGS - 1))
    torch.testing.assert_close(wave_frc(waves(0), waves(0), RINGS), torch.ones(3, RINGS - 1))


def test_frc_of_independent_noise_is_near_zero() -> None:
    curve = image_frc(noise(0, 64), noise(1, 64), RINGS).mean(0)
    # 64 views of 2 pi r / 2 independent coefficients in ring r: beyond ring 3 under 0.05.
    assert curve[3:].abs().max() < 5 / (64 * torch.pi * 3) ** 0.5


def test_measured_frc_of_rings_measured_whole_is_the_frc() -> None:
    whole, inside = image_frcs(
        noise(0),
        noise(1),
        RINGS,
        torch.ones(2 * RINGS + 1, 2 * RINGS + 1, dtype=torch.bool)[:63, :63],
    )
    torch.testing.assert_close(whole, image_frc(noise(0), noise(1), RINGS))
    torch.testing.assert_close(inside[:, :30], whole[:, :30], atol=1e-5, rtol=0)


def test_measured_frc_is_blind_to_what_was_not_measured() -> None:
    """Right inside a square and noise outside: 1 over what was measured, sqrt(share) over rings."""
    side, true = 33, noise(0, 256)
    measured = torch.ones(side, side, dtype=torch.bool)
    square = decentred(resize_centred(measured, 64))
    wrong = torch.fft.fft2(noise(1, 256))
    recovered = torch.fft.ifft2(torch.where(square, torch.fft.fft2(true), wrong)).real
    whole, inside = image_frcs(recovered, true, 23, measured)
    torch.testing.assert_close(inside[:, :15], torch.ones(256, 15), atol=1e-4, rtol=0)
    assert float(inside[:, 16:].mean()) > 0.99
    assert float(whole[:, 18:].mean()) < 0.5


def test_frc_sees_inverted_contrast() -> None:
    torch.testing.assert_close(image_frc(-noise(0), noise(0), RINGS), -torch.ones(3, RINGS - 1))


@settings(max_examples=20, deadline=None)
@given(
    constant=st.complex_numbers(max_magnitude=2, allow_nan=False),
    scale=st.floats(0.1, 10),
    seed=st.integers(0, 1000),
)
def test_frc_depends_on_neither_constant_nor_scale(
    constant: complex, scale: float, seed: int
) -> None:
    before = image_frc(noise(seed), noise(seed + 1), RINGS)
    after = image_frc(scale * noise(seed) + constant.real, noise(seed + 1), RINGS)
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)
    before = wave_frc(waves(seed), waves(seed + 2), RINGS)
    after = wave_frc(scale * waves(seed) + constant, waves(seed + 2), RINGS)
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)


def test_frc_falls_where_the_phases_are_wrong() -> None:
    true = noise(3, 8)
    radius = torch.hypot(*torch.meshgrid(*[torch.fft.fftfreq(64, 1 / 64)] * 2, indexing="ij"))
    other = torch.fft.fft2(torch.fft.ifftshift(noise(4, 8), (-2, -1)))
    spectrum = torch.fft.fft2(torch.fft.ifftshift(true, (-2, -1)))
    mixed = torch.where(radius < 12.5, spectrum, other)
    curve = image_frc(torch.fft.fftshift(torch.fft.ifft2(mixed).real, (-2, -1)), true, RINGS)
    assert curve[:, :12].min() > 0.999
    assert curve[:, 13:].mean(0).abs().max() < 0.2


def test_measured_limit_of_the_paper_is_a_whole_number_of_samples() -> None:
    limit = measured_limit(load_experiment("paper"))
    assert limit.axis_angstrom == pytest.approx(70 / 55)
    assert limit.corner_angstrom == pytest.approx(70 / 55 / 2**0.5)
    assert limit.axis_angstrom == pytest.approx(1.273, abs=5e-4)
    assert limit.corner_angstrom == pytest.approx(0.900, abs=5e-4)
    # Within one sample of what 20 mrad is without rounding: 1.254 and 0.887 Å.
    assert 1 / 1.254 - 1 / 70 <= 1 / limit.axis_angstrom <= 1 / 1.254
    assert limit.rings == 78
    assert 1 / limit.frequency_per_angstrom[-1] >= limit.corner_angstrom


def test_judged_rings_end_with_the_images_where_these_are_coarser() -> None:
    limit = measured_limit(load_experiment("quick"))
    assert limit.rings == 65
    assert limit.judged_angstrom == pytest.approx(70 / 64)


def test_whole_rings_lie_between_20_angstrom_and_the_axis_limit() -> None:
    limit = measured_limit(load_experiment("paper"))
    kept = limit.frequency_per_angstrom[limit.whole_rings] * 70
    assert kept.round().long().tolist() == list(range(4, 56))


def test_resolution_is_always_a_number_and_says_when_it_is_a_bound() -> None:
    limit = measured_limit(load_experiment("paper"))
    ones = torch.ones(limit.rings - 1)
    end = resolution(ones, limit)
    assert (end.angstrom, end.reaches_limit) == (limit.judged_angstrom, True)
    start = resolution(0 * ones, limit)
    assert start.starts_below
    assert start.angstrom == pytest.approx(70 / 4)
    middle = resolution(torch.where(torch.arange(1, limit.rings) < 35, 1.0, 0.0), limit)
    assert middle.angstrom == pytest.approx(70 / 34.5)
    assert not middle.reaches_limit
    assert not middle.starts_below


def test_ssim_of_a_copy_is_one_whatever_the_constant() -> None:
    true = noise(5)
    torch.testing.assert_close(structural_similarity(true + 3, true), torch.ones(3))
    assert structural_similarity(noise(6), true).max() < 0.2


def test_ssim_of_a_view_does_not_depend_on_the_others() -> None:
    true, found = noise(7), noise(7) + 0.5 * noise(8)
    alone = structural_similarity(found[:1], true[:1])
    brighter = torch.cat([true[:1], 100 * true[1:]])
    torch.testing.assert_close(structural_similarity(found, brighter)[:1], alone)


def test_ssim_of_flat_images_is_finite() -> None:
    flat = torch.ones(1, 32, 32)
    assert torch.isfinite(structural_similarity(flat, flat)).all()


def test_r_factor_of_the_true_wave_is_zero_and_of_no_wave_is_one() -> None:
    true, mask = waves(9), measured_region(41, 0.5)
    pattern = diffraction_pattern(true, 41)
    torch.testing.assert_close(r_factor(true, pattern, mask), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(r_factor(0 * true, pattern, mask), torch.ones(3))


def test_r_factor_does_not_see_the_direct_beam() -> None:
    true, mask = waves(9), measured_region(41, 0.5)
    pattern = diffraction_pattern(true, 41)
    found = r_factor(true + 0.3, pattern, mask)
    torch.testing.assert_close(found, torch.zeros(3), atol=1e-5, rtol=0)


def test_simulated_truth_has_the_recorded_pattern(data: TripletStore) -> None:
    wave, pattern, mask = (
        torch.from_numpy(array)
        for array in (
            data.read("exit_wave", [0]), data.read("diffraction", [0]), data.read("measured")
        )
    )  # fmt: skip
    assert float(r_factor(wave, pattern, mask)) < 1e-4
