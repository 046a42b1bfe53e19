"""Maps by phase extension from patterns and low-resolution images, as the command makes them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr

from diffragan.cli.main import run
from diffragan.config.load import load_experiment
from diffragan.io.mrc import read_mrc
from diffragan.io.star import read_particles
from diffragan.reconstruction.many_views import run as running
from diffragan.reconstruction.many_views.found_poses import FoundPoses
from diffragan.reconstruction.many_views.given_poses import views_as_in_star
from diffragan.reconstruction.many_views.orientations import OrientationSettings
from diffragan.reconstruction.many_views.views import open_views
from diffragan.reconstruction.validation.hand import mirrored_rotations
from diffragan.simulation.dataset import simulate_dataset
from diffragan.structures.prepared import PreparedStructure

VIEWS = 32
LIMIT = "0.26"
SMALL = {
    "orientations": VIEWS,
    "box_angstrom": 72,
    "diffraction": {"max_angle_mrad": 8},
    "numerics": {"pixels": 96, "slice_thickness_angstrom": 12},
    "wave_pixels": 64,
    "image_pixels": 64,
}
FILES = {
    "map.mrc", "half1.mrc", "half2.mrc", "mask.mrc", "growth.mrcs", "fsc.json", "prtf.json",
    "r_factors.json", "left_out.json", "particles.star", "validation.json", "chimerax.cxc",
}  # fmt: skip


@pytest.fixture(scope="module")
def views(villin: PreparedStructure, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise-free patterns and noisy images of villin."""
    out = tmp_path_factory.mktemp("views") / "villin.zarr"
    experiment = load_experiment("quick", overrides=SMALL)
    return simulate_dataset([villin], experiment, seed=0, out=out, workers=1)


def command(data: Path, out: Path, *options: str) -> int:
    return run(
        ["reconstruct", str(data), "--method", "phase-extension", "--out", str(out), "--no-page",
         "--limit-per-angstrom", LIMIT, "--starts", "1", *options]
    )  # fmt: skip


def changed(views: Path, out: Path, array: str, change: "np.ndarray | None", **of: object) -> Path:
    """Copy a store, with one array replaced and the detector's settings changed."""
    shutil.copytree(views, out)
    group = zarr.open_group(out, mode="r+")
    if change is not None:
        group[array][...] = change
    if of:
        experiment = {**group.attrs["experiment"]}
        experiment["detector"] = {**experiment["detector"], **of}
        group.attrs["experiment"] = experiment
    return out


BAD = {
    "empty": "has 0 patterns, 32 more are unusable (empty: nothing was measured)",
    "saturated": "32 more are unusable (saturated: ",
    "no counts": "values that are no whole numbers",
    "one side": "from the same side",
}


@pytest.fixture(scope="module")
def done(views: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("done") / "map"
    assert command(views, out, "--threads", "2") == 0
    return out


def test_the_map_reaches_the_end_of_the_data(done: Path) -> None:
    assert {path.name for path in done.iterdir()} == FILES
    fsc = json.loads((done / "fsc.json").read_text())
    assert fsc["frequency_per_angstrom"][-1] <= float(LIMIT)
    assert min(fsc["fsc_truth"]) > 0.5
    assert fsc["resolution_fsc_0p143_angstrom"] is None
    assert fsc["poses"] == "known"
    assert fsc["half_set_sizes"] == [VIEWS / 2, VIEWS / 2]
    assert fsc["start"]["resolution_angstrom"] < 7
    factors = json.loads((done / "r_factors.json").read_text())
    assert factors["start_fits"]
    assert len(factors["growth"]) == len(read_mrc(done / "growth.mrcs")[0])


def test_poses_are_written_and_read_again(done: Path, views: Path) -> None:
    (opened,) = open_views(views)
    again = views_as_in_star(opened, done / "particles.star")
    assert torch.allclose(again.patterns.rotations, opened.patterns.rotations, atol=1e-6)
    assert torch.allclose(again.shifts_angstrom[:, :2], opened.shifts_angstrom[:, :2], atol=1e-5)
    assert set(read_particles(done / "particles.star").extra["rlnRandomSubset"]) == {"1", "2"}


def test_a_stopped_run_goes_on_to_the_same_map(
    done: Path, views: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, steps = tmp_path / "map", []

    def stop(self: running.Steps, name: str, checkpoint: object) -> None:
        write(self, name, checkpoint)
        steps.append(name)
        if name == "run-map-0":
            raise KeyboardInterrupt

    write = running.Steps.write
    monkeypatch.setattr(running.Steps, "write", stop)
    assert command(views, out, "--threads", "1") == 130
    assert steps[:5] == ["half1", "half2", "start", "growth", "run-map-0"]
    assert command(views, out, "--threads", "1", "--seed", "3") == 2
    monkeypatch.setattr(running.Steps, "write", write)
    assert command(views, out, "--threads", "1") == 0
    for name in ("map.mrc", "half2.mrc", "growth.mrcs", "r_factors.json", "fsc.json"):
        assert (out / name).read_bytes() == (done / name).read_bytes()
    assert not (out / "unfinished").exists()


def test_poses_of_the_wrong_hand_are_mirrored_and_maps_refined_against_patterns(
    views: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (opened,) = open_views(views)
    wrong = mirrored_rotations(opened.patterns.rotations)
    found = FoundPoses(wrong, opened.shifts_angstrom[:, :2], 1.0, 1.0, None)
    quick = OrientationSettings(rounds=1, first_degrees=0.1, wide_trials=2, narrow_trials=0)
    monkeypatch.setattr(running, "find_poses", lambda *_: found)
    monkeypatch.setattr(FoundPoses, "refinement", lambda *_: quick)
    out = tmp_path / "map"
    assert command(views, out, "--poses", "unknown", "--pattern-rounds", "1") == 0
    fsc = json.loads((out / "fsc.json").read_text())
    assert fsc["hand_by_curvature"]["mirrored"]
    assert "hand: right, as the curvature of the Ewald sphere tells" in capsys.readouterr().out
    assert "right, as the true potential tells" in fsc["hand"]
    assert min(fsc["fsc_truth"]) > 0.5
    begun = read_particles(out / "unrefined.star").rotations
    np.testing.assert_allclose(begun, opened.patterns.rotations, atol=1e-4)
    assert set(fsc["pattern_rounds"]) == {"map", "half1", "half2"}
    factors = json.loads((out / "r_factors.json").read_text())
    run = factors["half1"][0]
    assert run["chosen"] == len(run["cycles"]) - 1


@pytest.mark.parametrize("what", BAD)
def test_patterns_that_cannot_be_merged(
    what: str, views: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = zarr.open_group(views, mode="r")
    patterns, turns = np.asarray(store["diffraction"]), np.asarray(store["orientation"])
    counted = {"exposure_e_per_a2": 100.0} if what != "one side" else {}
    array, change = {
        "empty": ("diffraction", np.zeros_like(patterns)),
        "saturated": ("diffraction", np.minimum(np.round(1e9 * patterns), 255)),
        "no counts": ("diffraction", 1e3 * patterns),
        "one side": ("orientation", np.repeat(turns[:1], VIEWS, 0)),
    }[what]
    data = changed(views, tmp_path / "bad.zarr", array, change, **counted)
    assert command(data, tmp_path / "map") == 2
    told = [line for line in capsys.readouterr().err.splitlines() if "diffragan:" in line]
    assert len(told) == 1
    assert BAD[what] in told[0]
    assert not (tmp_path / "map" / "map.mrc").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--views", "10"], "has 10 patterns; merging and its halves need 16"),
        (["--diameter-angstrom", "40"], "use a box of 80 Å or more"),
        (["--mass-kda", "400"], "the support would be larger than the data allow"),
        (["--mass-kda", "0"], "--mass-kda is 0"),
        (["--limit-per-angstrom", "2"], "end at"),
        (["--poses", "shifts"], "--poses is shifts, for --method phase-extension"),
        (["--engine", "relion"], "--engine is not for --method phase-extension"),
        (["--method", "phased-images", "--views", "3"], "needs --method phase-extension"),
        (["--molecule", "villain"], "has no molecule 'villain'"),
        (["--start", "none.mrc"], "--start-resolution-angstrom"),
        (["--star", "none.star"], "none.star"),
    ],
)
def test_what_cannot_be_asked_for(
    options: list[str],
    words: str,
    views: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(views, tmp_path / "map", *options) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert words in told[-1]
    assert not (tmp_path / "map" / "map.mrc").exists()


def test_patterns_without_a_molecule_or_with_two_are_named_and_left_out(
    done: Path, views: Path, tmp_path: Path
) -> None:
    patterns = np.asarray(zarr.open_group(views, mode="r")["diffraction"])
    patterns[3] *= 0.1
    patterns[8] *= 3
    patterns[21] = 0
    data = changed(views, tmp_path / "bad.zarr", "diffraction", patterns)
    out = tmp_path / "map"
    own = ["--star", str(done / "particles.star"), "--start", str(done / "map.mrc")]
    assert command(data, out, *own, "--start-resolution-angstrom", "6") == 0
    left_out = json.loads((out / "left_out.json").read_text())
    reasons = {row["number"]: row["reason"].split(":")[0] for row in left_out}
    assert reasons == {
        3: "empty",
        8: "more than one molecule, or ice",
        21: "empty",
    }
    fsc = json.loads((out / "fsc.json").read_text())
    assert fsc["start"]["halves_share_it"]
    assert fsc["poses"] == "given"
    assert fsc["half_set_sizes"] == [15, 14]
    assert min(fsc["fsc_truth"]) > 0.5


def test_the_page_shows_growth_r_factors_and_coverage(done: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(done, tmp_path / "map")
    assert run(["report", str(folder)]) == 0
    page = (folder / "reconstruction.html").read_text()
    assert 'id="phases"' in page
    assert "The patterns fit the start." in page
    for name in ("growth", "r_factors", "coverage"):
        for ending in ("png", "svg"):
            assert (folder / "figures" / f"{name}.{ending}").stat().st_size > 1000
