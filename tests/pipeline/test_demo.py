"""Everything end to end, small: the demo with fewer views, and the commands twice alike."""

import hashlib
import json
from pathlib import Path

import pytest

from diffragan.cli import demo, main

SMALL = {
    "VIEWS": 8,
    "TRAINING_VIEWS": 8,
    "ITERATIONS": 100,
    "CONTROL_VIEWS": 2,
    "HYBRID": {"restarts": 2, "iterations": 60, "coarse_iterations": 100},
}


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(demo, name, value)
    monkeypatch.setattr(demo, "TRAINING_MINUTES", 0.02)


@pytest.mark.usefixtures("small_demo")
def test_the_demo_goes_the_whole_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    assert main.run(["demo", "--out", str(out), "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    for method in demo.METHODS:
        assert method in printed
    metrics = json.loads((out / "evaluation" / "metrics.json").read_text())
    assert set(metrics["methods"]) == set(demo.METHODS)
    for scores in metrics["methods"].values():
        assert len(scores["frequency_per_angstrom"]) == len(scores["frc_mean"])
        assert scores["resolution_frc_0p5_angstrom"] > 0
        assert -1 <= scores["ssim_mean"] <= 1
    assert set(metrics["measured_limit_angstrom"]) >= {"axis", "corner"}
    page = (out / "evaluation" / "report.html").read_text()
    assert "villin" in page
    assert "other orientations of this same molecule" in page
    assert "and this is none of them" in page
    hybrid = metrics["methods"]["hybrid"]
    image_alone = metrics["controls"]["low_resolution_image_alone"]
    key = "resolution_frc_0p5_angstrom"
    assert hybrid[key] < 0.8 * image_alone[key]
    assert "not_run" not in hybrid["controls"]["wrong_diffraction"]
    assert len(hybrid["predicted_resolution_per_view_angstrom"]) == 8
    assert "hybrid predicted the resolution of 8 views" in page
    for name in ("map", "half1", "half2"):
        assert (out / "map" / f"{name}.mrc").stat().st_size > 1000
    assert (out / "hybrid.star").is_file()
    assert main.run(["info", str(out / "hybrid.zarr")]) == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("villin", "none of them"),
        ("1AUP", "this is one of them"),
        ("1aup_A", "this is one of them"),
        ("2aup_A", "none of them"),
    ],
)
def test_the_demo_says_whether_the_network_knows_the_molecule(name: str, words: str) -> None:
    assert words in demo._seen(name, ["1aup_A", "7rsa_A"])


def test_the_way_by_commands_gives_the_same_twice(
    prepared_villin_file: Path, tmp_path: Path
) -> None:
    """Prepare is tested for this on its own; here everything from there to the judgement."""
    small = tmp_path / "small.yaml"
    settings = (
        "kind: experiment\npreset: quick\nimage_pixels: 64\ndiffraction: {max_angle_mrad: 10}\n"
    )
    small.write_text(settings, encoding="utf-8")
    results = []
    for attempt in ("first", "second"):
        folder = tmp_path / attempt
        data, phased = folder / "views.zarr", folder / "hybrid.zarr"
        commands = [
            ["simulate", str(prepared_villin_file), "--config", str(small), "--orientations", "4",
             "--out", str(data), "--workers", "1", "--device", "cpu"],
            ["phase", str(data), "--out", str(phased), "--iterations", "60", "--restarts", "2",
             "--device", "cpu"],
            ["reconstruct", str(phased), "--out", str(folder / "map")],
            ["evaluate", str(data), str(phased), "--out", str(folder / "judged"),
             "--control-views", "2", "--device", "cpu"],
        ]  # fmt: skip
        for command in commands:
            assert main.run(command) == 0
        scores = json.loads((folder / "judged" / "metrics.json").read_text())["methods"]["hybrid"]
        results.append(
            (
                digest(data),
                digest(folder / "map"),
                scores["frc_mean"],
                scores["resolution_frc_0p5_angstrom"],
            )
        )
    assert results[0] == results[1]
