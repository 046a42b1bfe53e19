"""A view's wave from the map of the molecule, and a coarse map from images."""

import torch
from made_up_patterns import BOX, LIMIT, experiment, grid, molecule, orientations, truth, waves

from diffragan.fourier import fourier, resample
from diffragan.grid import Grid
from diffragan.physics.forward import image
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.many_views.coarse_map import ImageBatch, map_from_images
from diffragan.reconstruction.many_views.geometry import grid_for
from diffragan.reconstruction.many_views.waves import waves_of_map
from diffragan.reconstruction.truth import true_potential_map
from diffragan.rings import ring_correlation, ring_index

VIEWS = 4


def test_the_wave_of_the_true_map_is_the_true_wave() -> None:
    setting = experiment()
    fine = grid_for(LIMIT, BOX, margin=1.3)
    volume = torch.fft.ifftshift(true_potential_map(molecule(), fine))
    field = Grid(setting.wave_pixels, BOX)
    found = waves_of_map(
        volume, fine, orientations(VIEWS).float(), torch.zeros(VIEWS, 3), field,
        setting.electron, LIMIT,
    )  # fmt: skip
    true = resample(waves(VIEWS), setting.wave_pixels)
    rings = ring_index((field.pixels,) * 2)
    frc = ring_correlation(fourier(found), fourier(true), rings, int(LIMIT * BOX))
    assert frc[:, 1:].min() > 0.95
    assert torch.allclose(found.imag.std(), true.imag.std(), rtol=0.2)


def test_a_shift_moves_the_wave() -> None:
    setting, field = experiment(), Grid(experiment().wave_pixels, BOX)
    shift = torch.tensor([[4 * field.pixel_angstrom, -2 * field.pixel_angstrom]])

    def wave(by: torch.Tensor) -> torch.Tensor:
        turn = orientations(1).float()
        return waves_of_map(truth(), grid(), turn, by, field, setting.electron, LIMIT)[0]

    moved = torch.roll(wave(torch.zeros(1, 2)), (-2, 4), (0, 1))
    assert torch.allclose(wave(shift), moved, atol=1e-3 * float(moved.abs().max()))


def test_images_make_a_coarse_map() -> None:
    setting, count = experiment(), 40
    lens, dose = setting.low_resolution, 1e4
    field, shifts = setting.simulation_grid, torch.zeros(40, 2)
    seen = image(waves(count), field, lens, setting.electron, setting.image_pixels)
    expected = seen * dose * setting.image_grid.pixel_angstrom**2
    counts = torch.poisson(expected, generator=torch.Generator().manual_seed(0))
    batch = ImageBatch(counts, torch.full((count,), dose), orientations(count).float(), shifts)
    found = map_from_images([batch], setting, grid(), 5.5)
    fsc = fourier_shell_correlation(found, truth(), grid())[1]
    assert fsc[3 : int(BOX / 6)].min() > 0.7
