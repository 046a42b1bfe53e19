"""Orientations found from counts, and patterns that fit nothing left out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up_patterns import LIMIT, counted, grid, of_values, patterns
from scipy.spatial.transform import Rotation

from diffragan.errors import InputError
from diffragan.reconstruction.many_views.likelihood import posterior_intensity
from diffragan.reconstruction.many_views.merging import merge
from diffragan.reconstruction.many_views.orientations import (
    OrientationSettings,
    angles_degrees,
    log_prior,
    refine_orientations,
    search,
)
from diffragan.reconstruction.many_views.sorting import sort_patterns
from diffragan.typing import Tensor


def _turned(rotations: Tensor, degrees: float, seed: int = 1) -> Tensor:
    vectors = np.random.default_rng(seed).normal(
        0, np.deg2rad(degrees) / 3**0.5, (len(rotations), 3)
    )
    return torch.from_numpy(Rotation.from_rotvec(vectors).as_matrix()).float() @ rotations


def test_angles_are_those_of_the_turns() -> None:
    turn = torch.from_numpy(Rotation.from_rotvec([[0.02, 0, 0], [0, 0.5, 0]]).as_matrix())
    one = torch.eye(3).expand(2, 3, 3)
    found = angles_degrees(turn, one)
    assert torch.allclose(found, torch.rad2deg(torch.tensor([0.02, 0.5], dtype=torch.float64)))


def test_a_pattern_finds_its_orientation_in_a_merge_of_others() -> None:
    intensity = posterior_intensity(merge(patterns(), grid(), LIMIT))
    some = counted(2e4)
    wrong = replace(some.only(range(8)), rotations=_turned(some.rotations, 4.0))
    found, gain = search(wrong, intensity, grid(), LIMIT, 3.0, OrientationSettings())
    before = angles_degrees(wrong.rotations[:8], some.rotations[:8])
    after = angles_degrees(found, some.rotations[:8])
    assert after.median() < 0.6 * before.median()
    assert (gain >= 0).all()


def test_all_orientations_together() -> None:
    some = counted(2e4)
    wrong = replace(some, rotations=_turned(some.rotations, 4.0))
    settings = OrientationSettings(rounds=3, last_degrees=1.0)
    refined, records = refine_orientations(wrong, grid(), LIMIT, settings)
    before = angles_degrees(wrong.rotations, some.rotations)
    after = angles_degrees(refined.rotations, some.rotations)
    assert after.median() < 0.8 * before.median()
    assert len(records) == 3
    with pytest.raises(InputError, match="folds"):
        refine_orientations(wrong.only((0, 1)), grid(), LIMIT, settings)


def test_few_counts_do_not_lead_away_from_orientations_that_are_known() -> None:
    intensity = posterior_intensity(merge(patterns(), grid(), LIMIT))
    some = counted(200.0)
    near = replace(some, rotations=_turned(some.rotations, 0.5))
    errors = {}
    for known_to in (None, 0.5):
        settings = OrientationSettings(known_to_degrees=known_to)
        found, _ = search(near, intensity, grid(), LIMIT, 3.0, settings, given=near.rotations)
        errors[known_to] = angles_degrees(found, some.rotations).median()
    assert errors[0.5] < 0.6
    assert errors[None] > 2 * errors[0.5]


def test_what_is_known_of_orientations_lets_a_view_that_is_far_off_come_back() -> None:
    given = torch.eye(3)
    tried = _turned(torch.eye(3).expand(2, 3, 3), 8.0)
    low = log_prior(torch.cat([given[None], tried]), given, 0.5)
    assert low[0] == 0
    assert (low[1:] < -5).all()
    assert (low[1:] > -25).all()


def test_what_fits_nothing_is_left_out_with_its_reason() -> None:
    some = counted(2e4)
    values = some.read(some.kept).clone()
    values[3] = 0
    values[7] *= 2
    values[11] = values[11][
        torch.randperm(len(values[11]), generator=torch.Generator().manual_seed(0))
    ]
    mixed = of_values(values, some, counted=True)
    merged = merge(mixed, grid(), LIMIT)
    kept, out = sort_patterns(mixed, merged, posterior_intensity(merged), grid())
    reasons = {one.number: one.reason for one in out}
    assert reasons[3].startswith("empty")
    assert "times as bright" in reasons[7]
    assert reasons[11].startswith("fits no slice")
    assert len(kept) >= 35
