"""FRC against independent implementations and its laws, on even and odd sizes."""

import pytest
import torch
from torch_fourier_shell_correlation import fourier_correlation

from diffragan.evaluation.frc import frc_curves
from diffragan.evaluation.metrics import MeasuredLimit, image_frc, wave_frc
from diffragan.evaluation.thresholds import independent_samples, noise_error
from diffragan.rings import RingKind

SIZES = [32, 33, 64, 77]
KINDS: list[RingKind] = ["hard", "smooth"]


def limit(size: int) -> MeasuredLimit:
    return MeasuredLimit(2.0, 1.4, size // 2 + 1, float(size))


def noise(seed: int, size: int, views: int = 3) -> torch.Tensor:
    return torch.randn(views, size, size, generator=torch.Generator().manual_seed(seed))


def waves(seed: int, size: int, views: int = 3) -> torch.Tensor:
    return torch.complex(noise(seed, size, views), noise(seed + 1000, size, views))


def similar(true: torch.Tensor, seed: int) -> torch.Tensor:
    return true + noise(seed, true.shape[-1], len(true))


def naive_hard_frc(first: torch.Tensor, second: torch.Tensor, rings: int) -> list[float]:
    """Ring by ring and pixel by pixel, as one would write it down."""
    size = first.shape[-1]
    a, b = torch.fft.fft2(first.to(torch.complex128)), torch.fft.fft2(second.to(torch.complex128))
    sums = [[0.0, 0.0, 0.0] for _ in range(rings)]
    for row in range(size):
        for column in range(size):
            y = row if row < (size + 1) // 2 else row - size
            x = column if column < (size + 1) // 2 else column - size
            ring = round((y * y + x * x) ** 0.5)
            if ring < rings:
                one, two = complex(a[row, column]), complex(b[row, column])
                sums[ring][0] += (one * two.conjugate()).real
                sums[ring][1] += abs(one) ** 2
                sums[ring][2] += abs(two) ** 2
    return [cross / (power * other) ** 0.5 for cross, power, other in sums[1:]]


@pytest.mark.parametrize("size", [32, 33])
@pytest.mark.parametrize("complex_waves", [False, True])
def test_hard_rings_agree_with_a_naive_loop(size: int, complex_waves: bool) -> None:
    true = waves(0, size, 1) if complex_waves else noise(0, size, 1)
    found = similar(true, 5)
    expected = naive_hard_frc(found[0], true[0], size // 2 + 1)
    curve = frc_curves(found, true, limit(size), "hard").correlation[0]
    assert curve.tolist() == pytest.approx(expected, abs=1e-5)
    existing = (wave_frc if complex_waves else image_frc)(found, true, size // 2 + 1)
    assert existing[0].tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("complex_waves", [False, True])
def test_smooth_rings_agree_with_torch_fourier_shell_correlation(
    size: int, complex_waves: bool
) -> None:
    true = waves(1, size) if complex_waves else noise(1, size)
    found = similar(true, 6)
    spectra = [torch.fft.fft2(values - values.mean((-2, -1), True)) for values in (found, true)]
    # Their half transform counts half of the plane; the whole of it is what rings are made of.
    expected = fourier_correlation(*spectra, image_shape=(size, size), rfft=False)[:, 1:]
    curves = frc_curves(found, true, limit(size), "smooth").correlation
    torch.testing.assert_close(curves, expected.double(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_frc_of_a_copy_is_one_and_of_its_negative_minus_one(size: int, kind: RingKind) -> None:
    for true in (noise(2, size), waves(2, size)):
        ones = torch.ones(3, size // 2, dtype=torch.float64)
        curve = frc_curves(3 * true + 7, true, limit(size), kind).correlation
        torch.testing.assert_close(curve, ones, atol=1e-5, rtol=0)
        curve = frc_curves(-true, true, limit(size), kind).correlation
        torch.testing.assert_close(curve, -ones, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [32, 33])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("complex_waves", [False, True])
def test_frc_of_noise_is_zero_within_its_expected_error(
    size: int, kind: RingKind, complex_waves: bool
) -> None:
    make, views = (waves if complex_waves else noise), 400
    curves = frc_curves(make(3, size, views), make(4, size, views), limit(size), kind).correlation
    real = not complex_waves
    samples = independent_samples(size, size // 2 + 1, real=real, kind=kind)
    error = noise_error(samples)
    # Five standard errors of the mean: none of these rings may leave them.
    assert (curves.mean(0).abs() < 5 * error / views**0.5).all()
    spread = curves.std(0) / error
    # The outermost ring holds samples that are their own opposites, or none beyond the square.
    assert spread[:-1].sub(1).abs().max() < 0.2


def test_curves_state_their_rings() -> None:
    true = noise(5, 32)
    for kind in KINDS:
        curves = frc_curves(similar(true, 7), true, limit(32), kind)
        assert curves.rings == kind
        assert curves.frequency_per_angstrom.tolist() == [ring / 32 for ring in range(1, 17)]
        interval = curves.mean(seed=3)
        torch.testing.assert_close(interval.value, curves.correlation.mean(0))
