"""Groups of views, and the molecules they are of."""

import csv
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffragan.evaluation.curve_table import group_table
from diffragan.evaluation.groups import intervals_over_proteins
from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.evaluation.proteins import describe_protein, principal_spreads
from diffragan.io.triplets import StructureEntry
from diffragan.rotations import matrix_from_quaternion


def test_every_view_is_in_one_group_of_each_kind(tiny_metrics: dict[str, Any]) -> None:
    groups = tiny_metrics["groups"]
    assert set(groups) == {"protein", "mass_kda", "defocus_angstrom", "dose_e_per_a2"}
    for kind in groups.values():
        assert sum(group["views"] for group in kind) == 8
    alpha, beta = groups["protein"]
    assert (alpha["label"], beta["label"]) == ("alpha", "beta")
    assert (alpha["scores"]["er"]["views"], beta["scores"]["er"]["views"]) == (1, 1)
    assert groups["mass_kda"][0]["label"] == "0 to 10"
    assert groups["defocus_angstrom"][0]["label"] == "1000"


def test_scores_of_groups_add_up_to_those_of_all(tiny_metrics: dict[str, Any]) -> None:
    method = tiny_metrics["methods"]["low-resolution"]
    for kind in tiny_metrics["groups"].values():
        weights = np.array([group["views"] for group in kind])
        for key in ("ssim_mean", "r_factor_mean", "frc_mean"):
            values = np.array([group["scores"]["low-resolution"][key] for group in kind])
            assert weights @ values / weights.sum() == pytest.approx(method[key], rel=1e-9)


def test_table_has_a_line_for_each_group_and_result(tiny_metrics: dict[str, Any]) -> None:
    header, *rows = csv.reader(group_table(tiny_metrics).splitlines())
    column = {name: place for place, name in enumerate(header)}
    proteins = [row for row in rows if row[0] == "protein" and row[column["result"]] == "er"]
    assert [row[1] for row in proteins] == ["alpha", "beta"]
    assert float(proteins[0][column["oversampling"]]) > 1
    assert float(proteins[0][column["mass_kda"]]) == 0.4


def entry(positions: np.ndarray, numbers: np.ndarray) -> StructureEntry:
    return StructureEntry("made up", 1.0, "0" * 64, positions, numbers)


def test_a_rod_a_plate_and_a_single_atom() -> None:
    rod = np.array([[0, 0, -10.0], [0, 0, 10.0]])
    found = describe_protein(entry(rod, np.array([6, 6])))
    assert found["radius_of_gyration_angstrom"] == pytest.approx(10)
    assert found["aspect_ratio"] is None
    one = describe_protein(entry(np.ones((1, 3)), np.array([8])))
    assert one["radius_of_gyration_angstrom"] == pytest.approx(0, abs=1e-9)


def test_a_box_of_points_has_its_own_aspect_ratio() -> None:
    axes = [np.linspace(-half, half, 9) for half in (10, 20, 40)]
    points = np.stack(np.meshgrid(*axes), -1).reshape(-1, 3)
    found = describe_protein(entry(points, np.full(len(points), 6)))
    assert found["aspect_ratio"] == pytest.approx(4)


@given(seed=st.integers(0, 1000))
def test_shape_does_not_depend_on_place_and_orientation(seed: int) -> None:
    random = np.random.default_rng(seed)
    points, numbers = random.normal(size=(20, 3)) * [1, 2, 5], random.integers(6, 9, 20)
    quaternion = random.normal(size=4)
    turn = matrix_from_quaternion(quaternion / np.linalg.norm(quaternion))
    moved = points @ turn.T + random.normal(size=3)
    first, second = (principal_spreads(p, numbers) for p in (points, moved))
    assert second == pytest.approx(first)


def test_an_interval_over_proteins_is_wider_where_proteins_differ() -> None:
    limit = MeasuredLimit(1.0, 0.8, 60, 40.0)
    rings = np.arange(1, 60)

    def group(end: int) -> dict[str, Any]:
        return {"scores": {"mine": {"frc_mean": (rings < end).astype(float).tolist()}}}

    alike = intervals_over_proteins([group(20)] * 4, limit)["mine"]
    differing = intervals_over_proteins([group(end) for end in (10, 15, 20, 30)], limit)["mine"]
    assert alike is not None
    assert differing is not None
    assert alike[0] == alike[1]
    assert differing[1] > 1.3 * differing[0]
    assert intervals_over_proteins([group(20)] * 2, limit)["mine"] is None
