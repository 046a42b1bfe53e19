"""How results are put into words: a bound never reads as a measurement."""

from typing import Any

import pytest

from diffragan.evaluation.wording import (
    limit_text,
    resolution_of,
    resolution_of_view,
    resolution_text,
    wrong_diffraction_of,
)

KEYS = ("resolution_frc_0p5_angstrom", "resolution_reaches_limit", "resolution_starts_below")


def scores(angstrom: float, reaches: bool = False, below: bool = False) -> dict[str, Any]:
    return dict(zip(KEYS, (angstrom, reaches, below), strict=True))


@pytest.mark.parametrize(
    ("angstrom", "reaches", "below", "words"),
    [
        (3.14159, False, False, "3.14 Å"),
        (10.0, False, False, "10.00 Å"),
        (0.8951, True, False, "≤ 0.90 Å"),
        (17.5, False, True, "> 18 Å"),
        (12.0, False, True, "> 12 Å"),
    ],
)
def test_resolutions(angstrom: float, reaches: bool, below: bool, words: str) -> None:
    assert resolution_text(angstrom, reaches, below) == words
    assert resolution_of(scores(angstrom, reaches, below)) == words


def test_the_wave_has_words_of_its_own() -> None:
    wave = {f"wave_{key}": value for key, value in scores(0.9, reaches=True).items()}
    both = {**scores(2.0), **wave}
    assert (resolution_of(both), resolution_of(both, "wave_")) == ("2.00 Å", "≤ 0.90 Å")


def test_a_view_is_found_by_its_item_and_not_by_its_row() -> None:
    method = {
        "items": [9, 4],
        "resolution_per_view_angstrom": [1.0, 2.0],
        "reaches_limit_per_view": [True, False],
        "starts_below_per_view": [False, False],
    }
    assert [resolution_of_view(method, item) for item in (4, 9)] == ["2.00 Å", "≤ 1.00 Å"]


@pytest.mark.parametrize(
    ("control", "words"), [({"not_run": "why"}, "not run"), (scores(6.0), "6.00 Å")]
)
def test_a_control_that_was_not_run_is_not_a_number(control: dict[str, Any], words: str) -> None:
    assert wrong_diffraction_of({"controls": {"wrong_diffraction": control}}) == words


@pytest.mark.parametrize(("judged", "told"), [(0.9, False), (0.91, False), (1.0, True)])
def test_the_end_of_the_images_is_told_where_it_comes_before_the_corners(
    judged: float, told: bool
) -> None:
    limit = {"axis": 1.273, "corner": 0.9, "judged": judged}
    text = limit_text({"measured_limit_angstrom": limit})
    assert "1.27 Å on the axes" in text
    assert "0.90 Å in the corners" in text
    assert (f"the images end at {judged:.2f} Å" in text) is told
