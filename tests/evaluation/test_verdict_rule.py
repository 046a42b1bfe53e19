"""Where the rule of the verdict turns over."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.evaluation.verdict import (
    IGNORES,
    LARGEST_SHARE_KEPT,
    NOT_BETTER,
    NOT_TESTED,
    SMALLEST_GAIN,
    USES,
    judge,
)

NONE = torch.zeros(4, dtype=torch.float64)


@pytest.mark.parametrize(
    ("gain", "kept", "text"),
    [
        (SMALLEST_GAIN, 0.0, USES),
        (SMALLEST_GAIN * 0.999, 0.0, NOT_BETTER),
        (SMALLEST_GAIN * 0.999, None, NOT_BETTER),
        (SMALLEST_GAIN, None, NOT_TESTED),
        (-0.5, -0.9, NOT_BETTER),
        (0.5, 0.5 * LARGEST_SHARE_KEPT, USES),
        (0.5, 0.5 * LARGEST_SHARE_KEPT + 1e-6, IGNORES),
        (0.5, 0.9, IGNORES),
        (0.5, -0.3, USES),
    ],
)
def test_boundaries_of_gain_and_of_what_is_kept(gain: float, kept: float | None, text: str) -> None:
    wrong = None if kept is None else NONE + kept
    assert judge(NONE + gain, NONE, wrong).text == text


@pytest.mark.parametrize(("spread", "text"), [(0.249, USES), (0.251, NOT_BETTER)])
def test_a_gain_counts_from_twice_its_standard_error(spread: float, text: str) -> None:
    # Two views half a unit up, `spread` apart from it: the standard error of the mean is `spread`.
    gains = torch.tensor([0.5 - spread, 0.5 + spread], dtype=torch.float64)
    verdict = judge(gains, NONE[:2], NONE[:2])
    assert verdict.gain_error == pytest.approx(spread)
    assert verdict.text == text


scores = st.lists(st.floats(-1, 1), min_size=4, max_size=4).map(torch.tensor)


@given(method=scores, alone=scores, wrong=scores, common=st.sampled_from([-0.25, 0.0, 0.5]))
def test_a_view_that_is_easy_for_all_changes_no_gain(
    method: torch.Tensor, alone: torch.Tensor, wrong: torch.Tensor, common: float
) -> None:
    verdict = judge(method, alone, wrong)
    easier = torch.tensor([common, 0, 0, common])
    again = judge(method + easier, alone + easier, wrong + easier)
    assert again.gain == pytest.approx(verdict.gain, abs=1e-6)
    assert again.gain_error == pytest.approx(verdict.gain_error, abs=1e-6)
    order = torch.tensor([2, 0, 3, 1])
    assert judge(method[order], alone[order], wrong[order]).gain == pytest.approx(
        verdict.gain, abs=1e-6
    )
