"""The driver itself: each quick test in one process, its JSON, and the page made from it."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from diffragan.config.networks import DiscriminatorSettings, GeneratorSettings
from diffragan.config.training import TrainingSettings
from diffragan.io.files import write_json
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.training.loop import train

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PAGE = BENCHMARKS.parent / "docs" / "results" / "paper.md"
QUICK = ("training", "unseen", "views", "pictures", "size-and-shape", "small", "stability")


def _run(script: str, *words: object) -> None:
    """Run a script as its command does, in this process, which has loaded everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        importlib.import_module(script).main([str(word) for word in words])


@pytest.fixture(scope="module")
def run(tiny: TripletStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = TrainingSettings(
        generator=GeneratorSettings(pixels=32, width=4, depth=3),
        discriminator=DiscriminatorSettings(patch_pixels=16),
        steps=4,
        batch=2,
        validate_every=2,
    )
    folder = tmp_path_factory.mktemp("paper") / "run"
    train(tiny.store.path, settings, folder)
    return folder


@pytest.fixture(scope="module")
def results(
    tiny: TripletStore, tiny_low: PhasedStore, run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("paper") / "results"
    _run(
        "paper_tests", *QUICK, "--run", run, "--test", tiny.store.path, "--train",
        tiny.store.path, "--out", out, "--phased", f"image={tiny_low.store.path}", "--views", 1,
    )  # fmt: skip
    return out


@pytest.mark.parametrize("name", QUICK)
def test_a_test_records_what_it_did(results: Path, name: str) -> None:
    found = json.loads((results / f"{name}.json").read_text())
    assert found["seed"] == 0
    assert "paper_tests.py" in found["command"]
    assert found["run"]["steps"] == 4
    assert found["run"]["share_of_the_papers_steps"] == pytest.approx(4 / 269_400)
    for figure in found["figures"]:
        assert (results / figure["png"]).is_file()
        assert (results / figure["svg"]).is_file()
        assert figure["caption"]
        assert figure["alt"]


def test_other_methods_are_judged_too(results: Path) -> None:
    methods = json.loads((results / "unseen.json").read_text())["results"]["methods"]
    assert list(methods) == ["cgan", "image"]
    assert methods["image"]["views"] == 2


def test_the_page_is_filled_from_the_results(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "paper.md"
    page.write_text(PAGE.read_text())
    _run("paper_page", results, "--page", page)
    text = page.read_text()
    molecules = json.loads((results / "unseen.json").read_text())["results"]["molecules"]
    assert f"{molecules[0]['score_mean']:.3f}" in text
    for name in QUICK:
        assert (tmp_path / "paper" / f"{name}.json").is_file()
    again = text
    _run("paper_page", results, "--page", page)
    assert page.read_text() == again


def test_controls_of_an_evaluation_are_drawn_and_listed(
    tiny: TripletStore, run: Path, results: Path, tiny_metrics: dict[str, Any], tmp_path: Path
) -> None:
    metrics, page = tmp_path / "metrics.json", tmp_path / "paper.md"
    write_json(metrics, tiny_metrics)
    page.write_text(PAGE.read_text())
    _run("paper_page", results, "--metrics", metrics, "--page", page)
    text = page.read_text()
    assert "true moduli, random phases" in text
    assert all(f"- {name}: {m['verdict']}" in text for name, m in tiny_metrics["methods"].items())
    _run(
        "paper_tests", "unseen", "--run", run, "--test", tiny.store.path, "--out", tmp_path / "out",
        "--metrics", metrics,
    )  # fmt: skip
    drawn = json.loads((tmp_path / "out" / "unseen.json").read_text())["results"]["controls"]
    assert set(drawn) >= {"low-resolution image alone", "true moduli, random phases"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["views"], "needs --run"),
        (["patch-size"], "needs --train"),
        (["unseen", "--run", "nowhere"], "nowhere"),
        (["unseen", "--run", "RUN", "--views", "0"], "use 1 or more"),
    ],
)
def test_wrong_use_is_one_line(
    tiny: TripletStore,
    run: Path,
    tmp_path: Path,
    words: list[str],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [str(run) if word == "RUN" else word for word in words]
    with pytest.raises(SystemExit) as end:
        _run("paper_tests", *words, "--test", tiny.store.path, "--out", tmp_path)
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert reason in told
    assert len(told.strip().splitlines()) == 1
