import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.fourier import (
    centred,
    decentred,
    fourier,
    inverse_fourier,
    resample,
    resize_centred,
)
from diffragan.grid import Grid
from diffragan.typing import Tensor

seeds = st.integers(0, 2**31 - 1)
sizes = st.integers(2, 17)


def wave(pixels: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, pixels, pixels, generator=generator, dtype=torch.complex128)


def positions(pixels: int) -> Tensor:
    """Places of the samples in a box of 1 with the origin at n // 2."""
    return (torch.arange(pixels, dtype=torch.float64) - pixels // 2) / pixels


def band_limited(pixels: int) -> Tensor:
    """A function of three waves, sampled on a box of 1."""
    y, x = torch.meshgrid(positions(pixels), positions(pixels), indexing="ij")
    terms = [(0.5, 0, 0), (1.0 - 0.3j, 2, -1), (0.7j, -1, -2)]
    return sum((a * torch.exp(2j * torch.pi * (h * x + k * y)) for a, h, k in terms), 0 * x)


@given(sizes, seeds)
def test_a_transform_returns(pixels: int, seed: int) -> None:
    psi = wave(pixels, seed)
    torch.testing.assert_close(inverse_fourier(fourier(psi)), psi)
    torch.testing.assert_close(decentred(centred(psi)), psi)


@given(sizes, seeds)
def test_parseval(pixels: int, seed: int) -> None:
    psi = wave(pixels, seed)
    power = (fourier(psi).abs() ** 2).sum((-2, -1)) / pixels**2
    torch.testing.assert_close(power, (psi.abs() ** 2).sum((-2, -1)))


@given(sizes, st.integers(-3, 3), st.integers(-3, 3))
def test_a_point_beside_the_origin_is_a_phase_ramp(pixels: int, x: int, y: int) -> None:
    image = torch.zeros(pixels, pixels, dtype=torch.float64)
    image[(pixels // 2 + y) % pixels, (pixels // 2 + x) % pixels] = 1
    q = Grid(pixels, float(pixels)).axis_frequencies(dtype=torch.float64)
    expected = torch.exp(-2j * torch.pi * (q[:, None] * y + q * x))
    torch.testing.assert_close(fourier(image), expected)


def test_a_symmetric_object_at_the_origin_has_a_real_transform() -> None:
    for pixels in (8, 9):
        x = positions(pixels) * pixels
        image = torch.exp(-(x[:, None] ** 2 + 2 * x**2))
        assert fourier(image).imag.abs().max() < 2e-7


@given(sizes, sizes)
def test_resizing_keeps_the_centre_at_n_over_two(size: int, pixels: int) -> None:
    image = torch.zeros(size, size)
    image[size // 2, size // 2] = 1
    resized = resize_centred(image, pixels)
    assert resized.shape == (pixels, pixels)
    assert resized[pixels // 2, pixels // 2] == 1
    assert resized.sum() == 1


@given(sizes, st.integers(0, 9), seeds)
def test_padding_then_cropping_returns(size: int, more: int, seed: int) -> None:
    psi = wave(size, seed)
    torch.testing.assert_close(resize_centred(resize_centred(psi, size + more), size), psi)


@given(st.integers(6, 17), st.integers(6, 17))
def test_resampling_keeps_a_band_limited_function(size: int, pixels: int) -> None:
    torch.testing.assert_close(resample(band_limited(size), pixels), band_limited(pixels))


@given(sizes, sizes, st.floats(-3, 3))
def test_a_constant_stays_that_constant(size: int, pixels: int, value: float) -> None:
    image = torch.full((size, size), value, dtype=torch.float64)
    expected = torch.full((pixels, pixels), value, dtype=torch.complex128)
    torch.testing.assert_close(resample(image, pixels), expected)


@pytest.mark.parametrize("pixels", [6, 7])
def test_a_grid_counts_in_angstrom(pixels: int) -> None:
    grid = Grid(pixels, 3.0 * pixels)
    assert grid.pixel_angstrom == 3
    assert grid.nyquist_per_angstrom == pytest.approx(1 / 6)
    axis = grid.axis_frequencies(dtype=torch.float64)
    torch.testing.assert_close(axis, torch.fft.fftfreq(pixels, 3.0, dtype=torch.float64))
    squares = grid.squared_frequencies(dtype=torch.float64)
    torch.testing.assert_close(squares[1, 2], axis[1] ** 2 + axis[2] ** 2)
    assert grid.with_pixels(4) == Grid(4, grid.box_angstrom)
