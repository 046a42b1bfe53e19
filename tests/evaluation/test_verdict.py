import torch

from diffragan.evaluation.verdict import (
    IGNORES,
    NOT_BETTER,
    NOT_TESTED,
    RULE,
    USES,
    judge,
)

FLOOR = torch.tensor([0.10, 0.12, 0.11])


def test_score_destroyed_by_the_wrong_pattern() -> None:
    verdict = judge(FLOOR + 0.4, FLOOR, FLOOR - 0.05)
    assert verdict.text == USES
    assert verdict.gain_with_wrong_diffraction is not None
    assert verdict.gain_with_wrong_diffraction < 0 < verdict.gain


def test_score_kept_with_the_wrong_pattern() -> None:
    assert judge(FLOOR + 0.4, FLOOR, FLOOR + 0.3).text == IGNORES


def test_no_gain_over_the_image() -> None:
    assert judge(FLOOR + 0.01, FLOOR, FLOOR).text == NOT_BETTER


def test_gain_within_its_error_is_none() -> None:
    assert judge(FLOOR + torch.tensor([0.5, -0.2, 0.0]), FLOOR, FLOOR).text == NOT_BETTER


def test_without_the_control_only_a_lack_of_gain_is_told() -> None:
    assert judge(FLOOR + 0.4, FLOOR, None).text == NOT_TESTED
    assert judge(FLOOR, FLOOR, None).text == NOT_BETTER


def test_single_view_has_no_error() -> None:
    assert judge(FLOOR[:1] + 0.4, FLOOR[:1], FLOOR[:1]).gain_error is None


def test_rule_names_every_verdict_it_can_give() -> None:
    assert all(text in RULE for text in (USES, IGNORES, NOT_BETTER))
