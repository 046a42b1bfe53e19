"""Fill docs/results/paper.md from the JSON of benchmarks/paper_tests.py: no number typed by hand.

Run: python benchmarks/paper_page.py RESULTS [--metrics metrics.json]
RESULTS is the folder given as --out to paper_tests.py; its pictures and JSON are copied beside the
page.
"""

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from paper_tables import TABLES, Result, of_controls
from PIL import Image

from diffragan.errors import DiffraganError, InputError
from diffragan.evaluation.page_record import read_metrics_file
from diffragan.io.files import read_json, write_text

PAGE = Path(__file__).parents[1] / "docs" / "results" / "paper.md"
BLOCK = "<!-- begin {name} -->\n{text}\n<!-- end {name} -->"
COLOURS = 256
"""Of a copied picture: a third of the bytes, and no difference to the eye."""


def block(name: str, result: Result) -> str:
    """Pictures with captions, the table, and the command of a test."""
    pictures = "\n\n".join(
        f"![{figure['alt']}](paper/{figure['png']})\n\n*{figure['caption']}*"
        for figure in result["figures"]
    )
    command = f"```bash\n{result['command']}\n```\n\nSeed {result['seed']}."
    return f"{pictures}\n\n{TABLES[name](result)}\n\n{command}"


def put(page: str, name: str, text: str) -> str:
    """Replace the block of a name.

    Raises
    ------
    InputError : The page has no such block.
    """
    head, _, tail = _around(page, name)
    return head + BLOCK.format(name=name, text=text) + tail


def block_of(page: str, name: str) -> str:
    """Return what the block of a name holds.

    Raises
    ------
    InputError : The page has no such block.
    """
    return _around(page, name)[1]


def _around(page: str, name: str) -> tuple[str, str, str]:
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    if begin not in page or end not in page:
        raise InputError(f"the page has no block '{name}'; add '{begin}' and '{end}' to it")
    head, rest = page.split(begin, 1)
    inside, tail = rest.split(end, 1)
    return head, inside, tail


def copy_pictures(result: Result, source: Path, target: Path) -> None:
    for figure in result["figures"]:
        with Image.open(source / figure["png"]) as full:
            palette = full.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        palette.save(target / figure["png"], optimize=True)


def fill(results: Path, metrics: Path | None, page_path: Path) -> list[str]:
    """Fill a page from a folder of results; return the names of the tests found."""
    page = page_path.read_text(encoding="utf-8")
    target = page_path.parent / "paper"
    target.mkdir(exist_ok=True)
    found = [name for name in TABLES if (results / f"{name}.json").is_file()]
    for name in found:
        result = read_json(results / f"{name}.json")
        page = put(page, name, block(name, result))
        copy_pictures(result, results, target)
        shutil.copyfile(results / f"{name}.json", target / f"{name}.json")
    if metrics is not None:
        page = put(page, "controls", of_controls(read_metrics_file(metrics)))
        found.append("controls")
    write_text(page_path, page)
    return found


def filled_or_told(work: Callable[[], tuple[Path, Sequence[str]]]) -> None:
    """Fill a page and say which blocks, or end with what is wrong in one line."""
    try:
        page, blocks = work()
    except DiffraganError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"filled {page}: {', '.join(blocks) or 'nothing was given'}")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--metrics", type=Path, help="metrics.json of `diffragan evaluate`")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args(words)
    page = arguments.page
    filled_or_told(lambda: (page, fill(arguments.results, arguments.metrics, page)))


if __name__ == "__main__":
    main()
