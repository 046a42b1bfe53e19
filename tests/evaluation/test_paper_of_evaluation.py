"""The paper's figures that `evaluate` draws for anybody's data, named after the paper's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from diffragan.cli.main import run
from diffragan.evaluation.paper.counterparts import COUNTERPARTS, file_stem
from diffragan.evaluation.paper.of_evaluation import draw_paper_figures
from diffragan.evaluation.sections import Reconstruction
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore

OF_ONE_EVALUATION = ("examples", "frc-map", "ssim-map", "difference", "unseen")


def test_files_are_named_after_the_papers_figures() -> None:
    assert file_stem("unseen") == "figure-7-unseen"
    assert file_stem("size-and-shape") == "figure-s1-s2-size-and-shape"
    assert file_stem("training") == "training"
    numbers = {part for c in COUNTERPARTS.values() for part in c.number.split("-")}
    assert numbers >= {"3", "6", "7", "8", "s1", "s2", "s3", "s4", "s5", "s7"}


def test_each_figure_says_whose_counterpart_it_is(
    tiny: TripletStore,
    tiny_low: PhasedStore,
    tiny_er: PhasedStore,
    tiny_metrics: Mapping[str, Any],
    tmp_path: Path,
) -> None:
    volume = np.random.default_rng(0).normal(size=(16, 16, 16)).astype(np.float32)
    maps = [Reconstruction(name, volume, 1.0, {}) for name in ("one", "other")]
    drawn = draw_paper_figures(
        tiny, [tiny_low, tiny_er], tiny_metrics, tmp_path, training=tiny, maps=maps
    )
    found = {d.png.stem: d for d in drawn}
    # Both proteins are tiny, so there is no S3.
    assert set(found) == {
        *(file_stem(name) for name in (*OF_ONE_EVALUATION, "size-and-shape")),
        "figure-8-map", "figure-8-map-2",
    }  # fmt: skip
    for name, one in found.items():
        assert one.png.parent == tmp_path / "figures" / "paper"
        with Image.open(one.png) as picture:
            assert np.asarray(picture.convert("L")).std() > 5
        assert one.svg.is_file()
        number = name.split("-")[1]
        assert f"the paper's Figure{'s' if number == '3' else ''} {number}" in one.caption or (
            "the paper's S1 and S2" in one.caption
        )


def test_evaluate_draws_them_unless_told_not_to(
    tiny: TripletStore, tiny_low: PhasedStore, tmp_path: Path
) -> None:
    words = ["evaluate", str(tiny.store.path), str(tiny_low.store.path)]
    words += ["--protocol", "paper", "--control-views", "0", "--device", "cpu", "--out"]
    assert run([*words, str(tmp_path / "with")]) == 0
    made = {p.stem for p in (tmp_path / "with" / "figures" / "paper").glob("*.png")}
    assert made >= {file_stem(name) for name in OF_ONE_EVALUATION}
    assert run([*words, str(tmp_path / "without"), "--no-paper-figures"]) == 0
    assert not (tmp_path / "without" / "figures" / "paper").exists()
