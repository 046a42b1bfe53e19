"""Shifts that a phasing method got wrong are found again without any truth."""

from dataclasses import replace

import torch
from phantom import atoms, gaussian_factor, orientations, projections, shifts

from diffragan.grid import Grid
from diffragan.io.star import ParticleOptics
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.maps import Maps, reconstruct_halves
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.shift_alignment import align_shifts
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.reconstruction.truth import true_potential_map
from diffragan.rings import resolution_at

GRID = Grid(32, 48.0)
FINE = Grid(64, 48.0)
MODEL = atoms(14.0)
COUNT = 120


def particles(poses: Poses) -> ParticleSet:
    moves = torch.nn.functional.pad(poses.shifts_angstrom, (0, 1))
    images = projections(MODEL, poses.rotations, moves, GRID).float()
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    images = images + 0.3 * images.std() * noise
    optics = ParticleOptics(200.0, 0.0, 0.0, GRID.pixel_angstrom, GRID.pixels)
    return ParticleSet("p", COUNT, GRID, lambda n: images[list(n)], optics, {}, poses=poses)


def off(found: torch.Tensor, true: torch.Tensor) -> float:
    return float((found - true).square().sum(1).mean().sqrt())


def resolution(maps: Maps) -> float:
    truth = true_potential_map(MODEL, GRID, gaussian_factor)
    frequency, fsc = fourier_shell_correlation(maps.full, truth, GRID)
    return resolution_at(fsc, frequency) or 2 * GRID.pixel_angstrom


def test_scattered_shifts_return_and_the_map_sharpens() -> None:
    true = Poses(orientations(COUNT), shifts(COUNT, 2.0)[:, :2])
    given = particles(true)
    halves = torch.arange(COUNT) % 2
    generator = torch.Generator().manual_seed(3)
    scatter = 1.5 * torch.randn(COUNT, 2, generator=generator, dtype=torch.float64)
    start = Poses(true.rotations, true.shifts_angstrom + scatter)
    told: list[int] = []
    found = align_shifts(given, start, halves, watch=lambda number, _: told.append(number))
    before, after = (
        reconstruct_halves(given.batches(poses), GRID, half_sets=halves) for poses in (start, found)
    )
    assert off(start.shifts_angstrom, true.shifts_angstrom) > 2.0
    assert off(found.shifts_angstrom, true.shifts_angstrom) < 0.5
    assert resolution(after) < 0.75 * resolution(before)
    assert told == list(range(1, len(told) + 1))
    torch.testing.assert_close(found.rotations, true.rotations)


def test_right_shifts_stay_and_so_does_the_map_as_a_whole() -> None:
    true = Poses(orientations(COUNT), shifts(COUNT, 2.0)[:, :2])
    found = align_shifts(particles(true), true, torch.arange(COUNT) % 2)
    assert off(found.shifts_angstrom, true.shifts_angstrom) < 0.15
    moved = found.shifts_angstrom - true.shifts_angstrom
    seen = true.rotations[:, :2]
    common = torch.linalg.lstsq(seen.flatten(0, 1), moved.flatten()[:, None]).solution
    assert float(common.norm()) < 1e-6


def test_few_exact_views_are_laid_to_a_fraction_of_a_pixel() -> None:
    """As a map of so few would lay each on itself, and by coarse samples alone."""
    few = 24
    true = Poses(orientations(few), shifts(few, 2.0)[:, :2])
    moves = torch.nn.functional.pad(true.shifts_angstrom, (0, 1))
    images = projections(MODEL, true.rotations, moves, FINE).float()
    given = replace(particles(true), count=few, grid=FINE, read=lambda items: images[list(items)])
    generator = torch.Generator().manual_seed(3)
    scatter = 0.8 * torch.randn(few, 2, generator=generator, dtype=torch.float64)
    start = Poses(true.rotations, true.shifts_angstrom + scatter)
    found = align_shifts(given, start, torch.arange(few) % 2).shifts_angstrom
    seen = true.rotations[:, :2].flatten(0, 1)
    wrong = (found - true.shifts_angstrom).flatten()
    common = torch.linalg.lstsq(seen, wrong[:, None]).solution[:, 0]
    assert off((wrong - seen @ common).reshape(-1, 2), torch.zeros(few, 2)) < 0.05


def test_half_sets_do_not_hear_of_each_other_but_for_a_common_move() -> None:
    true = Poses(orientations(COUNT), shifts(COUNT, 2.0)[:, :2])
    given, halves = particles(true), torch.arange(COUNT) % 2
    noise = torch.randn(COUNT, *(GRID.pixels,) * 2, generator=torch.Generator().manual_seed(1))
    spoilt = replace(
        given,
        read=lambda items: torch.where(
            halves[list(items), None, None] == 1, noise[list(items)], given.read(items)
        ),
    )
    moves = []
    for one in (given, spoilt):
        shifts_found = align_shifts(one, true, halves, rounds=1).shifts_angstrom[::2]
        moved, seen = (shifts_found - true.shifts_angstrom[::2]).flatten(), true.rotations[::2, :2]
        rows = seen.flatten(0, 1)
        moves.append(moved - rows @ torch.linalg.lstsq(rows, moved[:, None]).solution[:, 0])
    torch.testing.assert_close(*moves, rtol=0, atol=1e-6)
