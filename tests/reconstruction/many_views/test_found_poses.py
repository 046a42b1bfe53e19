"""Poses that the images tell: found once, kept, and refined as widely as they are wrong."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from diffragan.grid import Grid
from diffragan.reconstruction.many_views import found_poses
from diffragan.reconstruction.many_views.found_poses import find_poses
from diffragan.reconstruction.many_views.image_poses import ImagePoses
from diffragan.reconstruction.many_views.steps import Steps
from diffragan.reconstruction.many_views.truth_in_map import truth_in_map
from diffragan.reconstruction.many_views.views import open_views
from diffragan.reconstruction.map_alignment import mirror_map
from diffragan.reconstruction.maps import Maps
from diffragan.reconstruction.truth import true_potential_map

USED = [1, 2, 4, 5, 6, 7]


def test_poses_are_found_once_for_the_views_in_use(
    villin_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (views,) = open_views(villin_data)
    calls: list[dict[str, Any]] = []

    def found(
        _store: object, numbers: list[int], halves: torch.Tensor, *_: object, **more: Any
    ) -> ImagePoses:
        calls.append({"numbers": numbers, "halves": halves.tolist(), **more})
        volume = torch.zeros(2, 2, 2)
        return ImagePoses(
            views.patterns.rotations[numbers],
            views.shifts_angstrom[numbers, :2],
            halves,
            20.0,
            3.0,
            7.5,
            Maps(volume, volume, volume, len(numbers)),
            Grid(2, 70.0),
        )

    monkeypatch.setattr(found_poses, "poses_from_images", found)
    part = views.patterns.only(USED)
    views = replace(views, patterns=part)
    first, again = (find_poses(views, Steps(tmp_path), 0, 30.0, 1) for _ in range(2))
    assert len(calls) == 1
    assert calls[0]["numbers"] == USED
    assert calls[0]["halves"] == [n % 2 for n in USED]
    assert torch.equal(first.rotations[USED], part.rotations[USED])
    assert torch.equal(again.rotations, first.rotations)
    assert torch.equal(again.shifts_angstrom, first.shifts_angstrom)
    assert again.record() == first.record()
    assert first.refinement(seed=4).first_degrees == pytest.approx(4.5)
    assert first.refinement(seed=4).seed == 4


def test_the_truth_takes_the_hand_of_the_map(villin_data: Path) -> None:
    (views,) = open_views(villin_data)
    grid = Grid(30, 60.0)
    mirrored = mirror_map(true_potential_map(views.model, grid))
    truth, laid = truth_in_map(views, mirrored, grid, in_place=False, hand_is_open=True)
    assert laid is not None
    assert laid.mirrored
    assert torch.corrcoef(torch.stack([truth.flatten(), mirrored.flatten()]))[0, 1] > 0.95
