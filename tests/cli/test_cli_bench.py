"""`diffragan bench`: what it measures, on a small box, and what it refuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from diffragan.cli.main import run
from diffragan.structures.example import villin_path

SMALL = ["--box-angstrom", "40", "--preset", "quick", "--orientations", "1"]
SPEED = {"orientations_per_second", "peak_memory_gib"}
CONVERGENCE = {"converged_relative_l2_20mrad", "converged_relative_l2_band"}


def measured(*options: str, out: Path) -> dict[str, Any]:
    assert run(["bench", "simulate", *SMALL, *options, "--json", str(out)]) == 0
    report: dict[str, Any] = json.loads(out.read_text())
    assert set(report) >= {"settings", "machine", "details"}
    return report


def test_our_own_speed_and_convergence(
    tmp_path: Path, prepared_villin_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = measured(
        "--against", "none", "--structure", str(prepared_villin_file), out=tmp_path / "own.json"
    )
    assert set(report) >= SPEED | CONVERGENCE
    assert "relative_l2_20mrad" not in report
    assert "speedup_equal_settings" not in report
    assert report["orientations_per_second"] > 0
    assert 0 < report["peak_memory_gib"] < 2
    # The preset keeps what its accuracy promises.
    assert report["converged_relative_l2_20mrad"] < report["settings"]["accuracy"]
    assert report["settings"]["structure"] == "test"
    assert report["machine"]["versions"]["torch"]
    assert "waves of the preset a second" in capsys.readouterr().out


def test_agreement_and_speed_of_a_raw_file_beside_abtem(tmp_path: Path) -> None:
    pytest.importorskip("abtem", reason="needs the extra abtem")
    raw = tmp_path / "raw.pdb"
    shutil.copy(villin_path(), raw)
    report = measured(
        "--structure",
        str(raw),
        "--equal-sampling-angstrom",
        "0.1",
        "--equal-slices-angstrom",
        "4",
        "--skip-paper-settings",
        out=tmp_path / "both.json",
    )
    assert report["relative_l2_20mrad"] < 0.01
    assert report["relative_l2_band"] < 0.05
    assert report["diffraction_relative_l2"] < 0.01
    assert report["image_50_relative_l2"] < 0.02
    assert report["image_1000_relative_l2"] < 0.02
    assert report["speedup_equal_settings"] > 0
    assert "speedup_paper_settings" not in report
    details = report["details"]
    undone = details["linear_placement_undone_relative_l2_20mrad"]
    assert undone < report["relative_l2_20mrad"]
    assert details["equal_seconds"] > 0
    assert details["equal_seconds_all_states"] > 0
    assert details["all_states_relative_l2_20mrad"] < 0.002
    assert details["all_states_relative_l2_band"] < 0.015
    assert report["settings"]["equal_pixels"] == 400
    assert report["settings"]["structure"] == "raw"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["phase"], "there is no benchmark 'phase'"),
        (["simulate", "--against", "prismatic"], "cannot compare with 'prismatic'"),
        (["simulate", "--preset", "papr"], "did you mean 'paper'"),
        (["simulate", "--structure", "nothing.pdb"], "nothing.pdb"),
        (["simulate", "--against", "none", "--orientations", "0"], "must be 1 or more"),
        (["simulate", "--against", "none", "--equal-slices-angstrom", "0"], "above 0"),
        (["simulate", "--against", "none", "--equal-states-per-angstrom", "-1"], "above 0 1/Å"),
        (["simulate", "--against", "none", "--box-angstrom", "20"], "more than the box of 20 Å"),
        (["simulate", "--against", "none", "--preset", "ice"], "has ice"),
        (["simulate", "--against", "none", "--json", "missing/out.json"], "does not exist"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    options: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["bench", *options]) == 2
    (line,) = (x for x in capsys.readouterr().err.splitlines() if x.startswith("diffragan: "))
    assert words in line
    assert not list(tmp_path.iterdir())


def test_without_abtem_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diffragan.simulation.abtem_engine.find_spec", lambda _: None)
    assert run(["bench", "simulate"]) == 2
    told = capsys.readouterr().err
    assert "pip install 'diffragan[abtem]'" in told
    assert "--against none" in told
