"""Observations without a truth go through the commands that data sets go through."""

import json
from pathlib import Path

import numpy as np
import pytest

from diffragan.cli.main import run
from diffragan.io.observations import ObservationStore
from diffragan.io.phased import PhasedStore
from diffragan.io.star import read_particles
from made_observations import BACKGROUND, make_observations

EXPOSURE = 1e6


@pytest.fixture(scope="module")
def observed(villin_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_observations(villin_data, tmp_path_factory.mktemp("seen") / "seen.zarr", EXPOSURE)


@pytest.fixture(scope="module")
def phased(observed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phased") / "hio.zarr"
    command = ["phase", str(observed), "--method", "hio", "--iterations", "60", "--views", "3"]
    assert run([*command, "--free-fraction", "0.05", "--out", str(out)]) == 0
    return out


def test_a_background_is_told_as_a_share_of_the_beam(observed: Path) -> None:
    store = ObservationStore(observed)
    behind = store.backgrounds([0, 2])
    assert behind is not None
    incident = EXPOSURE * store.experiment.box_angstrom**2
    assert behind.shape[0] == 2
    assert behind == pytest.approx(BACKGROUND / incident, rel=1e-6)


def test_phased_waves_have_no_orientation_nor_has_their_star_file(phased: Path) -> None:
    store = PhasedStore(phased)
    assert not store.knows_poses
    assert np.isnan(store.read("orientation")).all()
    assert read_particles(phased.with_suffix(".star")).rotations is None


def test_info_and_verify_know_them(observed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", str(observed), "--verify"]) == 0
    said = capsys.readouterr().out
    assert "observations of a scan" in said
    assert "mass not known" in said


def test_evaluate_tells_what_can_be_told_without_the_truth(
    observed: Path, phased: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 1e6 e/Å2 counting alone leaves little, and 60 iterations more; never less."""
    assert run(["evaluate", str(observed), str(phased), "--out", str(tmp_path)]) == 0
    assert "counting" in capsys.readouterr().out
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    method = metrics["methods"]["hio"]
    assert metrics["kind"] == "without truth"
    assert 0 < method["r_of_counting_median"] < method["r_factor_median"] < 0.5
    assert method["r_factor_median"] < method["r_free_median"]
    assert (tmp_path / "views.csv").read_text().count("\n") == 4
    assert (tmp_path / "figures" / "gallery.png").is_file()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--images", "truth"], "low-resolution"),
        (["--method", "phase-extension"], "--mass-kda"),
        (
            ["--method", "phase-extension", "--mass-kda", "4", "--diameter-angstrom", "40"],
            "--poses unknown",
        ),
    ],
)
def test_reconstruct_says_what_it_cannot_know(
    observed: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    words: str,
) -> None:
    assert run(["reconstruct", str(observed), *options, "--out", str(tmp_path / "map")]) == 2
    complaint = capsys.readouterr().err.strip()
    assert words in complaint
    assert "\n" not in complaint


def test_evaluate_refuses_what_needs_a_truth(
    observed: Path, phased: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(observed), str(phased), "--out", str(tmp_path / "e")]
    assert run([*command, "--training-data", str(observed)]) == 2
    assert "truth" in capsys.readouterr().err


def test_many_views_ask_for_a_map(
    observed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["phase", str(observed), "--method", "many-views", "--out", str(tmp_path / "m.zarr")]
    assert run(command) == 2
    assert "--map" in capsys.readouterr().err
