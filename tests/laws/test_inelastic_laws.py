"""Laws of electrons that lose energy: none is lost, and their angles are those of a Lorentzian."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import dblquad

from diffragan.config.beam import InelasticSettings
from diffragan.electron import Electron
from diffragan.errors import InputError
from diffragan.physics.inelastic import inelastic_kernel, with_inelastic

ELECTRON = Electron(200.0)
SPACING = 0.35
DEFAULTS = InelasticSettings(enabled=True)
widths = st.floats(0.02, 0.5)


def elastic(seed: int, side: int = 111) -> torch.Tensor:
    pattern = torch.rand(side, side, generator=torch.manual_seed(seed)) * 1e-6
    pattern[side // 2, side // 2] = 0.98
    return pattern


@given(widths, st.floats(1, 12))
def test_a_kernel_that_reaches_the_cutoff_holds_every_electron(width: float, cutoff: float) -> None:
    kernel = inelastic_kernel(40, SPACING, width, cutoff)
    assert float(kernel.sum()) == pytest.approx(1.0)
    torch.testing.assert_close(kernel, kernel.T)
    torch.testing.assert_close(kernel, kernel.flip(0))


@given(widths)
def test_the_middle_pixel_holds_the_integral_over_its_square(width: float) -> None:
    cutoff = 10.0
    kernel = inelastic_kernel(40, SPACING, width, cutoff)
    norm = np.pi * np.log(1 + (cutoff / width) ** 2)
    half = SPACING / 2
    quarter, _ = dblquad(lambda y, x: 1 / (x * x + y * y + width**2), 0, half, 0, half)
    beside, _ = dblquad(lambda y, x: 1 / (x * x + y * y + width**2), half, 3 * half, -half, half)
    assert float(kernel[40, 40]) == pytest.approx(4 * quarter / norm, rel=2e-3)
    assert float(kernel[40, 41]) == pytest.approx(beside / norm, rel=2e-3)


@given(widths, st.floats(1.5, 9))
@settings(max_examples=20)
def test_the_share_within_an_angle_is_the_logarithm_of_egerton(width: float, angle: float) -> None:
    """ln(1 + (angle / theta_E)^2) over the same at the cut-off (Egerton, sec. 3.2)."""
    cutoff, fine = 10.0, 0.1
    kernel = inelastic_kernel(100, fine, width, cutoff)
    offsets = (torch.arange(201) - 100) * fine
    within = offsets[:, None] ** 2 + offsets[None, :] ** 2 <= angle**2
    expected = np.log1p((angle / width) ** 2) / np.log1p((cutoff / width) ** 2)
    assert float(kernel[within].sum()) == pytest.approx(expected, abs=5e-3)


def test_a_short_kernel_lacks_what_goes_further() -> None:
    whole = inelastic_kernel(40, SPACING, 0.06, 10.0)
    short = inelastic_kernel(10, SPACING, 0.06, 10.0)
    torch.testing.assert_close(short, whole[30:51, 30:51], rtol=1e-3, atol=1e-9)


@given(st.integers(0, 2**31), st.floats(0.001, 0.7))
@settings(max_examples=20)
def test_the_background_carries_what_the_elastic_pattern_lost(seed: int, fraction: float) -> None:
    pattern = torch.zeros(161, 161)
    pattern[70:91, 70:91] = elastic(seed, 21)
    recorded = with_inelastic(pattern, fraction, SPACING, ELECTRON, DEFAULTS)
    # Three losses in a row may leave the square, and seldom do.
    assert float(recorded.sum()) == pytest.approx(float(pattern.sum()), rel=2e-3)
    filtered = with_inelastic(
        pattern, fraction, SPACING, ELECTRON, InelasticSettings(enabled=True, energy_filter=True)
    )
    torch.testing.assert_close(filtered, pattern * (1 - fraction))
    assert bool((recorded >= filtered * (1 - 1e-5)).all())


def test_two_thin_layers_are_one_thick_one() -> None:
    pattern = torch.zeros(161, 161, dtype=torch.float64)
    pattern[70:91, 70:91] = elastic(1, 21).double()
    once = with_inelastic(pattern, 0.2, SPACING, ELECTRON, DEFAULTS)
    twice = with_inelastic(once, 0.3, SPACING, ELECTRON, DEFAULTS)
    thick = with_inelastic(pattern, 1 - 0.8 * 0.7, SPACING, ELECTRON, DEFAULTS)
    inner = slice(40, 121)
    torch.testing.assert_close(twice[inner, inner], thick[inner, inner], rtol=1e-2, atol=1e-8)


def test_a_rare_loss_adds_one_convolution() -> None:
    """Against the naive sum over pixels, to first order."""
    side, fraction = 15, 1e-4
    pattern = elastic(5, side).double()
    kernel = inelastic_kernel(side - 1, SPACING, 20 / 343_741 * 1e3, 10.78734).numpy()
    background = np.zeros((side, side))
    for y in range(side):
        for x in range(side):
            at = kernel[side - 1 - y : 2 * side - 1 - y, side - 1 - x : 2 * side - 1 - x]
            background += float(pattern[y, x]) * at
    expected = (1 - fraction) * pattern.numpy() + fraction * background
    found = with_inelastic(pattern, fraction, SPACING, ELECTRON, DEFAULTS).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3 * fraction * background.max())


def test_nothing_inelastic_leaves_the_pattern_and_gradients_pass() -> None:
    pattern = elastic(2)
    assert with_inelastic(pattern, 0.0, SPACING, ELECTRON, DEFAULTS) is pattern
    batch = pattern.repeat(2, 1, 1).requires_grad_(True)
    with_inelastic(batch, 0.1, SPACING, ELECTRON, DEFAULTS)[:, 10].sum().backward()
    assert batch.grad is not None
    assert float(batch.grad[:, 10].min()) > 0


def test_a_wider_cutoff_sends_electrons_further() -> None:
    pattern = elastic(3)
    near, far = (
        with_inelastic(
            pattern, 0.3, SPACING, ELECTRON, InelasticSettings(enabled=True, cutoff_mrad=angle)
        )
        for angle in (2.0, 15.0)
    )
    assert float(far[55, 85]) > 10 * float(near[55, 85])


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_impossible_fractions_are_refused(fraction: float) -> None:
    with pytest.raises(InputError, match="inelastic fraction"):
        with_inelastic(elastic(0), fraction, SPACING, ELECTRON, DEFAULTS)
