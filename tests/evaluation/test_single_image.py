"""The page of single images: made from evaluations, a training log and costs, part by part."""

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diffragan.errors import InputError
from diffragan.evaluation.paper.column import COLUMN_INCHES
from diffragan.evaluation.single_image.conditions import series
from diffragan.evaluation.single_image.evaluations import MAIN, read_evaluation
from diffragan.evaluation.single_image.learning import EVERY_STEP, fitted, read_learning
from diffragan.evaluation.single_image.looks import PAGE_INCHES, looks
from diffragan.evaluation.single_image.pooled_predictions import judged_predictions, pooled
from diffragan.evaluation.single_image.protein_results import mean_below, protein_results
from diffragan.evaluation.style import RASTER_DPI
from diffragan.io.files import write_json
from diffragan.io.training_log import read_log

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PAGE = BENCHMARKS.parent / "docs" / "results" / "single-image.md"
NAMES = {"low-resolution": MAIN, "er": "hio"}
"""Methods of the small evaluation, and what they stand for here."""
VIEWS_A_PROTEIN = 4

Make = Callable[..., Path]


def _run(script: str, *words: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        importlib.import_module(script).main([str(word) for word in words])


@pytest.fixture
def make(tiny_metrics: dict[str, Any], tmp_path: Path) -> Make:
    """Write an evaluation as `evaluate` does, of an experiment with some settings changed."""

    def evaluation(name: str, **changes: dict[str, Any]) -> Path:
        methods = {NAMES[old]: dict(m) for old, m in tiny_metrics["methods"].items()}
        methods[MAIN] |= _predictions(methods[MAIN])
        proteins = [
            {**group, "scores": {NAMES.get(n, n): s for n, s in group["scores"].items()}}
            for group in tiny_metrics["groups"]["protein"]
        ]
        experiment = tiny_metrics["data"]["experiment"]
        changed = {key: {**experiment[key], **of} for key, of in changes.items()}
        folder = tmp_path / name
        folder.mkdir()
        write_json(
            folder / "metrics.json",
            {
                **tiny_metrics,
                "methods": methods,
                "groups": {**tiny_metrics["groups"], "protein": proteins},
                "data": {**tiny_metrics["data"], "experiment": {**experiment, **changed}},
            },
        )
        items = list(range(2 * VIEWS_A_PROTEIN))
        owner = [item // VIEWS_A_PROTEIN for item in items]
        labels = [group["label"] for group in tiny_metrics["groups"]["protein"]]
        write_json(
            folder / "views.json",
            {"items": items, "molecule_of_item": owner, "molecules": labels},
        )
        return folder

    return evaluation


def _predictions(method: dict[str, Any]) -> dict[str, Any]:
    true = np.linspace(2, 8, len(method["items"]))
    return {
        "resolution_in_bands_per_view_angstrom": true.tolist(),
        "predicted_resolution_per_view_angstrom": (1.1 * true).tolist(),
        "predicted_resolution_interval_per_view_angstrom": [[0.9 * t, 1.3 * t] for t in true],
        "failed_views": method["items"][-1:],
    }


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """Log a training whose error falls as the power -1/4 of the views."""
    path = tmp_path / "training.csv"
    head = "step,views,validation_frc,validation_resolution_angstrom,validation_envelope_overlap\n"
    counts = (1000, 2000, 3000, 4000, 6000, 8000, 10000)
    rows = (f"{v // 8},{v},{1 - 2 * v**-0.25},{9 * v**-0.1},0.9\n" for v in counts)
    path.write_text(head + "".join(rows))
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    # The page with no block filled, however far the repository's own is.
    blank = re.sub(
        r"(<!-- begin (\S+) -->\n).*?(<!-- end \2 -->)", r"\1Not measured yet.\n\3",
        PAGE.read_text(), flags=re.DOTALL,
    )  # fmt: skip
    (folder / PAGE.name).write_text(blank)
    return folder


COST = {
    "machine": "a machine", "cores": 2, "load_before": 0.5, "views": 8, "batch": 8,
    "box_angstrom": 70.0, "pixels": 128,
    "rows": [{
        "what": "network", "seconds_per_view": 0.125, "cpu_seconds_per_view": 0.25,
        "peak_memory_gb": 0.5, "peak_gpu_memory_gb": None,
    }],
}  # fmt: skip


def _block(text: str, name: str) -> str:
    return text.split(f"<!-- begin {name} -->")[1].split(f"<!-- end {name} -->", maxsplit=1)[0]


def test_the_whole_page_is_made_and_made_alike_again(
    make: Make, training: Path, out: Path, tmp_path: Path
) -> None:
    fine = make("fine")
    noisy = [make(f"dose-{d}", detector={"exposure_e_per_a2": float(d)}) for d in (100, 1000)]
    blurred = make("defocus", low_resolution={"defocus_angstrom": 3000.0})
    write_json(tmp_path / "cost.json", COST)
    write_json(tmp_path / "learning.json", [{"views": 5000, "evaluation": "fine"}])
    words = (
        "--fine", fine, "--cell", fine, "--headline", fine, "--headline-best", fine,
        "--headline-cell", fine,
        "--dose", f"100={noisy[0]}", f"1000={noisy[1]}", "--defocus", f"3000={blurred}",
        "--training", training, "--learning", tmp_path / "learning.json",
        "--cost", tmp_path / "cost.json", "--out", out,
    )  # fmt: skip
    _run("single_image_page", *words)
    text = (out / PAGE.name).read_text()
    assert text.count("Not measured yet.") == 1
    assert "Not measured yet." in _block(text, "snr")
    evaluation = read_evaluation(fine)
    scores = evaluation.scores(MAIN)
    assert scores is not None
    assert f"| {scores['ssim_mean']:.3f} |" in _block(text, "fine")
    assert "no noise" in _block(text, "dose")
    assert "0.125 s" in _block(text, "cost")
    assert "This is an extrapolation" in _block(text, "learning")
    pictures = sorted((out / "single-image").glob("*.png"))
    assert len(pictures) == 10
    for picture in pictures:
        assert f"(single-image/{picture.name})" in text
        with Image.open(picture) as drawn:
            inches = drawn.width / RASTER_DPI
        assert any(inches == pytest.approx(w, abs=0.02) for w in (COLUMN_INCHES, PAGE_INCHES))
    _run("single_image_page", *words)
    assert (out / PAGE.name).read_text() == text


def test_a_part_made_alone_leaves_the_others(make: Make, training: Path, out: Path) -> None:
    _run("single_image_page", "--fine", make("fine"), "--out", out)
    before = (out / PAGE.name).read_text()
    snr = make("snr", low_resolution={"snr": 0.1})
    _run("single_image_page", "--snr", f"0.1={snr}", "--training", training, "--out", out)
    after = (out / PAGE.name).read_text()
    for name in ("fine", "size", "control", "predicted"):
        assert _block(after, name) == _block(before, name) != "\nNot measured yet.\n"
    for name in ("snr", "learning"):
        assert "Not measured yet." in _block(before, name)
        assert "Not measured yet." not in _block(after, name)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--fine", "NOWHERE"], "holds no metrics.json"),
        (["--dose", "much=EVAL"], "not VALUE=EVALUATION"),
        (["--dose", "100=EVAL"], "name another one"),
        (["--training", "LOG"], "holds no validations"),
        (["--learning", "LIST"], "not a list"),
    ],
)
def test_wrong_use_is_one_line(
    make: Make,
    out: Path,
    tmp_path: Path,
    words: list[str],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "log.csv").write_text("step,loss\n1,2\n")
    write_json(tmp_path / "list.json", [{"views": 1}])
    named = {
        "NOWHERE": str(tmp_path / "nowhere"), "EVAL": str(make("one")),
        "LOG": str(tmp_path / "log.csv"), "LIST": str(tmp_path / "list.json"),
    }  # fmt: skip
    for old, new in named.items():
        words = [word.replace(old, new) for word in words]
    with pytest.raises(SystemExit):
        _run("single_image_page", *words, "--out", out)
    told = capsys.readouterr().err.strip()
    assert reason in told
    assert "\n" not in told


def test_proteins_are_judged_by_their_own_views(make: Make) -> None:
    evaluation = read_evaluation(make("fine"))
    scores = evaluation.scores(MAIN)
    assert scores is not None
    found = protein_results(evaluation, (MAIN, "hio"))
    assert [protein.views for protein in found] == [VIEWS_A_PROTEIN, VIEWS_A_PROTEIN]
    masses = [protein.mass_kda for protein in found]
    assert masses == sorted(masses)
    by_name = {p.name: p.reached[MAIN] for p in found}
    mean = np.mean([reached.score for reached in by_name.values()])
    assert mean == pytest.approx(np.mean(scores["score_per_view"]))
    views, read, score = mean_below(evaluation, MAIN, max(masses) + 1)
    assert views == len(scores["items"])
    assert read.angstrom == pytest.approx(scores["resolution_frc_0p5_angstrom"])
    assert score == pytest.approx(mean)


def test_a_series_takes_only_what_is_alike(make: Make) -> None:
    paper = read_evaluation(make("paper"))
    snr = paper.experiment["low_resolution"]["snr"]
    noisier = read_evaluation(make("snr", low_resolution={"snr": snr / 4}))
    blurred = read_evaluation(make("blurred", low_resolution={"defocus_angstrom": 3000.0}))
    assert [c.value for c in series("snr", {snr / 4: noisier}, [blurred, paper])] == [snr / 4, snr]
    with pytest.raises(InputError, match="name another one"):
        series("snr", {snr / 2: noisier}, [])


def test_a_pool_counts_every_view_once(make: Make) -> None:
    scores = read_evaluation(make("one")).scores(MAIN)
    assert scores is not None
    whole = pooled({"one": scores, "two": scores})
    assert whole["items"] == list(range(2 * len(scores["items"])))
    assert len(whole["failed_views"]) == 2
    one, two, alike, together = judged_predictions({"one": scores, "two": scores})
    assert alike.correlation == pytest.approx(together.correlation)
    assert alike.inside == pytest.approx(together.inside)
    assert one.correlation == pytest.approx(1)
    assert one.inside == together.inside == 1
    assert together.views == one.views + two.views
    assert together.failed_truly_angstrom == pytest.approx(8)


def test_a_power_law_is_found_and_continued(training: Path) -> None:
    learning = read_learning(training)
    assert learning.law is not None
    assert learning.law.exponent == pytest.approx(0.25, abs=1e-4)
    assert learning.frc_after(160_000) == pytest.approx(0.9, abs=1e-4)
    assert learning.foretold == pytest.approx(learning.frc[-1], abs=1e-4)
    assert len(read_log(training, EVERY_STEP)) == len(learning.views)


def test_too_few_validations_give_no_law() -> None:
    views = np.array([1e3, 2e3, 3e3])
    assert fitted(views, 1 / views) is None
    assert fitted(views[:0], views[:0]) is None


def test_methods_are_told_apart_without_colour() -> None:
    found = looks([MAIN, "network", "hio", "raar", "cgan", "low-resolution"])
    assert len({look.colour for look in found.values()}) == len(found)
    assert len({look.marker for look in found.values()}) == len(found)
