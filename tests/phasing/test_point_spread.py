"""What a detector's point spread does, and how far a wave takes it off again."""

import pytest
import torch

from diffragan.fourier import fft2
from diffragan.phasing.algorithms import error_reduction
from diffragan.phasing.point_spread import blurred, sharpening
from diffragan.phasing.projections import MeasuredModuli
from diffragan.physics.blur import gaussian_blur
from diffragan.typing import Tensor

SIDE = 64
SPREAD = 0.5


def wave() -> Tensor:
    """A wave of positive phase, an eighth of the box wide."""
    generator = torch.Generator().manual_seed(4)
    value = torch.zeros(1, SIDE, SIDE)
    value[:, 3:20, 2:19] = torch.rand(17, 17, generator=generator)
    return torch.complex(-(value**2) / 2, value)


def test_the_blur_is_the_detectors_and_keeps_every_electron() -> None:
    intensity = torch.zeros(1, SIDE, SIDE)
    intensity[0, 30, 33] = 5.0
    found = blurred(intensity, SPREAD)
    assert found.sum().item() == pytest.approx(5.0, rel=1e-5)
    assert torch.allclose(found, gaussian_blur(intensity, SPREAD), atol=1e-5)


def test_the_truth_takes_all_of_the_spread_off() -> None:
    truth = wave()
    exact = fft2(truth).abs()
    measured = blurred(exact.square(), SPREAD).sqrt()
    known = torch.ones(SIDE, SIDE, dtype=torch.bool)
    moduli = MeasuredModuli(measured, known, known, spread_pixels=SPREAD)
    sharp = moduli.sharpened(truth)
    before, after = ((m - exact).square().mean().sqrt() for m in (measured, sharp.modulus))
    assert after < 0.2 * before
    assert sharp.sharpened(truth).modulus.equal(sharp.modulus)
    assert sharp.rows([0]).blurred is not None


def test_a_wave_that_foretells_nothing_changes_little() -> None:
    generator = torch.Generator().manual_seed(1)
    measured = fft2(wave()).abs()
    known = torch.ones(SIDE, SIDE, dtype=torch.bool)
    other = torch.randn(1, SIDE, SIDE, generator=generator, dtype=torch.complex64)
    ratio = sharpening(other, SPREAD, measured, known)
    assert (ratio - 1).abs().mean() < 0.02
    dead = sharpening(torch.zeros_like(other), SPREAD, measured, known)
    assert torch.isfinite(dead).all()


def test_a_pixel_beside_a_bright_one_stays_finite() -> None:
    spike = torch.ones(1, SIDE, SIDE) * 1e-9
    spike[0, 0, 0] = 1e12
    assert (blurred(spike, SPREAD) >= 0.5 * spike).all()


def test_iterations_find_a_wave_behind_blurred_moduli() -> None:
    truth = wave()
    exact = fft2(truth).abs()
    known = torch.ones(SIDE, SIDE, dtype=torch.bool)
    support = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    support[:, 3:20, 2:19] = True
    measured = blurred(exact.square(), SPREAD).sqrt()
    generator = torch.Generator().manual_seed(2)
    noise = 0.2 * torch.randn(1, SIDE, SIDE, generator=generator) * support
    errors = {}
    for spread in (0.0, SPREAD):
        moduli = MeasuredModuli(measured, known, known, spread_pixels=spread)
        found = truth + torch.complex(torch.zeros_like(noise), noise)
        for _ in range(200):
            moduli = moduli.sharpened(found)
            found = error_reduction(found, moduli, support, True, 1.0)
        errors[spread] = (found - truth).abs().square().mean().sqrt()
    assert errors[SPREAD] < 0.5 * errors[0.0]
