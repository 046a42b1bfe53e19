"""The page of a scan that is still being written."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from diffragan.acquisition.following import Live
from diffragan.acquisition.hits.classes import CLASSES
from diffragan.acquisition.hits.classify import FrameClasses
from diffragan.evaluation.ingest.live_page import LivePage
from made_up_scan import SETTINGS, table

SHAPE = (6, 9)
HITS = np.array([7, 20])


def live(seen: int) -> Live:
    whole = table(SHAPE, HITS)
    part = FrameClasses(*(getattr(whole, field.name)[:seen] for field in fields(FrameClasses)))
    return Live(SETTINGS, SHAPE, part, min(seen + 5, 54), 210.0)


@pytest.fixture
def page(tmp_path: Path) -> LivePage:
    priors = np.full(len(CLASSES), 1 / len(CLASSES))
    return LivePage(tmp_path / "scan-ingest", priors, "Scan <i>")


def read(folder: Path) -> str:
    return (folder / "scan-ingest" / "report.html").read_text()


def test_it_refreshes_itself_and_says_how_far_the_scan_is(page: LivePage, tmp_path: Path) -> None:
    page.update(live(24))
    text = read(tmp_path)
    assert '<meta http-equiv="refresh"' in text
    assert "Scan &lt;i&gt;" in text
    assert "<b>24</b> <small>44.4 %</small>" in text
    assert "<b>29</b> <small>of 54</small>" in text
    assert re.findall(r'<th scope="row">(\d+)</th>', text) == ["7", "20"]
    assert text.count("data:image/png;base64,") == 3
    assert "<script" not in text


def test_pages_are_seconds_apart_but_the_last_one_is_written(
    page: LivePage, tmp_path: Path
) -> None:
    page.update(live(24))
    first = read(tmp_path)
    page.update(live(30))
    assert read(tmp_path) == first
    page.update(live(54))
    assert "All frames are there" in read(tmp_path)


def test_a_stopped_run_says_why_and_refreshes_no_more(page: LivePage, tmp_path: Path) -> None:
    page.stopped("nothing was there yet")
    assert not (tmp_path / "scan-ingest").exists()
    page.update(live(24))
    page.stopped("no more frames <come>")
    text = read(tmp_path)
    assert "no more frames &lt;come&gt;" in text
    assert "refresh" not in text
