"""The page of many views: its pictures are there, and each has words for those who see none."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "results" / "many-views.md"
BLOCKS = [
    "exact", "counted", "unknown", "turned", "control", "noise", "single", "dragonfly", "cost"
]  # fmt: skip


def test_every_picture_of_the_page_is_there_and_described() -> None:
    pictures = re.findall(r"!\[([^\]]*)\]\((many-views/[^)]+)\)", PAGE.read_text("utf-8"))
    for alternative, place in pictures:
        assert alternative
        assert (PAGE.parent / place).is_file(), place


def test_every_block_ends_and_says_something() -> None:
    text = PAGE.read_text("utf-8")
    found = re.findall(r"<!-- begin ([\w-]+) -->\n(.+?)\n<!-- end \1 -->", text, flags=re.DOTALL)
    assert [name for name, _ in found] == BLOCKS
    assert len(found) == text.count("<!-- begin ") == text.count("<!-- end ")
