"""Atoms to projections to a map, against the atoms and against RELION."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from phantom import atoms, gaussian_factor, orientations, projections, shifts

from diffragan.grid import Grid
from diffragan.io.mrc import read_mrc, write_stack
from diffragan.io.star import ParticleOptics, write_particles
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.maps import reconstruct_map
from diffragan.reconstruction.truth import true_potential_map
from diffragan.rings import ring_index, ring_sum
from diffragan.typing import Tensor, Volume

VIEWS = 300


@dataclass(frozen=True)
class Cycle:
    grid: Grid
    images: Tensor
    rotations: Tensor
    moves: Tensor
    truth: Volume

    def reconstructed(self, views: int = VIEWS) -> Volume:
        return reconstruct_map(
            self.images[:views], self.rotations[:views], self.moves[:views], self.grid
        )

    def agreement(self, volume: Volume) -> Tensor:
        """FSC with the truth up to 0.7 of Nyquist."""
        frequency, fsc = fourier_shell_correlation(volume, self.truth, self.grid)
        return fsc[frequency <= 0.7 * self.grid.nyquist_per_angstrom]


def cycle(pixels: int) -> Cycle:
    grid = Grid(pixels, float(pixels))
    model = atoms(16.0)
    rotations, moves = orientations(VIEWS), shifts(VIEWS, 2.0)
    images = projections(model, rotations, moves, grid)
    return Cycle(grid, images, rotations, moves, true_potential_map(model, grid, gaussian_factor))


@pytest.fixture(scope="module")
def even() -> Cycle:
    return cycle(48)


@pytest.fixture(scope="module")
def volume(even: Cycle) -> Volume:
    return even.reconstructed()


@pytest.mark.parametrize("pixels", [48, 45])
def test_the_map_shows_the_atoms_on_even_and_odd_grids(pixels: int) -> None:
    case = cycle(pixels)
    assert case.agreement(case.reconstructed()).min() > 0.99


def test_the_scale_is_the_potential_in_volts(even: Cycle, volume: Volume) -> None:
    shells = ring_index(tuple(volume.shape))
    power = [ring_sum(torch.fft.fftn(v).abs() ** 2, shells, 17) for v in (volume, even.truth)]
    torch.testing.assert_close(torch.sqrt(power[0] / power[1]), torch.ones(17), atol=0.05, rtol=0)


def test_the_hand_and_the_order_of_axes_are_told(even: Cycle, volume: Volume) -> None:
    assert even.agreement(volume).min() > 0.99
    mirrored = volume.flip(0).roll(1, 0)  # keeps n // 2 of an even box in place
    swapped = volume.transpose(0, 2).contiguous()
    images, rotations, moves = even.images[:100], even.rotations[:100], even.moves[:100]
    turned_back = reconstruct_map(images, rotations.mT, moves, even.grid)
    moved_twice = reconstruct_map(images, rotations, -moves, even.grid)
    for wrong in (mirrored, swapped, turned_back, moved_twice):
        assert even.agreement(wrong).mean() < 0.6


def test_four_views_give_what_they_measured(even: Cycle) -> None:
    few = even.reconstructed(4)
    assert torch.isfinite(few).all()
    fsc = even.agreement(few)
    assert fsc[1:3].min() > 0.8
    assert fsc.min() > 0.1


def test_a_band_limit_keeps_the_rest_empty(even: Cycle) -> None:
    limit = 0.25
    some = (even.images[:60], even.rotations[:60], even.moves[:60])
    volume = reconstruct_map(*some, even.grid, band_limit_per_angstrom=limit)
    shells = ring_index(tuple(volume.shape))
    power = ring_sum(torch.fft.fftn(volume).abs() ** 2, shells, 24)
    edge = int(limit * even.grid.box_angstrom)
    # Cropping the padded box mixes neighbouring frequencies a little.
    assert power[edge + 3 :].max() < 1e-2 * power[edge - 2]


@pytest.mark.skipif(shutil.which("relion_reconstruct") is None, reason="RELION is not installed")
def test_relion_makes_the_same_map_from_our_files(even: Cycle, tmp_path: Path) -> None:
    write_stack(tmp_path / "views.mrcs", even.images.numpy(), even.grid.pixel_angstrom)
    write_particles(
        tmp_path / "views.star",
        "views.mrcs",
        ParticleOptics(200.0, 0.0, 0.1, even.grid.pixel_angstrom, even.grid.pixels),
        VIEWS,
        rotations=even.rotations.numpy(),
        origins_angstrom=-even.moves[:, :2].numpy(),
    )
    command = ["relion_reconstruct", "--i", "views.star", "--o", "relion.mrc"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=200)
    array, pixel, kind = read_mrc(tmp_path / "relion.mrc")
    assert (kind, pixel) == ("volume", pytest.approx(1.0))
    assert even.agreement(torch.from_numpy(array)).min() > 0.95
