from pathlib import Path
from typing import Any

import pytest

from diffragan.errors import ConfigError, InputError
from diffragan.phasing.hybrid import HybridPhaser
from diffragan.phasing.iterative import IterativePhaser
from diffragan.phasing.low_resolution import LowResolutionPhaser
from diffragan.phasing.network_alone import NetworkPhaser
from diffragan.phasing.registry import DEFAULT, PHASERS, make_phaser, recorded_settings
from diffragan.phasing.weights import packaged_weights
from tiny_unrolled import some_weights

WITHOUT_WEIGHTS = [
    name for name, entry in PHASERS.items() if not (entry.needs_weights or entry.has_weights)
]
WITH_WEIGHTS = [name for name, entry in PHASERS.items() if entry.has_weights]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some_weights(tmp_path_factory.mktemp("registry") / "weights")


@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
def test_every_method_without_weights_is_made_by_its_name(method: str) -> None:
    phaser = make_phaser(method)
    assert isinstance(phaser, IterativePhaser | LowResolutionPhaser)
    if isinstance(phaser, IterativePhaser):
        assert phaser.settings.algorithm == method


@pytest.mark.parametrize("method", WITH_WEIGHTS)
def test_a_method_with_weights_of_its_own_takes_others(method: str, weights: Path) -> None:
    phaser = make_phaser(method, weights=weights)
    assert isinstance(phaser, HybridPhaser | NetworkPhaser)
    assert phaser.weights.where == weights


@pytest.mark.parametrize("method", WITH_WEIGHTS)
def test_a_method_with_weights_of_its_own_needs_no_others(method: str) -> None:
    if not packaged_weights().is_dir():
        pytest.skip("needs the packaged weights (src/diffragan/weights/unrolled)")
    phaser = make_phaser(method)
    assert isinstance(phaser, HybridPhaser | NetworkPhaser)
    assert phaser.weights.where == packaged_weights()
    pinned = recorded_settings(phaser, {}, None)
    assert pinned["weights"] is None
    assert "average.safetensors" in pinned["weights_sha256"]


def test_the_method_that_is_taken_when_none_is_named_needs_nothing() -> None:
    assert not PHASERS[DEFAULT].needs_weights


@pytest.mark.parametrize("method", WITH_WEIGHTS)
def test_what_is_recorded_of_given_weights_makes_the_same_phaser_again(
    method: str, weights: Path
) -> None:
    settings = {"iterations": 7} if method == "hybrid" else {}
    record = recorded_settings(make_phaser(method, settings, weights), settings, weights)
    again = make_phaser(method, record["settings"], Path(record["weights"]))
    assert recorded_settings(again, record["settings"], weights) == record
    assert record["in_force"].get("iterations", 7) == 7
    assert set(record["weights_sha256"]) == {
        "average.safetensors", "network.safetensors", "optimiser.safetensors",
    }  # fmt: skip


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
        ("network", {"iterations": 3}, "has no settings; leave iterations out"),
        ("network", {"seed": 3}, "draws nothing at random; leave seed out"),
        ("hio", {"seed": 3}, "draws nothing at random; leave seed out"),
        ("hio", {"effort": "best"}, "has no setting 'effort'; leave it out"),
        ("hybrid", {"samples": 3}, "has no setting 'samples'; leave it out"),
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
    for method in ("cgan", "hybrid", "network"):
        with pytest.raises(InputError, match=str(tmp_path / "absent")):
            make_phaser(method, weights=tmp_path / "absent")


@pytest.mark.parametrize("method", ["low-resolution", "cgan"])
def test_settings_of_iterations_are_refused_where_nothing_iterates(
    method: str, tmp_path: Path
) -> None:
    """Taken and ignored, they would stand in the provenance of a result they had no part in."""
    weights = tmp_path if method == "cgan" else None
    with pytest.raises(ConfigError, match="has no settings; leave iterations out"):
        make_phaser(method, {"iterations": 5}, weights)
