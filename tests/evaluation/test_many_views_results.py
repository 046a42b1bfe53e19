"""The page of many views is filled from what runs left, and says what they reached."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from diffragan.evaluation.many_views.cost import parse_time
from diffragan.evaluation.many_views.orientation_errors import orientation_errors
from diffragan.evaluation.many_views.shell_curves import shell_curve
from diffragan.evaluation.many_views.wording import claimed_over_true, reached
from diffragan.io.files import write_json
from diffragan.io.star import ParticleOptics, write_particles
from diffragan.io.triplets import TripletStore
from diffragan.reconstruction.many_views.given_poses import write_poses
from diffragan.reconstruction.many_views.outputs import UNREFINED_STAR
from diffragan.reconstruction.many_views.views import open_views
from diffragan.reconstruction.particle_files import STAR
from diffragan.reconstruction.validation.hand import mirrored_rotations

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PAGE = BENCHMARKS.parent / "docs" / "results" / "many-views.md"
BOX = 50.0
TIME = """\tCommand being timed: "diffragan"
\tUser time (seconds): 100.50
\tSystem time (seconds): 19.50
\tElapsed (wall clock) time (h:mm:ss or m:ss): 1:02:03
\tMaximum resident set size (kbytes): 2000000
"""
COUNTED = {
    "molecule": "made_A", "mass_kda": 15.0, "views": 200, "grid": [90, 60.0],
    "end_of_data_angstrom": 1.67, "fsc_truth_0p5_angstrom": 2.0, "fsc_halves_0p143_angstrom": 2.5,
    "fsc_truth_at_angstrom": {"3": 0.9, "2": 0.5, "1.75": 0.2}, "r_work": 0.2, "r_free": 0.3,
    "free_gain": 0.1, "cpu_s": {"all": 60.0, "before_phasing": 12.0}, "wall_s": 40.0,
    "orientation_degrees": {
        "before": {"median": 3.5, "rms": 4.0}, "after": {"median": 0.5, "rms": 0.6}
    },
    "control_right": {"alike": 0.8, "r_free": 0.2, "kept": 0.9, "fits": True},
    "control_wrong": {"alike": 0.1, "r_free": 0.6, "kept": 0.2, "fits": False},
    "noise": {
        "r_free": 0.3, "r_free_by_chance": 0.31, "free_gain": -0.1, "found": False,
        "start_fits": False,
    },
}  # fmt: skip
FAULTY = (
    "end_of_data_angstrom", "fsc_truth_0p5_angstrom", "fsc_halves_0p143_angstrom",
    "fsc_truth_at_angstrom", "r_work", "r_free", "free_gain",
)  # fmt: skip
ARGUMENTS = {
    "data": "[PosixPath('/some/where/made.zarr')]", "dose": "100.0", "patterns": "8000",
    "turned": "4.0", "wrong": "/some/where/other.zarr", "starts": "1", "seed": "0",
    "out": "/some/where/out.json", "folder": "None", "limit": "0.6", "views": "200",
}  # fmt: skip


def _run(*words: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        importlib.import_module("many_views_page").main([str(word) for word in words])


@pytest.fixture
def page(tmp_path: Path) -> Path:
    out = tmp_path / "results"
    out.mkdir()
    path = out / "many-views.md"
    text = PAGE.read_text(encoding="utf-8")
    head, *rest = text.split("<!-- begin ")
    for part in rest:
        name, after = part.split(" -->", 1)[0], part.split("<!-- end ", 1)[1]
        head += f"<!-- begin {name} -->\nNot made yet.\n<!-- end {after}"
    path.write_text(head, encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Write what `reconstruct` leaves of a map whose FSC with the truth falls to 0.4 at 2 Å."""

    def written(name: str, **changes: Any) -> Path:
        out = tmp_path / name
        out.mkdir()
        frequency = (np.arange(26) / BOX).tolist()
        fsc = {
            "frequency_per_angstrom": frequency,
            "fsc_truth": np.linspace(1, 0.4, 26).tolist(),
            "fsc_half_maps": np.linspace(1, 0.2, 26).tolist(),
            "limit_per_angstrom": 0.5, "mass_kda": 12.0, "half_set_sizes": [100, 99],
            "pixel_angstrom": 1.0, "start_fits": True,
            "provenance": {
                "inputs": {"made.zarr": "0"},
                "settings": {"molecule": "made_A", "poses": "known", "starts": 1, "seed": 3},
            },
        } | changes  # fmt: skip
        write_json(out / "fsc.json", fsc)
        cycle = {"r_work": 0.111, "r_free": 0.222, "free_gain": 0.3}
        verdict = {"found": False, "r_free": 0.3, "r_free_by_chance": 0.31, "free_gain": -0.1}
        factors = {"map": [{"chosen": 0, "cycles": [cycle]}], "structure": verdict}
        write_json(out / "r_factors.json", factors)
        write_json(out / "prtf.json", {"starts": 1, "prtf": None, "frequency_per_angstrom": []})
        (tmp_path / f"{name}.time").write_text(TIME)
        return out

    return written


def test_a_curve_ends_with_the_data_and_is_read_there() -> None:
    curve = shell_curve((np.arange(11) / 10).tolist(), [1, 1, 1, 0.8, 0.6, 0.4, *[0] * 5], 0.5)
    assert len(curve.values) == 6
    assert curve.resolution(0.5) == pytest.approx(1 / 0.45)
    assert curve.resolution(0.143) is None
    assert curve.at(1 / 0.32) == 0.8
    assert curve.at(1.5) is None
    assert curve.lowest(1 / 0.4) == 0.6


def test_resolutions_beyond_the_data_count_as_their_end() -> None:
    assert reached(None, 1.667) == "< 1.67 Å"
    assert claimed_over_true(None, 2.0, 1.6) == pytest.approx(0.8)
    assert claimed_over_true(None, None, 1.6) == 1


def test_gnu_time_is_read_and_other_text_is_not() -> None:
    cost = parse_time(f"words before\n{TIME}")
    assert cost is not None
    assert (cost.cpu_s, cost.wall_s, cost.memory_bytes) == (120, 3723, 2_048_000_000)
    assert parse_time("User time (seconds): 3") is None


def test_orientation_errors_do_not_depend_on_frame_or_hand(tmp_path: Path) -> None:
    true = torch.from_numpy(Rotation.random(60, random_state=1).as_matrix())
    turns = np.random.default_rng(2).normal(0, np.deg2rad(2) / 3**0.5, (60, 3))
    wrong = torch.from_numpy(Rotation.from_rotvec(turns).as_matrix()) @ true
    frame = torch.from_numpy(Rotation.random(random_state=3).as_matrix())
    optics = ParticleOptics(200.0, 0.0, 0.0, 1.0, 64)
    found = {}
    for name, rotations in (("same", wrong @ frame), ("other", mirrored_rotations(wrong) @ frame)):
        star = tmp_path / f"{name}.star"
        write_particles(star, "views.zarr", optics, 60, rotations=rotations.numpy())
        found[name] = orientation_errors(star, true, both_hands=True)
    assert found["same"].rms == pytest.approx(2, rel=0.2)
    assert found["other"].median == pytest.approx(found["same"].median, rel=0.02)
    assert found["same"].far == 0


def test_the_page_says_what_runs_reached_and_how_they_were_made(
    page: Path,
    folder: Callable[..., Path],
    tiny: TripletStore,
    tiny_metrics: dict[str, Any],
    tmp_path: Path,
) -> None:
    views = open_views(tiny.store.path)[0]
    made_by = {
        "inputs": {"tiny.zarr": tiny.identity},
        "settings": {"molecule": views.name, "poses": "refine", "starts": 1, "seed": 0},
    }
    refined = folder("refined", provenance=made_by)
    for name in (STAR, UNREFINED_STAR):
        halves = torch.arange(views.count) % 2
        write_poses(
            refined / name, views, views.patterns.rotations, list(views.patterns.kept), halves
        )
    write_json(
        tmp_path / "counted.json",
        {"runs": [COUNTED], "arguments": ARGUMENTS, "peak_memory_bytes": 7e9},
    )
    write_json(tmp_path / "metrics.json", tiny_metrics)
    degrees = dict.fromkeys(("median", "median_or_half_turn", "within_15"), 0.5)
    merged = {
        "orientation_degrees": degrees | {"within_15_or_half_turn": 1.0}, "mean_correlation": 0.9,
        "intensity_correlation": [0, 0.9, 0.9, 0.8], "cpu_s": 5.0,
        "refinement": {"before": {"rms": 4.0}},
    }  # fmt: skip
    dragonfly = {
        "molecule": "made_A", "patterns": 300, "counts_of_a_pattern": 500.0, "true": merged,
        "shells_per_angstrom": [0, 0.1, 0.2, 0.3], "arguments": ARGUMENTS,
        "ours": merged, "dragonfly": merged | {"mean_correlation": 0.5, "cpu_s": 2.0},
    }  # fmt: skip
    write_json(tmp_path / "dragonfly.json", dragonfly)
    counted = tmp_path / "counted.json"
    plain = {key: value for key, value in COUNTED.items() if key in FAULTY}
    runs = [
        plain | {"curve": "none", "size": 0.0},
        plain | {"curve": "camera", "size": 5.0},
        plain | {"curve": "strangers", "size": 0.2, "free_gain": 0.005},
        plain
        | {"curve": "strangers, sorted", "size": 0.2, "strangers_found": 0.9, "own_lost": 0.01},
    ]
    record = {"molecule": "made_A", "mass_kda": 15.0, "runs": runs}
    write_json(tmp_path / "robustness.json", record | {"arguments": ARGUMENTS})
    _run(
        "--exact", folder("exact"), "--counted", counted, "--unknown", refined, "--truth",
        tiny.store.path, "--turned", counted, "--control", counted, "--noise", counted,
        "--robustness", tmp_path / "robustness.json",
        "--single", tmp_path / "metrics.json", "--dragonfly", tmp_path / "dragonfly.json",
        "--cost", "--out", page.parent,
    )  # fmt: skip
    text = page.read_text(encoding="utf-8")
    assert "Not made yet." not in text
    assert "Of 1 maps 0 have an FSC with the truth above 0.5 in every shell" in text
    assert (
        "| made_A | 15.0 | 8,000 | 100 | 800,000 | 200 | 1.67 Å | 2.00 Å | 2.50 Å | 1.25 |" in text
    )
    assert "within 15 % in 0 of 1; the farthest from it is 1.25 times" in text
    assert "| refine | 0.00, 0.00 | - | 0.00, 0.00 | 0 % |" in text
    assert "is told in 1 of 1" in text
    assert "better in intensities; Dragonfly in orientations, CPU time." in text
    assert "| camera length wrong | error 5 % | 2.00 Å | 2.50 Å | 1.25 |" in text
    assert "| share 20 % |" in text
    assert text.count("| 0.005 | free reflections show no structure |") == 1
    assert "90 % of the strangers left out, and 1.0 % of the others |" in text
    assert "2 of 3 runs held less than 6 GB." in text
    assert "--seed 3 --out exact" in text
    assert "/some/where" not in text
    assert {path.stem for path in (page.parent / "many-views").iterdir()} == {
        "exact", "exposure", "orientations", "robustness-made_A", "single-1", "dragonfly",
    }  # fmt: skip


def test_what_is_not_given_stays_and_wrong_files_are_told(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = page.read_text(encoding="utf-8")
    write_json(tmp_path / "other.json", {"rows": []})
    with pytest.raises(SystemExit) as stopped:
        _run("--counted", tmp_path / "other.json", "--out", page.parent)
    assert stopped.value.code == 2
    assert "holds no runs of benchmarks/many_views.py" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        _run("--robustness", tmp_path / "other.json", "--out", page.parent)
    assert "no runs of benchmarks/many_views_robustness.py" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        _run("--cost", "--out", page.parent)
    assert "no run is given whose cost is known" in capsys.readouterr().err
    _run("--out", page.parent)
    assert page.read_text(encoding="utf-8") == before


def test_the_table_of_costs_stays_unless_it_is_asked_for(page: Path, tmp_path: Path) -> None:
    write_json(
        tmp_path / "counted.json",
        {"runs": [COUNTED], "arguments": ARGUMENTS, "peak_memory_bytes": 7e9},
    )
    _run("--counted", tmp_path / "counted.json", "--out", page.parent)
    assert "<!-- begin cost -->\nNot made yet." in page.read_text(encoding="utf-8")
