import numpy as np
import pytest
import torch

from diffragan.evaluation.metrics import image_frc, measured_limit
from diffragan.evaluation.paper.changes import (
    CHANGES,
    COUNTED_AGAIN,
    UNCHANGED,
    Change,
    changed_inputs,
    taken_back,
    view_of,
)
from diffragan.evaluation.paper.stability import measure_stability
from diffragan.evaluation.paper.stability_figure import draw_stability, stability_rows
from diffragan.evaluation.paper.turning import turn_images
from diffragan.io.triplets import TripletStore
from diffragan.phasing.low_resolution import LowResolutionPhaser


def _blob(angle_degrees: float, pixels: int = 48) -> torch.Tensor:
    """A smooth spot off the middle, turned by an angle."""
    axis = torch.arange(pixels, dtype=torch.float64) - pixels // 2
    angle = np.deg2rad(angle_degrees)
    x, y = 8 * np.cos(angle), 8 * np.sin(angle)
    return torch.exp(-((axis[None, :] - x) ** 2 + (axis[:, None] - y) ** 2) / 18)


@pytest.mark.parametrize("degrees", [0.0, 1.0, 37.0, 90.0, -120.0])
def test_turning_moves_a_spot_about_the_middle(degrees: float) -> None:
    turned = turn_images(_blob(20)[None], degrees)[0]
    # The corners of a turned square lie in the neighbouring boxes.
    axis = torch.arange(48) - 24
    inside = axis[:, None] ** 2 + axis[None, :] ** 2 < 20**2
    assert torch.allclose(turned[inside], _blob(20 + degrees)[inside], atol=1e-3)


def test_turning_back_gives_the_image() -> None:
    image = _blob(0)[None]
    back = turn_images(turn_images(image, 7.0), -7.0)
    assert torch.allclose(back, image, atol=1e-3)


@pytest.fixture(scope="module")
def made(tiny: TripletStore):
    view = view_of(tiny, 1, tiny.structures()[0], seed=0)
    changes = (UNCHANGED, *CHANGES)
    return view, dict(zip(changes, changed_inputs(view, changes), strict=True))


def test_the_unchanged_view_is_that_of_the_data_set(tiny: TripletStore, made) -> None:
    _, by_change = made
    true = torch.from_numpy(tiny.read("high_resolution", [1])[0])
    assert torch.allclose(by_change[UNCHANGED].high_resolution, true, atol=1e-4)
    assert not torch.equal(
        by_change[UNCHANGED].low_resolution, by_change[COUNTED_AGAIN].low_resolution
    )


@pytest.mark.parametrize("change", [Change("shift", 4.0), Change("turn", 10.0)])
def test_the_truth_of_a_change_taken_back_is_the_unchanged_one(made, change: Change) -> None:
    view, by_change = made
    still = by_change[UNCHANGED].high_resolution
    moved = by_change[change].high_resolution
    back = taken_back(moved[None], view, change)[0]
    rings = measured_limit(view.experiment).rings
    assert image_frc(moved, still, rings).mean() < 0.5
    assert image_frc(back, still, rings).mean() > 0.98


def test_a_shift_leaves_the_pattern_and_a_turn_does_not(made) -> None:
    _, by_change = made
    still = by_change[UNCHANGED].diffraction
    assert torch.allclose(by_change[Change("shift", 2.0)].diffraction, still, rtol=1e-3, atol=1e-9)
    assert not torch.allclose(by_change[Change("turn", 10.0)].diffraction, still, rtol=1e-2)


def test_less_dose_is_fewer_electrons(made) -> None:
    _, by_change = made
    whole = by_change[UNCHANGED].low_resolution_dose_e_per_a2
    assert by_change[Change("dose", 0.25)].low_resolution_dose_e_per_a2 == pytest.approx(whole / 4)


def test_stability_compares_with_truth_and_with_the_unchanged_output(tiny: TripletStore) -> None:
    limit = measured_limit(tiny.experiment)
    found = measure_stability(tiny, [0, 5], LowResolutionPhaser(), limit, seed=0)
    assert [one.change for one in found] == [UNCHANGED, *CHANGES]
    assert np.allclose(found[0].with_unchanged, 1)
    rows = stability_rows(found, limit)
    assert [band["with_unchanged"] for band in rows[0]["bands"]] == pytest.approx([1, 1])
    axes = draw_stability(found, limit).axes
    assert [ax.get_xlabel() for ax in axes[3:]] == ["shift [Å]", "turn [degrees]", "share of dose"]
