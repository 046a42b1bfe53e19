"""Fill docs/results/reconstruction.md from reconstruction_runs.py: no number typed by hand.

Run: python benchmarks/reconstruction_page.py RUN
RUN is the folder of benchmarks/reconstruction_runs.py.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from paper_page import COLOURS, filled_or_told, put
from PIL import Image
from reconstruction_runs import RECORD, TRUE_IMAGES

from diffragan.io.files import output_folder, read_json, write_text

PAGE = Path(__file__).parents[1] / "docs" / "results" / "reconstruction.md"
FOLDER = "reconstruction"
BLOCK = "maps"
HEAD = (
    "| molecule | images | views | poses | with the truth, FSC 0.5 | half maps, FSC 0.143 | in the "
    "mask, corrected | map and model, FSC 0.5 | Q-score |\n"
    "|---|---|---:|---|---:|---:|---:|---:|---:|"
)


def table(record: Mapping[str, Any]) -> str:
    """Every map of every molecule in a row."""
    rows = [HEAD]
    for molecule in record["molecules"]:
        name = f"{molecule['name']}, {molecule['mass_kda']:.1f} kDa"
        for source, found in sorted(molecule["maps"].items(), key=lambda m: m[0] != TRUE_IMAGES):
            end = found["end_angstrom"]
            keys = (
                "resolution_fsc_truth_0p5_angstrom",
                "resolution_fsc_0p143_angstrom",
                "resolution_corrected_fsc_0p143_angstrom",
                "map_model_fsc_0p5_angstrom",
            )
            limits = " | ".join(angstrom(found[key], end) for key in keys)
            rows.append(
                f"| {name} | {source} | {found['views']:,} | {found['poses']} | {limits} | "
                f"{found['q_score']:.2f} |"
            )
            name = ""
    return "\n".join(rows)


def angstrom(value: float | None, end: float) -> str:
    return f"< {end:.2f} Å" if value is None else f"{value:.2f} Å"


def block(record: Mapping[str, Any]) -> str:
    """Size and number of the images, the table, the figures and the command."""
    sizes = sorted({(m["pixels"], round(m["pixel_angstrom"], 4)) for m in record["molecules"]})
    words = "; ".join(f"{pixels} x {pixels} pixels of {pixel:g} Å" for pixels, pixel in sizes)
    shown = "\n\n".join(
        f"![{m['figure']['alt']}]({FOLDER}/{m['figure']['png']})\n\n*{m['figure']['caption']}*"
        for m in record["molecules"]
    )
    return (
        f"Images of {words}.\n\n{table(record)}\n\n{shown}\n\n"
        f"```bash\n{record['command']}\n```\n\nSeed {record['seed']}."
    )


def fill(run: Path, page_path: Path) -> list[str]:
    """Fill the block of a run, and copy its pictures; return the names of blocks."""
    record = read_json(run / RECORD)
    target = output_folder(page_path.parent / FOLDER)
    for molecule in record["molecules"]:
        png = molecule["figure"]["png"]
        with Image.open(run / png) as full:
            palette = full.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        palette.save(target / png, optimize=True)
    page = page_path.read_text(encoding="utf-8")
    write_text(page_path, put(page, BLOCK, block(record)))
    return [BLOCK]


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args(words)
    page = arguments.page
    filled_or_told(lambda: (page, fill(arguments.run, page)))


if __name__ == "__main__":
    main()
