"""What a detector's point spread does, and how far a wave takes it off again."""

import torch

from diffragan.fourier import centred, decentred, fft2
from diffragan.phasing.algorithms import error_reduction
from diffragan.phasing.point_spread import sharpening
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


def blurred(intensity: Tensor) -> Tensor:
    """What the detector sees of intensities in FFT order."""
    return decentred(gaussian_blur(centred(intensity), SPREAD))


def test_the_truth_takes_all_of_the_spread_off() -> None:
    truth = wave()
    exact = fft2(truth).abs()
    measured = blurred(exact.square()).sqrt()
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


def test_pixels_beside_a_bright_one_stay_finite() -> None:
    known = torch.ones(SIDE, SIDE, dtype=torch.bool)
    flat = torch.full((1, SIDE, SIDE), 1e3 + 0j, dtype=torch.complex64)
    measured = fft2(flat).abs()
    ratio = sharpening(flat, SPREAD, measured, known)
    assert torch.isfinite(ratio).all()
    assert ratio.max() < 1.3


def test_iterations_find_a_wave_behind_blurred_moduli() -> None:
    truth = wave()
    exact = fft2(truth).abs()
    known = torch.ones(SIDE, SIDE, dtype=torch.bool)
    support = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    support[:, 3:20, 2:19] = True
    measured = blurred(exact.square()).sqrt()
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
