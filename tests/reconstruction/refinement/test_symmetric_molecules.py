"""Molecules of symmetry Cn and Dn from images of unknown orientation."""

import torch
from blob import GRID, HEIGHTS, POINTS, density, project, random_rotations, random_shifts

from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.map_alignment import align_maps, move_map
from diffragan.reconstruction.maps import reconstruct_halves
from diffragan.reconstruction.orientations import turn
from diffragan.reconstruction.refinement import RefinementSettings, refine
from diffragan.reconstruction.refinement.halves import frame_between
from diffragan.reconstruction.refinement.symmetry import symmetry_turns
from diffragan.typing import Tensor

QUICK = {
    "starts": 1,
    "start_iterations": 40,
    "start_batch": 60,
    "start_step_degrees": 24,
    "start_finest_angstrom": 9,
    "search_step_degrees": 24,
    "search_finest_angstrom": 9,
    "handover_angstrom": 13,
    "max_iterations": 4,
}


def copies(turns: Tensor) -> tuple[Tensor, Tensor]:
    """Points of all copies of the small molecule, and their heights."""
    return torch.cat([POINTS @ turn.T for turn in turns]), HEIGHTS.repeat(len(turns))


def test_a_symmetric_molecule_is_found_from_nothing() -> None:
    # One start alone may end in a wrong place, which this one does not; a run makes three.
    name, count, seed = "D2", 60, 1
    points, heights = copies(symmetry_turns(name))
    rotations, shifts = random_rotations(count, 20), random_shifts(count, 21)
    clean = project(rotations, shifts, points, heights)
    generator = torch.Generator().manual_seed(22)
    noise = torch.randn(clean.shape, generator=generator, dtype=torch.float64)
    images = (clean + noise * clean.std() / 2**0.5).float()
    found = refine(images, GRID, RefinementSettings(seed=seed, symmetry=name, **QUICK))
    truth = density(points, heights).float()
    moved = move_map(found.full, align_maps(found.full, truth, GRID), GRID)
    frequency, correlation = fourier_shell_correlation(moved, truth, GRID)
    assert correlation[frequency < 1 / 8].min() > 0.9
    turned = found.full.flip((1, 2)).roll((1, 1), (1, 2))  # half a turn about z
    assert (turned - found.full).norm() < 1e-3 * found.full.norm()


def test_known_poses_fill_a_symmetric_map_from_few_views() -> None:
    turns = symmetry_turns("D2")
    points, heights = copies(turns)
    rotations, shifts = random_rotations(8, 20), random_shifts(8, 21)
    batch = project(rotations, shifts, points, heights).float(), rotations, shifts
    truth = density(points, heights).float()
    agreement = []
    for known in (None, turns):
        found = reconstruct_halves([batch], GRID, turns=known).full
        _, correlation = fourier_shell_correlation(found, truth, GRID)
        agreement.append(float(correlation[1:7].mean()))
    assert agreement[1] > agreement[0] + 0.1
    for axes in ((1, 2), (0, 1)):  # half a turn about z and about x
        turned = found.flip(axes).roll((1, 1), axes)
        assert (turned - found).norm() < 0.02 * found.norm()


def test_the_frames_of_symmetric_halves_move_along_their_axis_alone() -> None:
    turns = symmetry_turns("C2")
    points, heights = copies(turns)
    fixed = density(points, heights)
    by = torch.tensor([[0.0, 0.0, 0.08]], dtype=torch.float64)
    along = torch.tensor([0.0, 0.0, 0.7], dtype=torch.float64)
    moving = density((points - along) @ turn(by)[0], heights)
    rotation, shift = frame_between(moving, fixed, GRID, 8, turns)
    torch.testing.assert_close(rotation, turn(by)[0], atol=5e-3, rtol=0)
    torch.testing.assert_close(shift, along, atol=0.05, rtol=0)
    rotation, shift = frame_between(moving, fixed, GRID, 8, symmetry_turns("D2"))
    torch.testing.assert_close(rotation, torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(shift, torch.zeros(3, dtype=torch.float64))
