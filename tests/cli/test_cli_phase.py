"""`diffragan phase` by the method that is taken when none is named."""

from pathlib import Path

import numpy as np
import pytest

from diffragan.cli.main import run
from diffragan.io.phased import PhasedStore

BRIEF = ["--restarts", "2", "--iterations", "20", "--views", "2", "--device", "cpu"]


@pytest.fixture
def command(villin_data: Path, villin_network: Path) -> list[str]:
    return ["phase", str(villin_data), "--weights", str(villin_network), *BRIEF]


def phased(command: list[str], out: Path, *options: str) -> PhasedStore:
    assert run([*command, "--out", str(out), "--effort", "quick", *options]) == 0
    return PhasedStore(out)


def test_the_hybrid_writes_waves_a_stack_and_how_it_was_told_to_work(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = phased(command, tmp_path / "new.zarr", "--seed", "3", "--restraint", "0.2")
    assert "2 views by hybrid" in capsys.readouterr().out
    assert store.method == "hybrid"
    assert len(store) == 2
    assert {path.suffix for path in tmp_path.iterdir()} == {".zarr", ".mrcs", ".star"}
    settings = store.store.attributes["provenance"]["settings"]
    assert settings["settings"] == {
        "effort": "quick", "restarts": 2, "iterations": 20, "restraint": 0.2, "seed": 3,
    }  # fmt: skip
    assert settings["in_force"]["algorithm"] == "hio"
    assert settings["weights_sha256"]
    assert not store.predicts


def test_the_seed_repeats_an_answer_and_changes_it(command: list[str], tmp_path: Path) -> None:
    waves = [
        phased(command, tmp_path / f"{number}.zarr", "--seed", seed).read("wave")
        for number, seed in enumerate(("1", "1", "2"))
    ]
    assert np.array_equal(waves[0], waves[1])
    assert not np.array_equal(waves[0], waves[2])


def test_free_pixels_are_kept_from_network_and_iterations(
    command: list[str], tmp_path: Path
) -> None:
    store = phased(command, tmp_path / "free.zarr", "--free-fraction", "0.05")
    assert store.store.attributes["provenance"]["settings"]["free_fraction"] == 0.05
    assert np.isfinite(store.read("wave")).all()
    other = phased(command, tmp_path / "all.zarr")
    assert not np.array_equal(store.read("wave"), other.read("wave"))


def test_the_network_alone(command: list[str], tmp_path: Path) -> None:
    alone = [*command[:4], "--method", "network", "--views", "2", "--device", "cpu"]
    out = tmp_path / "network.zarr"
    assert run([*alone, "--out", str(out)]) == 0
    assert PhasedStore(out).method == "network"
    assert np.isnan(PhasedStore(out).read("energy_outside_support")).all()
