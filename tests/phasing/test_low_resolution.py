"""The floor: what a defocused image alone says of a known weak phase."""

from itertools import pairwise

import pytest
import torch
from phase_objects import blobs, experiment, observe

from diffragan.fourier import fourier
from diffragan.phasing.low_resolution import (
    SMALLEST_TRANSFER,
    LowResolutionPhaser,
    phase_from_image,
)
from diffragan.phasing.protocol import Observations
from diffragan.physics.optics import phase_contrast

MANY = 1e12
"""A dose at which counting noise is nothing [e/Å2]."""


@pytest.mark.parametrize("image_pixels", [64, 96, 128])
def test_counts_without_noise_give_the_phase_back_as_far_as_the_lens_transfers_it(
    image_pixels: int,
) -> None:
    setting = experiment(image_pixels=image_pixels)
    phase = blobs(setting)
    found = fourier(phase_from_image(observe(phase, setting, MANY)[1]))
    transfer = phase_contrast(setting.low_resolution, setting.wave_grid, setting.electron)
    seen = transfer.abs() > SMALLEST_TRANSFER
    expected = fourier(phase) * seen
    found[:, 0, 0] = expected[:, 0, 0] = 0  # the direct beam hides the mean
    assert 100 < int(seen.sum()) < 250  # 5 Å in a 40 Å box: pi 8^2 coefficients
    assert float((found - expected).abs().max()) < 0.02 * float(expected.abs().max())


def test_vacuum_is_the_median_of_the_phase() -> None:
    setting = experiment()
    found = phase_from_image(observe(blobs(setting), setting, MANY)[1])
    torch.testing.assert_close(found.flatten(1).median(1).values, torch.zeros(2))
    assert (found.amax((1, 2)) > 0).all()  # a molecule advances the electron's phase


def test_ten_times_the_dose_and_the_counts_is_the_same_phase() -> None:
    setting = experiment()
    once, tenfold = (
        phase_from_image(observe(blobs(setting), setting, dose)[1]) for dose in (MANY, 10 * MANY)
    )
    torch.testing.assert_close(tenfold, once, rtol=0, atol=1e-3 * float(once.abs().max()))


def test_the_filter_trusts_each_coefficient_more_the_higher_the_dose() -> None:
    setting = experiment()
    powers = []
    for dose in (1e2, 1e6, 1e8, 1e10, MANY):
        power = fourier(phase_from_image(observe(blobs(setting), setting, dose)[1])).abs() ** 2
        power[:, 0, 0] = 0
        powers.append(power)
    rounding = 1e-3 * float(powers[-1].max())
    assert all((b >= a - rounding).all() for a, b in pairwise(powers))
    assert float(powers[0].max()) < rounding  # at 100 e/Å2 noise drowns so weak a phase
    assert float(powers[2].sum()) < 0.9 * float(powers[-1].sum())


def test_counts_of_vacuum_are_taken_for_noise() -> None:
    setting = experiment()
    _, clean = observe(torch.zeros(2, 64, 64), setting, 500.0)
    counts = torch.poisson(clean.low_resolution, generator=torch.Generator().manual_seed(0))
    noisy = Observations(
        clean.diffraction, clean.measured, counts, clean.low_resolution_dose, setting
    )
    unfiltered = fourier(counts / clean.low_resolution - 1).abs()
    transfer = phase_contrast(setting.low_resolution, setting.wave_grid, setting.electron)
    kept = fourier(phase_from_image(noisy)).abs() * transfer.abs()
    aperture = (transfer.abs() > SMALLEST_TRANSFER)[None] & (unfiltered > 0)
    assert float((kept[aperture] ** 2).sum()) < 0.2 * float((unfiltered[aperture] ** 2).sum())


def test_the_pattern_is_ignored_and_the_wave_is_a_phase_object() -> None:
    setting = experiment()
    _, seen = observe(blobs(setting, 0.3), setting, 1e4)
    phased = LowResolutionPhaser().phase(seen)
    other = LowResolutionPhaser().phase(seen.with_diffraction(torch.rand(2, 63, 63)))
    assert torch.equal(phased.waves, other.waves)
    torch.testing.assert_close((1 + phased.waves).abs(), torch.ones(2, 64, 64))
