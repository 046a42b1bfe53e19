from pathlib import Path
from typing import Any

import pytest

from diffragan.errors import ConfigError, InputError
from diffragan.phasing.iterative import IterativePhaser
from diffragan.phasing.low_resolution import LowResolutionPhaser
from diffragan.phasing.registry import PHASERS, make_phaser, recorded_settings

WITHOUT_WEIGHTS = [name for name, entry in PHASERS.items() if not entry.needs_weights]


@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
def test_every_method_without_weights_is_made_by_its_name(method: str) -> None:
    phaser = make_phaser(method)
    assert isinstance(phaser, IterativePhaser | LowResolutionPhaser)
    if isinstance(phaser, IterativePhaser):
        assert phaser.settings.algorithm == method


def test_every_method_says_what_it_is() -> None:
    assert all(entry.summary for entry in PHASERS.values())


@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
def test_what_is_recorded_makes_the_same_phaser_again(method: str) -> None:
    settings = {"iterations": 7} if method != "low-resolution" else {}
    phaser = make_phaser(method, settings)
    record = recorded_settings(phaser, settings, None)
    again = make_phaser(method, record["settings"])
    assert recorded_settings(again, record["settings"], None) == record
    assert record["in_force"].get("iterations", 7) == 7


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("hoi", {}, "no method 'hoi'; did you mean 'hio'?"),
        ("", {}, "no method ''; known: "),
        ("low-resolution", {"iterations": 3}, "has no settings"),
        ("er", {"iteration": 3}, "setting 'iteration'"),
        ("er", {"iterations": 0}, "setting 'iterations': .*got 0"),
        ("er", {"iterations": -5}, "setting 'iterations'"),
        ("er", {"iterations": "many"}, "setting 'iterations'"),
        ("raar", {"beta": float("nan")}, "setting 'beta': .*finite"),
        ("hio", {"restraint": -1.0}, "setting 'restraint'"),
        ("hio", {"restraint": 1e9}, "setting 'restraint'"),
        ("hio", {"cycle": 0}, "setting 'cycle'"),
        ("cgan", {}, "needs `--weights RUN`"),
    ],
)
def test_an_unknown_method_or_an_impossible_setting_is_named(
    method: str, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        make_phaser(method, settings)


def test_weights_that_are_not_wanted_or_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="takes no weights"):
        make_phaser("hio", weights=tmp_path)
    with pytest.raises(InputError, match=str(tmp_path / "absent")):
        make_phaser("cgan", weights=tmp_path / "absent")


@pytest.mark.parametrize("method", ["low-resolution", "cgan"])
def test_settings_of_iterations_are_refused_where_nothing_iterates(
    method: str, tmp_path: Path
) -> None:
    """Taken and ignored, they would stand in the provenance of a result they had no part in."""
    weights = tmp_path if method == "cgan" else None
    with pytest.raises(ConfigError, match="has no settings; leave iterations out"):
        make_phaser(method, {"iterations": 5}, weights)
