"""What docs/evaluation-measures.md names is there."""

import importlib
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "evaluation-measures.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(?!metrics\.json|diffragan\.)([a-z_]+)\.([a-z_]+)(?:\([a-z, ]*\))?`", PAGE)


@pytest.mark.parametrize(("module", "function"), sorted(set(NAMED)))
def test_every_measure_it_names_exists(module: str, function: str) -> None:
    # What the stages need too lies below them, in the root.
    places = (f"diffragan.evaluation.{module}", f"diffragan.{module}")
    where = next(place for place in places if find_spec(place) is not None)
    assert callable(getattr(importlib.import_module(where), function))


def test_every_measure_of_the_table_is_named() -> None:
    assert len(NAMED) >= 12


def test_every_test_and_picture_it_names_exists() -> None:
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", PAGE))
    written = "\n".join(
        path.read_text(encoding="utf-8") for path in REPOSITORY.glob("tests/**/*.py")
    )
    assert named
    assert [name for name in sorted(named) if f"def {name}(" not in written] == []
    for picture in re.findall(r"\]\((images/.+?)\)", PAGE):
        assert (REPOSITORY / "docs" / picture).stat().st_size < 250_000
