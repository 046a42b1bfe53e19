"""What docs/experiment.md shows and names is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from diffragan.config.experiment import Experiment
from diffragan.config.load import preset_names

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "experiment.md").read_text(encoding="utf-8")
PICTURES = REPOSITORY / "docs" / "images" / "effects"
LARGEST_BYTES = 150_000


def test_every_picture_is_shown_and_small() -> None:
    shown = set(re.findall(r"\]\(images/effects/(.+?)\)", PAGE))
    assert shown == {path.name for path in PICTURES.iterdir()}
    assert max(path.stat().st_size for path in PICTURES.iterdir()) < LARGEST_BYTES


def test_every_test_it_names_exists() -> None:
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", PAGE))
    written = "\n".join(
        path.read_text(encoding="utf-8") for path in REPOSITORY.glob("tests/**/*.py")
    )
    assert named
    assert [name for name in sorted(named) if f"def {name}(" not in written] == []
    for path in re.findall(r"`(tests/[a-z_/]+\.py)`", PAGE):
        assert (REPOSITORY / path).is_file(), path


@pytest.mark.parametrize("part", ["specimen", "beam", "inelastic", "detector", "high_resolution"])
def test_every_setting_is_described(part: str) -> None:
    fields = type(getattr(Experiment(), part)).model_fields
    described = {
        name
        for name in fields
        if re.search(rf"[`.]{name}`", PAGE) or re.search(rf"`{part}\.{name}\.", PAGE)
    }
    assert described == set(fields)


def test_the_table_of_presets_is_what_the_command_prints() -> None:
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "preset_table.py")]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert table in PAGE
    for name in preset_names("experiment"):
        assert table.count(f"| `{name}` |") == 1
        assert PAGE.count(f"| `{name}` |") == 2
