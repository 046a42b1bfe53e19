"""Slices, shifts, grids and alignment against the definition."""

import math

import torch
from blob import GRID, POINTS, density, noisy_views, project, random_rotations, random_shifts

from diffragan.reconstruction.band import coefficients, half_disc, ramp, slice_points
from diffragan.reconstruction.map_alignment import align_maps, mirror_map, move_map
from diffragan.reconstruction.map_table import make_table
from diffragan.reconstruction.orientations import (
    angle_between,
    orientation_grid,
    turn,
)
from diffragan.reconstruction.refinement.centring import centre_uncertainty, centres
from diffragan.reconstruction.refinement.local_search import climb

BOX = GRID.box_angstrom
BAND = half_disc(GRID.pixels)


def test_a_band_has_each_pair_of_frequencies_once() -> None:
    pairs = {tuple(f) for f in BAND.frequencies.long().tolist()}
    assert len(pairs) == len(BAND)
    assert not any((-x, -y) in pairs for x, y in pairs if (x, y) != (0, 0))
    assert (BAND.shells.diff() >= 0).all()
    assert len(BAND.within(3)) == (BAND.shells <= 3).sum()


def test_an_image_is_a_slice_of_the_map_moved_by_its_shift() -> None:
    rotations, shifts = random_rotations(4, 0), random_shifts(4, 1)
    data = coefficients(project(rotations, shifts), BAND, GRID) * ramp(shifts, BAND, BOX)
    slices = make_table(density(), 9).sample(slice_points(rotations, BAND))
    # Linear interpolation is off by some per cent, up at the samples and down between them.
    assert (data - slices).norm() < 0.05 * slices.norm()


def test_the_gradient_of_a_slice_is_its_difference() -> None:
    table = make_table(density(), 9)
    points = torch.tensor([[1.23, -2.31, 0.77], [-1.7, 0.4, 3.3]], dtype=torch.float64)
    value, gradient = table.sample_with_gradient(points)
    assert torch.equal(value, table.sample(points))
    for axis in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[axis] = 1e-3
        difference = (table.sample(points + step) - table.sample(points - step)) / 2e-3
        torch.testing.assert_close(gradient[:, axis], difference, rtol=2e-2, atol=1e-6)


def test_climbing_finds_orientation_and_shift_of_images_without_noise() -> None:
    rotations, shifts = random_rotations(12, 2), random_shifts(12, 3)
    data = coefficients(project(rotations, shifts), BAND, GRID).to(torch.complex64)
    generator = torch.Generator().manual_seed(0)
    off = 0.15 * torch.randn(12, 3, generator=generator, dtype=torch.float64)
    found, places, _ = climb(
        make_table(density(), 9),
        data,
        torch.ones(len(BAND)),
        BAND,
        turn(off) @ rotations,
        shifts + 0.5,
        BOX,
        steps=12,
        max_shift=9.0,
    )
    assert angle_between(found, rotations).max() < math.radians(1.0)
    assert (places - shifts).abs().max() < 0.1


def test_centres_are_near_the_shifts_and_within_what_is_said() -> None:
    images, _, shifts = noisy_views(60, 4, 0.7)
    data = coefficients(images, BAND, GRID).to(torch.complex64)
    power = data.abs().double().square().mean(0)
    signal = torch.stack([power[BAND.shells == s].mean() for s in range(10)])
    found = centres(data, signal, float(signal[-1]), BAND, BOX, 8.0)
    error = (found - shifts) - (found - shifts).mean(0)
    reach = centre_uncertainty(float(signal[1]), float(signal[-1]), BOX)
    assert error.norm(dim=1).median() < 1.0
    assert error.norm(dim=1).quantile(0.9) < reach


def test_a_grid_of_orientations_leaves_no_hole() -> None:
    grid = orientation_grid(20.0)
    turned = random_rotations(200, 6)
    nearest = torch.stack([angle_between(grid, r.expand_as(grid)).min() for r in turned])
    assert nearest.max() < math.radians(20.0)


def test_a_turned_moved_and_mirrored_map_is_laid_back() -> None:
    truth = density()
    rotation = random_rotations(1, 8)[0]
    shift = torch.tensor([2.0, -3.0, 1.0], dtype=torch.float64)
    moving = mirror_map(density(POINTS @ rotation.T + shift))
    alignment = align_maps(moving, truth, GRID, finest_angstrom=6.0)
    assert alignment.mirrored
    assert alignment.correlation > 0.99 > alignment.other_hand_correlation
    back = move_map(moving, alignment, GRID)
    assert (back - truth).norm() < 0.05 * truth.norm()
    unlike = align_maps(mirror_map(moving), truth, GRID, both_hands=False, finest_angstrom=6.0)
    assert not unlike.mirrored
    assert unlike.correlation > 0.99
