"""What the hybrid phaser is told: efforts, numbers in their place, and settings that are wrong."""

from pathlib import Path
from typing import Any

import pytest

from diffragan.errors import ConfigError
from diffragan.phasing.hybrid_settings import EFFORTS, HybridSettings
from diffragan.phasing.registry import make_phaser


@pytest.mark.parametrize(
    ("settings", "plan"),
    [
        ({}, EFFORTS["normal"]),
        ({"effort": "quick"}, EFFORTS["quick"]),
        ({"effort": "best", "restarts": 3}, (3, *EFFORTS["best"][1:])),
        ({"iterations": 7}, (EFFORTS["normal"][0], 7, EFFORTS["normal"][2])),
        ({"coarse_iterations": 0}, (*EFFORTS["normal"][:2], 0)),
    ],
)
def test_effort_says_how_much_and_numbers_say_it_exactly(
    settings: dict[str, Any], plan: tuple[int, int, int]
) -> None:
    assert HybridSettings.model_validate(settings).plan() == plan


def test_a_smaller_grid_is_iterated_more_often_in_the_same_time() -> None:
    settings = HybridSettings()
    counts = [settings.plan(pixels)[1] for pixels in (512, 256, 192, 128, 64)]
    normal = EFFORTS["normal"][1]
    assert counts == [normal, normal, round(16 / 9 * normal), 4 * normal, 4 * normal]
    assert [HybridSettings(iterations=7).plan(pixels)[1] for pixels in (512, 64)] == [7, 7]


def test_more_effort_is_more_of_everything() -> None:
    quick, normal, best = (EFFORTS[name] for name in ("quick", "normal", "best"))
    for less, more in ((quick, normal), (normal, best)):
        assert all(a <= b for a, b in zip(less, more, strict=True))
        assert less < more


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"effort": "much"}, "setting 'effort': .*got much"),
        ({"restarts": 0}, "setting 'restarts': .*got 0"),
        ({"restarts": 10**6}, "setting 'restarts'"),
        ({"iterations": 0}, "setting 'iterations'"),
        ({"coarse_iterations": -1}, "setting 'coarse_iterations'"),
        ({"likely": 1.0}, "setting 'likely'"),
        ({"beta": float("nan")}, "setting 'beta'"),
        ({"restraint": 2}, "setting 'restraint'"),
        ({"seed": -1}, "setting 'seed'"),
        ({"algorithm": "hoi"}, "no algorithm 'hoi'; did you mean 'hio'"),
        ({"samples": 3}, "method 'hybrid' has no setting 'samples'; leave it out"),
        ({"positive": True}, "has no setting 'positive'"),
    ],
)
def test_wrong_settings_are_named(
    villin_network: Path, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        make_phaser("hybrid", settings, villin_network)
