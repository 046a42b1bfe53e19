"""What a reader is warned of."""

from typing import Any

import pytest

from diffragan.evaluation.cautions import OF_VERDICT, cautions
from diffragan.evaluation.summary import VERDICT_SENTENCES
from diffragan.evaluation.verdict import IGNORES, USES, VERDICTS

LIMIT = {"axis": 1.27, "corner": 0.9, "judged": 0.91}


def metrics(
    controls: dict[str, Any] | None = None, views: int = 8, **method: Any
) -> dict[str, Any]:
    mine = {
        "verdict": USES,
        "views": views,
        "resolution_frc_0p5_angstrom": 2.0,
        "resolution_reaches_limit": False,
        "resolution_starts_below": False,
        "constant_views": [],
        "alignment": {"twin_views": [], "shifted_views": 0, "largest_shift_angstrom": 0.0},
        **method,
    }
    return {
        "methods": {"mine": mine},
        "controls": controls or {},
        "measured_limit_angstrom": LIMIT,
        "data": {"views": views},
    }


def moved(twins: list[int], far: float) -> dict[str, Any]:
    return {"twin_views": twins, "shifted_views": 3, "largest_shift_angstrom": far}


def test_a_method_that_works_is_warned_of_nothing() -> None:
    assert cautions(metrics()) == []
    assert cautions(metrics(alignment=moved([], 0.7))) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verdict": IGNORES}, "failed its control"),
        ({"resolution_frc_0p5_angstrom": 1.1}, "1.10 Å, lies beyond the measured data"),
        ({"constant_views": [1, 2]}, "2 of 8 images of mine are the same everywhere"),
        ({"alignment": moved([4], 0.0)}, "1 of 8 images of mine were the twin"),
        ({"alignment": moved([], 3.0)}, "lay beside their truth, by up to 3.0 Å"),
        ({"views": 1}, "single view"),
    ],
)
def test_each_caution_has_its_words(changes: dict[str, Any], words: str) -> None:
    (found,) = cautions(metrics(**changes))
    assert words in found


def test_views_that_were_trained_on_are_told() -> None:
    nearest = {"distances": [0.9, 0.001, 0.4], "views": 3}
    (found,) = cautions(metrics({"nearest_training_projection": nearest}))
    assert found.startswith("1 of 3 judged views are in the training data")


def test_every_verdict_but_the_good_one_is_a_caution() -> None:
    assert set(OF_VERDICT) == set(VERDICTS) - {USES}
    assert set(VERDICT_SENTENCES) == set(VERDICTS)
