"""The table that tells whether a method uses the diffraction."""

import csv
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.evaluation.diffraction_use import (
    bands,
    diffraction_use,
    use_markdown,
    use_table,
)
from diffragan.evaluation.metrics import MeasuredLimit, measured_limit
from diffragan.evaluation.scores import Truth, ViewScores
from diffragan.evaluation.wording import RERUN_LABELS
from tiny_data import TINY

LIMIT = measured_limit(TINY)


def scores_of(curve: float, items: list[int], spread: float = 0.0) -> ViewScores:
    """Scores with flat curves, each view a little off."""
    views, rings = len(items), LIMIT.rings - 1
    frc = torch.stack([torch.full((rings,), curve + spread * i).double() for i in range(views)])
    blank = ViewScores(LIMIT)
    pixels = TINY.wave_pixels
    waves = torch.zeros(views, pixels, pixels, dtype=torch.complex64)
    side, width = TINY.image_pixels, TINY.diffraction_pixels
    truth = Truth(
        torch.zeros(views, side, side),
        waves,
        torch.zeros(views, width, width),
        torch.ones(width, width, dtype=torch.bool),
        torch.zeros(views, pixels, pixels, dtype=torch.bool),
    )
    blank.add(items, waves, truth.images, truth)
    batch = replace(blank.all(), frc=frc)
    return ViewScores(LIMIT, list(items), batch)


def test_losses_are_paired_so_that_easy_views_do_not_blur_them() -> None:
    items = [3, 5, 9]
    right, wrong = scores_of(0.8, items, spread=0.05), scores_of(0.1, items, spread=0.05)
    use = diffraction_use(right, {"wrong_diffraction": wrong}, items)
    assert use is not None
    loss = use["right_minus"]["wrong_diffraction"]
    for part in ("mean", "low", "high"):
        assert loss[part] == pytest.approx([0.7] * (LIMIT.rings - 1))
    assert use["frc"]["right"][0] == pytest.approx(0.85)
    assert use["resolution_angstrom"][0] == pytest.approx(TINY.box_angstrom)


def test_one_view_has_no_interval_and_nothing_run_has_no_table() -> None:
    use = diffraction_use(scores_of(0.8, [1]), {"no_diffraction": scores_of(0.2, [1])}, [1])
    assert use is not None
    assert use["right_minus"]["no_diffraction"]["low"] is None
    assert diffraction_use(scores_of(0.8, [1]), {}, [1]) is None


def test_tables_hold_every_ring_and_every_band(tiny_metrics: dict[str, Any]) -> None:
    header, *rows = csv.reader(use_table(tiny_metrics).splitlines())
    rings = len(tiny_metrics["methods"]["er"]["frequency_per_angstrom"])
    assert [row[0] for row in rows].count("er") == rings
    column = header.index("right_minus_wrong_diffraction")
    use = tiny_metrics["methods"]["er"]["diffraction_use"]
    of_er = [float(row[column]) for row in rows if row[0] == "er"]
    assert of_er == pytest.approx(use["right_minus"]["wrong_diffraction"]["mean"])
    text = use_markdown(tiny_metrics)
    assert "## er" in text
    assert RERUN_LABELS["wrong_image"] in text
    assert RERUN_LABELS["mean_diffraction"] not in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1


def test_without_a_rerun_the_table_says_so(tiny_metrics: dict[str, Any]) -> None:
    none = {"methods": {"mine": {**tiny_metrics["methods"]["er"], "diffraction_use": None}}}
    assert "No method could be run again" in use_markdown(none)
    assert len(use_table(none).splitlines()) == 1


@given(box=st.floats(24, 120), rings=st.integers(5, 200))
def test_bands_hold_every_whole_ring_once(box: float, rings: int) -> None:
    limit = MeasuredLimit(box / rings, box / rings / 2**0.5, round(rings * 2**0.5), box)
    if not limit.whole_rings.any():
        return
    (_, _, whole), *parts = bands(limit)
    assert torch.equal(whole, limit.whole_rings)
    counted = sum((inside.long() for _, _, inside in parts), torch.zeros(len(whole)).long())
    assert torch.equal(counted, whole.long())
