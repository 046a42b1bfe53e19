"""The page of the paper's tests: each figure of the paper has its counterpart, and it is there."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from diffragan.evaluation.paper.column import COLUMN_INCHES
from diffragan.evaluation.paper.counterparts import COUNTERPARTS, file_stem
from diffragan.evaluation.paper.reconstruction import PAGE_INCHES
from diffragan.evaluation.style import RASTER_DPI

PAGE = Path(__file__).parents[2] / "docs" / "results" / "paper.md"
FOLDER = PAGE.parent / "paper"
ELSEWHERE = {"map"}
"""What only `evaluate` draws."""


def test_every_link_of_the_page_leads_to_a_file() -> None:
    links = re.findall(r"\((paper/[^)]+)\)", PAGE.read_text(encoding="utf-8"))
    assert len(links) > 20
    for link in links:
        assert (PAGE.parent / link).is_file(), link


@pytest.mark.parametrize("name", sorted(set(COUNTERPARTS) - ELSEWHERE))
def test_every_counterpart_is_in_the_table_and_as_wide_as_a_column_or_two(name: str) -> None:
    stem = file_stem(name)
    table = PAGE.read_text(encoding="utf-8").split("## Data and training")[0]
    assert f"(paper/{stem}.png)" in table
    with Image.open(FOLDER / f"{stem}.png") as picture:
        inches = picture.width / RASTER_DPI
    assert any(inches == pytest.approx(w, abs=0.02) for w in (COLUMN_INCHES, PAGE_INCHES))


def test_every_figure_has_its_command_seed_and_captions() -> None:
    for path in FOLDER.glob("*.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        assert found["command"].startswith("python benchmarks/paper_tests.py")
        assert isinstance(found["seed"], int)
        for figure in found["figures"]:
            assert (FOLDER / figure["png"]).is_file()
            assert figure["caption"]
