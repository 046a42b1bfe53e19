"""The whole engine on a few images: poses found, halves apart, the same bytes, going on."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from blob import (
    GRID,
    HEIGHTS,
    POINTS,
    density,
    noisy_views,
    project,
    random_rotations,
    random_shifts,
)

from diffragan.errors import ConfigError, InputError
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.map_alignment import align_maps, move_map
from diffragan.reconstruction.map_equations import image_equations
from diffragan.reconstruction.orientations import angle_between
from diffragan.reconstruction.refinement import (
    Poses,
    Refined,
    RefinementSettings,
    State,
    flip_hand,
    read_state,
    refine,
    write_state,
)
from diffragan.reconstruction.refinement.halves import change_frame, random_halves
from diffragan.reconstruction.refinement.problem import Problem, make_problem
from diffragan.reconstruction.refinement.refine_stage import (
    refine_state_from_poses,
    refine_step,
)
from diffragan.reconstruction.refinement.symmetry import symmetry_turns
from diffragan.typing import Tensor

QUICK = RefinementSettings(
    seed=1,
    starts=1,
    start_iterations=40,
    start_batch=60,
    start_step_degrees=24,
    start_finest_angstrom=9,
    search_step_degrees=24,
    search_finest_angstrom=9,
    handover_angstrom=13,
    max_iterations=6,
)
COUNT = 120


@pytest.fixture(scope="module")
def views() -> tuple[Tensor, Tensor, Tensor]:
    return noisy_views(COUNT, 20, 2.0)


@pytest.fixture(scope="module")
def states() -> list[State]:
    return []


@pytest.fixture(scope="module")
def refined(views: tuple[Tensor, Tensor, Tensor], states: list[State]) -> Refined:
    return refine(views[0], GRID, QUICK, watch=states.append)


def test_the_map_and_the_poses_are_found(
    views: tuple[Tensor, Tensor, Tensor], refined: Refined
) -> None:
    alignment = align_maps(refined.full, density().float(), GRID)
    moved = move_map(refined.full, alignment, GRID)
    frequency, correlation = fourier_shell_correlation(moved, density().float(), GRID)
    assert correlation[frequency < 1 / 8].min() > 0.9
    right = flip_hand(refined) if alignment.mirrored else refined
    frame = change_frame(right.poses, alignment.rotation, alignment.shift_angstrom)
    assert angle_between(frame.rotations, views[1]).median() < math.radians(5)
    assert (frame.shifts_angstrom - views[2]).norm(dim=1).median() < 0.6


def test_a_killed_run_ends_with_the_bytes_of_an_unbroken_one(
    views: tuple[Tensor, Tensor, Tensor], refined: Refined, states: list[State], tmp_path: Path
) -> None:
    for place in (-2, 38):
        write_state(tmp_path / "state", states[place], {"of": "a test"})
        state, described = read_state(tmp_path / "state")
        assert described == {"of": "a test"}
        again = refine(views[0], GRID, QUICK, state=state)
        assert torch.equal(again.full, refined.full)
        assert torch.equal(again.poses.rotations, refined.poses.rotations)
        assert again.history == refined.history


def test_threads_change_no_byte(
    views: tuple[Tensor, Tensor, Tensor], refined: Refined, states: list[State]
) -> None:
    again = refine(views[0], GRID, QUICK, state=states[39], threads=3)
    assert torch.equal(again.full, refined.full)
    assert torch.equal(again.half2, refined.half2)


def test_halves_never_share_an_image(views: tuple[Tensor, Tensor, Tensor]) -> None:
    """An image of the second half leaves every byte of the first half's poses and map as it was."""
    images, rotations, shifts = views
    settings = RefinementSettings(max_iterations=1)
    problem = make_problem(images, GRID, settings, shifts, "cpu")
    halves = random_halves(COUNT, settings.seed)
    start = refine_state_from_poses(problem, rotations, halves)
    assert torch.bincount(halves).tolist() == [COUNT // 2, COUNT // 2]
    data = problem.data.clone()
    other = int(torch.nonzero(halves == 1)[0])
    data[other] = 3 * data[other].conj()
    first, second = (
        refine_step(p, settings, start, 1).tensors for p in (problem, replace(problem, data=data))
    )
    mine = halves == 0
    for name in ("rotations", "shifts"):
        assert torch.equal(first[name][mine], second[name][mine])
        assert not torch.equal(first[name][~mine], second[name][~mine])
    maps = [
        _map(problem, problem.data, first, mine),
        _map(problem, data, second, mine),
        _map(problem, problem.data, first, ~mine),
        _map(problem, data, second, ~mine),
    ]
    assert torch.equal(maps[0], maps[1])
    assert not torch.equal(maps[2], maps[3])


def _map(problem: Problem, data: Tensor, tensors: Mapping[str, Tensor], mine: Tensor) -> Tensor:
    """Right side of a half's equations."""
    return image_equations(
        data[mine],
        tensors["rotations"][mine],
        tensors["shifts"][mine],
        problem.band,
        problem.turns,
        GRID.pixels,
        GRID.box_angstrom,
    ).right_side


def test_known_poses_are_kept_or_improved(views: tuple[Tensor, Tensor, Tensor]) -> None:
    images, rotations, shifts = views
    refined = refine(images, GRID, QUICK, poses=Poses(rotations, shifts))
    assert angle_between(refined.poses.rotations, rotations).median() < math.radians(4)
    _, correlation = fourier_shell_correlation(refined.full, density().float(), GRID)
    assert correlation[1:5].min() > 0.95


def test_a_symmetric_map_is_symmetric_and_better() -> None:
    turns = symmetry_turns("C2")
    points = torch.cat([POINTS @ turn.T for turn in turns])
    heights = HEIGHTS.repeat(2)
    rotations, shifts = random_rotations(30, 50), random_shifts(30, 51)
    clean = project(rotations, shifts, points, heights)
    generator = torch.Generator().manual_seed(52)
    noise = torch.randn(clean.shape, generator=generator, dtype=torch.float64)
    images = clean + noise * clean.std()
    truth = density(points, heights).float()
    agreement = []
    for name in ("C1", "C2"):
        settings = RefinementSettings(symmetry=name, max_iterations=2)
        found = refine(images, GRID, settings, poses=Poses(rotations, shifts)).full
        agreement.append(float((found * truth).sum() / (found.norm() * truth.norm())))
    assert agreement[1] > agreement[0]
    half_turn = found.flip((1, 2)).roll((1, 1), (1, 2))
    assert (half_turn - found).norm() < 1e-3 * found.norm()


def test_the_other_hand_explains_the_same_images(refined: Refined) -> None:
    twice = flip_hand(flip_hand(refined))
    torch.testing.assert_close(twice.poses.rotations, refined.poses.rotations)
    assert torch.equal(twice.full, refined.full)
    determinants = torch.linalg.det(flip_hand(refined).poses.rotations)
    torch.testing.assert_close(determinants, torch.ones_like(determinants))


def test_what_cannot_be_refined_is_one_line(views: tuple[Tensor, Tensor, Tensor]) -> None:
    images = views[0]
    with pytest.raises(InputError, match="9 images cannot make a map"):
        refine(images[:9], GRID)
    with pytest.raises(InputError, match="even number"):
        refine(images[:, 1:, 1:], type(GRID)(19, 38.0))
    with pytest.raises(InputError, match="grid of 24"):
        refine(images, type(GRID)(24, 48.0))
    with pytest.raises(InputError, match="120 images came with 3 poses"):
        refine(images, GRID, poses=Poses(random_rotations(3, 0), views[2][:3]))
    with pytest.raises(ConfigError, match="symmetry 'X'"):
        refine(images, GRID, RefinementSettings(symmetry="X"))
    for value, words in ((torch.nan, "not finite"), (0.0, "is empty")):
        bad = images.clone()
        bad[4] = value
        with pytest.raises(InputError, match=f"image 5: .*{words}"):
            refine(bad, GRID)
