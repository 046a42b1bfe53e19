import pytest
import torch

from diffragan.grid import Grid
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.typing import Volume


def noise(pixels: int, seed: int) -> Volume:
    return torch.randn((pixels,) * 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("pixels", "count"), [(16, 8), (15, 8)])
def test_a_copy_correlates_fully_and_up_to_nyquist(pixels: int, count: int) -> None:
    grid = Grid(pixels, 2.0 * pixels)
    volume = noise(pixels, 0)
    frequency, fsc = fourier_shell_correlation(volume, 3 * volume, grid)
    torch.testing.assert_close(fsc, torch.ones(count, dtype=fsc.dtype))
    assert float(frequency[-1]) == pytest.approx((count - 1) / grid.box_angstrom)
    assert float(frequency[-1]) < grid.nyquist_per_angstrom


def test_noise_does_not_correlate_and_a_negative_does_inversely() -> None:
    grid = Grid(32, 32.0)
    _, fsc = fourier_shell_correlation(noise(32, 0), noise(32, 1), grid)
    assert fsc[4:].abs().max() < 0.15
    _, fsc = fourier_shell_correlation(noise(32, 0), -noise(32, 0), grid)
    torch.testing.assert_close(fsc, -torch.ones_like(fsc))


def test_the_library_of_teamtomo_agrees() -> None:
    library = pytest.importorskip("torch_fourier_shell_correlation")
    grid = Grid(32, 32.0)
    signal = torch.fft.ifftn(torch.fft.fftn(noise(32, 0)) * _falling(grid)).real
    noisy = [signal + 0.05 * noise(32, seed) for seed in (1, 2)]
    _, fsc = fourier_shell_correlation(*noisy, grid)
    # It shares each voxel between two shells, so the curves differ where a shell has few voxels.
    difference = library.fourier_shell_correlation(*noisy)[: len(fsc)] - fsc
    assert difference[2:].abs().max() < 0.05
    assert difference.abs().mean() < 0.02


def _falling(grid: Grid) -> Volume:
    axis = grid.axis_frequencies()
    return torch.exp(-20 * (axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2))
