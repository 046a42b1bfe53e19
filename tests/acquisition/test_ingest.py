"""`ingest` from files to what it says of them, stopped, followed, and badly fed."""

import json
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from diffragan.acquisition import finding, following
from diffragan.acquisition.following import Live, follow
from diffragan.acquisition.frame_pass import FramePass
from diffragan.acquisition.ingest import folder_beside
from diffragan.acquisition.measured_blocks import BLOCK_FRAMES
from diffragan.cli.main import run
from diffragan.config.load import load_acquisition
from diffragan.errors import InputError
from diffragan.structures.prepared import PreparedStructure

SHAPE = (8, 70)
FRAMES = SHAPE[0] * SHAPE[1]
SETTINGS = {
    "kind": "scan-simulation",
    "preset": "scan-small",
    "path": {"shape": list(SHAPE), "step_angstrom": 30},
    "field": {
        "molecules": 6, "ice_tile_angstrom": 50, "ice_tile_thickness_angstrom": 20,
        "ice_crystals": 0, "contaminations": 0, "hole_radius_angstrom": 0, "carbon_share": 0,
    },
    "camera": {"pixels": 48, "mrad_per_pixel": 0.3, "bits": 32},
    "image": {"margin_angstrom": 100, "pixel_angstrom": 4},
}  # fmt: skip


@pytest.fixture(scope="module")
def experiment(villin: PreparedStructure, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan over ice with a few molecules of 4 kDa, which nobody can see at 100 e/Å2."""
    folder = tmp_path_factory.mktemp("experiment")
    config = folder / "scan.yaml"
    config.write_text(yaml.safe_dump(SETTINGS))
    out = folder / "out"
    command = ["simulate", str(villin.path), "--scan", "--config", str(config), "--out", str(out)]
    assert run([*command, "--seed", "2", "--workers", "1"]) == 0
    return out


def command(experiment: Path, out: Path, *more: str) -> list[str]:
    return [
        "ingest", str(experiment / "scan.mib"), "--image", str(experiment / "overview.mrc"),
        "--config", str(experiment / "experiment.yaml"), "--out", str(out), "--no-page", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def ingested(experiment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that was asked for; there is none, but what was found is written down."""
    out = tmp_path_factory.mktemp("hits") / "hits.zarr"
    assert run(command(experiment, out)) == 2
    return out


def test_without_a_hit_no_observations_are_made_and_what_was_found_is_there(
    ingested: Path,
) -> None:
    assert not ingested.exists()
    folder = folder_beside(ingested)
    record = json.loads((folder / "ingest.json").read_text())
    assert record["observations"] == 0
    assert sum(record["classes"].values()) == FRAMES
    assert record["hits"]["reason"]
    assert (folder / "frames.csv").read_text().count("\n") == FRAMES + 1


def test_an_image_of_another_place_is_said_and_what_was_found_is_written_down(
    experiment: Path,
    ingested: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def elsewhere(*_: object) -> None:
        raise InputError("the scan does not lie on the overview image")

    monkeypatch.setattr(finding, "FEWEST_EXPECTED", 0.0)
    monkeypatch.setattr(finding, "register", elsewhere)
    assert run(command(experiment, ingested)) == 2
    assert "does not lie on the overview image; no observations" in capsys.readouterr().err
    record = json.loads((folder_beside(ingested) / "ingest.json").read_text())
    assert record["why_none"].endswith("the scan does not lie on the overview image")
    assert record["registration"] is None


def test_a_run_that_goes_on_looks_at_no_frame_twice_and_finds_the_same(
    experiment: Path,
    ingested: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = folder_beside(ingested)
    before = (folder / "frames.csv").read_bytes()
    (folder / "frames-000001.npz").unlink()
    looked = []
    own = FramePass.block

    def watched(self: FramePass, first: int, last: int):  # type: ignore[no-untyped-def]
        looked.append((first, last))
        return own(self, first, last)

    monkeypatch.setattr(FramePass, "block", watched)
    assert run(command(experiment, ingested)) == 2
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert "no observations are made" in complaint
    assert looked == [(BLOCK_FRAMES, FRAMES)]
    assert (folder / "frames.csv").read_bytes() == before


def test_what_is_not_known_is_asked_for_by_name(
    experiment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = yaml.safe_load((experiment / "experiment.yaml").read_text())
    for key in ("energy_kev", "beam_diameter_angstrom"):
        written["scan"].pop(key)
    config = tmp_path / "part.yaml"
    config.write_text(yaml.safe_dump(written))
    asked = command(experiment, tmp_path / "hits.zarr")
    asked[asked.index("--config") + 1] = str(config)
    assert run(asked) == 2
    complaint = capsys.readouterr().err.strip().splitlines()[-1]
    assert "beam_diameter_angstrom" in complaint
    assert not (tmp_path / "hits.zarr").exists()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--image", "nowhere.mrc", "nowhere.mrc"),
        ("--patience-s", "0", "more than 0"),
        ("--config", "nowhere.yaml", "no such configuration"),
    ],
)
def test_bad_input_is_one_line(
    experiment: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    words: str,
) -> None:
    asked = command(experiment, tmp_path / "hits.zarr", "--patience-s", "5")
    asked[asked.index(option) + 1] = value
    assert run(asked) == 2
    said = capsys.readouterr().err.strip()
    assert words in said
    assert "Traceback" not in said


def test_a_full_disk_is_told_before_frames_are_looked_at(
    experiment: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0))  # type: ignore[attr-defined]
    assert run(command(experiment, tmp_path / "hits.zarr")) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "hits-ingest: needs up to" in said
    assert "are free; choose another disk or free some space" in said
    assert not list((tmp_path / "hits-ingest").iterdir())


def test_a_growing_scan_is_followed_and_a_stopped_run_goes_on(
    experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A detector writes the file in pieces; the first follower stops when it pauses."""
    monkeypatch.setattr(following, "POLL_S", 0.02)
    whole = (experiment / "scan.mib").read_bytes()
    grown = tmp_path / "scan.mib"
    first = int(len(whole) * (BLOCK_FRAMES + 10) / FRAMES)
    grown.write_bytes(whole[:first])
    settings = load_acquisition(experiment / "experiment.yaml")
    out, seen = tmp_path / "hits.zarr", list[int]()

    def watch(live: Live) -> None:
        seen.append(len(live.table))

    with pytest.raises(InputError, match="no more come"):
        follow(grown, experiment / "overview.mrc", out, settings, 0.3, watch)
    assert seen == [BLOCK_FRAMES]
    looked = []
    own = FramePass.block

    def watched(self: FramePass, start: int, last: int):  # type: ignore[no-untyped-def]
        looked.append((start, last))
        return own(self, start, last)

    monkeypatch.setattr(FramePass, "block", watched)

    def write() -> None:
        with grown.open("ab") as file:
            for piece in np.array_split(np.frombuffer(whole[first:], np.uint8), 5):
                file.write(piece.tobytes())
                file.flush()
                time.sleep(0.05)

    writer = threading.Thread(target=write)
    writer.start()
    follow(grown, experiment / "overview.mrc", out, settings, 60.0, watch)
    writer.join()
    assert looked == [(BLOCK_FRAMES, FRAMES)]
    assert seen[0] == BLOCK_FRAMES
    assert seen[-1] == FRAMES
