"""Waves of many poses computed together are those of one after the other."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.io.triplets import TripletStore
from diffragan.simulation import dataset
from diffragan.simulation.batched import MOST_POSES, poses_together, simulate_scenes
from diffragan.simulation.dataset import make_group, simulate_dataset
from diffragan.simulation.plan import Plan, make_plan
from diffragan.simulation.triplet import Triplet
from diffragan.structures.prepared import PreparedStructure
from diffragan.typing import Tensor

PHONONS = {"thermal_motion": "frozen_phonons", "b_factor_a2": 20, "phonon_configurations": 3}
B_FACTORS = {"thermal_motion": "b_factors", "b_factor_a2": 20}


def quick(**overrides: object) -> Experiment:
    return load_experiment("quick", overrides={"orientations": 4, **overrides})


def scenes_of(plan: Plan, items: Collection[int], together: int) -> list[Triplet]:
    experiments = [plan.experiment] * len(items)
    return simulate_scenes(plan, [plan.scene(n) for n in items], experiments, together)


def assert_alike(one: Triplet, other: Triplet) -> None:
    scale = float(other.exit_wave.abs().max())
    torch.testing.assert_close(one.exit_wave, other.exit_wave, rtol=0, atol=1e-5 * scale)
    torch.testing.assert_close(one.diffraction, other.diffraction, rtol=1e-3, atol=1e-9)
    torch.testing.assert_close(one.high_resolution, other.high_resolution, rtol=1e-4, atol=0)
    assert_counts_alike(one.low_resolution, other.low_resolution)
    assert one.low_resolution_dose_e_per_a2 == pytest.approx(
        other.low_resolution_dose_e_per_a2, rel=1e-4
    )


def assert_counts_alike(one: Tensor, other: Tensor) -> None:
    """The same up to where rounding crosses an edge, and of the same expectation beyond.

    Numbers are drawn by rejection: one that is rejected for rounding moves all that follow.
    """
    first, second = one.flatten().double(), other.flatten().double()
    differing = torch.nonzero(first != second).flatten()
    if not len(differing):
        return
    ahead = torch.cat([first[differing[0] :], second[differing[0] :]]).sum()
    assert abs(first.sum() - second.sum()) < 5 * ahead.sqrt()
    spread = ((first - second) ** 2).sum() / ahead
    assert spread < 1 + 5 * (2 / (len(first) - int(differing[0]))) ** 0.5


@pytest.mark.parametrize("specimen", [{}, B_FACTORS, PHONONS], ids=["rest", "B", "phonons"])
def test_poses_together_give_what_each_gives_alone(
    villin: PreparedStructure, specimen: dict[str, object]
) -> None:
    plan = make_plan(quick(specimen=specimen), [villin], 0, "torch", "cpu", None)
    # Four are no multiple of three: the last ones are fewer, and phonons straddle two poses.
    both = zip(scenes_of(plan, range(4), 3), scenes_of(plan, range(4), 1), strict=True)
    for together, alone in both:
        assert_alike(together, alone)


def test_scenes_of_several_molecules_come_in_their_order(villin: PreparedStructure) -> None:
    half = replace(villin.model, positions=villin.model.positions[:300])
    half = replace(half, atomic_numbers=villin.model.atomic_numbers[:300], b_factors=None)
    other = replace(villin, name="half", sha256="ab" * 32, model=half)
    plan = make_plan(quick(), [villin, other], 0, "torch", "cpu", None)
    mixed = [0, 4, 1, 5]
    for together, alone in zip(scenes_of(plan, mixed, 8), scenes_of(plan, mixed, 1), strict=True):
        assert_alike(together, alone)


def test_only_a_gpu_computes_several_poses_at_once() -> None:
    experiment = quick()
    assert poses_together(experiment, "cpu") == 1
    assert poses_together(experiment, "cuda") == MOST_POSES
    assert poses_together(experiment, "cuda", "abtem") == 1
    large = quick(box_angstrom=280, numerics={"pixels": 1000}, image_pixels=480, wave_pixels=480)
    assert 1 < poses_together(large, "cuda") < MOST_POSES
    assert poses_together(load_experiment("ice"), "cuda") == 1


def test_a_data_set_of_groups_is_the_same_and_does_not_depend_on_interruptions(
    villin: PreparedStructure, villin_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "poses_together", lambda *_: 3)
    experiment = quick(orientations=8)
    whole = TripletStore(
        simulate_dataset([villin], experiment, 0, tmp_path / "whole.zarr", workers=1)
    )

    def killed_in_the_second(
        plan: Plan, group: range, together: int, wanted: Collection[int], partial: Path
    ) -> Iterator[int]:
        made = make_group(plan, group, together, wanted, partial)
        yield from islice(made, 1) if group.start == 3 else made
        if group.start == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(dataset, "make_group", killed_in_the_second)
    out = tmp_path / "twice.zarr"
    with pytest.raises(KeyboardInterrupt):
        simulate_dataset([villin], experiment, 0, out, workers=1)
    monkeypatch.setattr(dataset, "make_group", make_group)
    twice = TripletStore(simulate_dataset([villin], experiment, 0, out, workers=1))
    alone = TripletStore(villin_data)
    for name in ("diffraction", "exit_wave", "low_resolution", "orientation", "structure"):
        np.testing.assert_array_equal(twice.read(name), whole.read(name))
    np.testing.assert_array_equal(whole.read("orientation"), alone.read("orientation"))
    np.testing.assert_allclose(whole.read("exit_wave"), alone.read("exit_wave"), atol=1e-5)
