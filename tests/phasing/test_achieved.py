"""What an answer achieved, read in the bands of predictions."""

from dataclasses import replace

import pytest
import torch

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.fourier import fft2, ifft2
from diffragan.phasing.achieved import achieved_frc, achieved_resolution, image_bands
from diffragan.phasing.evidence import BANDS_PER_UNIT
from tiny_data import TINY

QUICK = load_experiment("quick")


def noise(seed: int, experiment: Experiment) -> torch.Tensor:
    pixels = experiment.image_pixels
    return torch.randn(2, pixels, pixels, generator=torch.Generator().manual_seed(seed))


def replaced_beyond(images: torch.Tensor, experiment: Experiment, angstrom: float) -> torch.Tensor:
    """The same images with independent noise beyond a resolution."""
    pixels = experiment.image_pixels
    axis = torch.fft.fftfreq(pixels, experiment.box_angstrom / pixels)
    fine = torch.hypot(axis[:, None], axis[None, :]) > 1 / angstrom
    other = fft2(noise(99, experiment))
    return ifft2(torch.where(fine, other, fft2(images))).real


def bands_of(experiment: Experiment) -> int:
    return round(experiment.corner_limit_per_angstrom * BANDS_PER_UNIT) + 1


@pytest.mark.parametrize("experiment", [QUICK, TINY], ids=("quick", "tiny"))
def test_a_copy_on_another_scale_correlates_in_every_band(experiment: Experiment) -> None:
    bands, true = image_bands(experiment, bands_of(experiment)), 1000 + noise(0, experiment)
    curves = achieved_frc(3 * true - 7, true, bands)
    torch.testing.assert_close(curves[:, 1:], torch.ones_like(curves[:, 1:]), rtol=0, atol=1e-4)
    end = 1 / float(bands.frequency_per_angstrom[-1])
    assert achieved_resolution(3 * true - 7, true, bands).tolist() == pytest.approx([end, end])


@pytest.mark.parametrize("angstrom", [5.0, 3.0, 1.8])
@pytest.mark.parametrize("experiment", [QUICK, TINY], ids=("quick", "tiny"))
def test_the_resolution_is_where_a_copy_becomes_noise(
    experiment: Experiment, angstrom: float
) -> None:
    true = noise(0, experiment)
    bands = image_bands(experiment, bands_of(experiment))
    found = achieved_resolution(replaced_beyond(true, experiment, angstrom), true, bands)
    # Within a ring of the box, or two bands.
    width = max(1 / experiment.box_angstrom, 2 / BANDS_PER_UNIT)
    assert (1 / found - 1 / angstrom).abs().max() < width


def test_bands_hold_the_coefficients_that_lie_nearest() -> None:
    bands = image_bands(QUICK, 40)
    correlated = achieved_frc(noise(0, QUICK), noise(1, QUICK), bands)
    full = replace(bands, count=60)
    torch.testing.assert_close(
        achieved_frc(noise(0, QUICK), noise(1, QUICK), full)[:, :40], correlated
    )
    assert (correlated[:, 10:].abs() < 0.3).all()
