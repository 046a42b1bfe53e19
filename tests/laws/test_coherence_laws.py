"""Laws of the blur that keeps every electron, and of a beam of many directions."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.config.beam import BeamSettings
from diffragan.electron import Electron
from diffragan.physics.blur import gaussian_blur
from diffragan.physics.coherence import source_sigma_pixels, with_convergence

ELECTRON = Electron(200.0)
SIDE = 81


def spot() -> torch.Tensor:
    pattern = torch.zeros(SIDE, SIDE, dtype=torch.float64)
    pattern[SIDE // 2, SIDE // 2] = 1.0
    return pattern


@given(st.floats(0, 6))
def test_a_blur_keeps_the_total_and_has_its_variance(sigma: float) -> None:
    blurred = gaussian_blur(spot(), sigma)
    offsets = torch.arange(SIDE, dtype=torch.float64) - SIDE // 2
    assert float(blurred.sum()) == pytest.approx(1.0, abs=1e-9)
    for axis in (0, 1):
        variance = float((blurred.sum(axis) * offsets**2).sum())
        assert variance == pytest.approx(sigma**2, rel=1e-6, abs=1e-12)
    assert float(blurred.min()) >= 0


@given(st.floats(1.5, 6))
def test_a_wide_blur_is_a_gaussian(sigma: float) -> None:
    blurred = gaussian_blur(spot(), sigma)
    offsets = np.arange(SIDE) - SIDE // 2
    expected = np.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * sigma**2))
    expected /= 2 * np.pi * sigma**2
    np.testing.assert_allclose(blurred.numpy(), expected, atol=0.4 * expected.max() / sigma**2)


@given(st.floats(0.1, 3), st.floats(0.1, 3), st.integers(0, 2**31))
def test_two_blurs_add_their_variances(first: float, second: float, seed: int) -> None:
    pattern = torch.zeros(2, SIDE, SIDE, dtype=torch.float64)
    inner = torch.rand(2, 21, 21, dtype=torch.float64, generator=torch.manual_seed(seed))
    pattern[:, 30:51, 30:51] = inner
    both = gaussian_blur(gaussian_blur(pattern, first), second)
    at_once = gaussian_blur(pattern, (first**2 + second**2) ** 0.5)
    torch.testing.assert_close(both, at_once, rtol=1e-6, atol=1e-9)


def test_no_blur_is_the_same_pattern() -> None:
    assert torch.equal(gaussian_blur(spot(), 0.0), spot())


def test_weak_pixels_beside_the_direct_beam_stay_exact_in_float32() -> None:
    pattern = torch.full((SIDE, SIDE), 1e-9)
    pattern[SIDE // 2, SIDE // 2] = 1.0
    blurred = gaussian_blur(pattern, 1.0)
    assert float(blurred[20, 20]) == pytest.approx(1e-9, rel=1e-4)


@pytest.mark.parametrize("convergence", [0.05, 0.2, 0.5])
def test_a_convergent_beam_smears_a_spot_to_1_over_e_at_its_angle(convergence: float) -> None:
    """exp(-(angle / alpha)^2), read in the pattern's own angles."""
    box = 400.0
    blurred = with_convergence(spot(), convergence, box, ELECTRON)
    spacing = ELECTRON.angle_mrad(1 / box)
    offsets = (torch.arange(SIDE, dtype=torch.float64) - SIDE // 2) * spacing
    variance = float((blurred.sum(0) * offsets**2).sum())
    assert variance == pytest.approx(convergence**2 / 2, rel=2e-3)


def test_the_autocorrelation_falls_to_1_over_e_at_the_coherence_length() -> None:
    beam = BeamSettings(convergence_mrad=0.2)
    box = 640.0
    blurred = with_convergence(spot(), beam.convergence_mrad, box, ELECTRON)
    correlation = torch.fft.ifft(torch.fft.ifftshift(blurred.sum(0))).real
    fine = np.interp(
        beam.coherence_length_angstrom(ELECTRON) * SIDE / box, np.arange(40), correlation[:40]
    )
    assert fine / float(correlation[0]) == pytest.approx(np.exp(-1), abs=0.02)


def test_a_beam_from_one_direction_is_coherent_everywhere() -> None:
    assert BeamSettings().coherence_length_angstrom(ELECTRON) == float("inf")
    assert source_sigma_pixels(0.0, 100.0, ELECTRON) == 0.0


def test_gradients_pass_a_convergent_beam() -> None:
    pattern = spot().requires_grad_(True)
    with_convergence(pattern, 0.1, 500.0, ELECTRON)[30].sum().backward()
    assert pattern.grad is not None
    assert float(pattern.grad.abs().max()) > 0
