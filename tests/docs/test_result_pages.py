"""Pages of results: pictures are there, with words for those who see none; all blocks end."""

import re
from pathlib import Path

import pytest

RESULTS = Path(__file__).parents[2] / "docs" / "results"
BLOCKS = {
    "scan": ["hits", "places", "calibration", "phased"],
    "many-views": [
        "exact", "counted", "unknown", "turned", "control", "noise", "robustness", "single",
        "dragonfly", "cost"
    ],
    "reconstruction": ["maps"],
    "single-image": [
        "fine", "cell", "size", "headline", "headline-best", "headline-cell", "control", "defocus",
        "dose", "snr", "predicted", "cost", "learning"
    ],
}  # fmt: skip


@pytest.mark.parametrize("page", sorted(set(BLOCKS) - {"scan"}))
def test_every_picture_of_a_page_is_there_and_described(page: str) -> None:
    text = (RESULTS / f"{page}.md").read_text("utf-8")
    pictures = re.findall(rf"!\[([^\]]*)\]\(({page}/[^)]+)\)", text)
    assert pictures
    for alternative, place in pictures:
        assert alternative
        assert (RESULTS / place).is_file(), place


@pytest.mark.parametrize("page", BLOCKS)
def test_every_block_of_a_page_ends_and_says_something(page: str) -> None:
    text = (RESULTS / f"{page}.md").read_text("utf-8")
    found = re.findall(r"<!-- begin ([\w-]+) -->\n(.+?)\n<!-- end \1 -->", text, flags=re.DOTALL)
    assert [name for name, _ in found] == BLOCKS[page]
    assert len(found) == text.count("<!-- begin ") == text.count("<!-- end ")
