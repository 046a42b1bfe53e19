"""Fill docs/results/scan.md from what benchmarks/scan_ingested.py wrote: no number typed by hand.

Run: python benchmarks/scan_page.py NAME=JSON [NAME=JSON ...]
NAME is what the table calls the experiment; rows of experiments that are not given stay.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from paper_page import block_of, filled_or_told, put

from diffragan.errors import ConfigError
from diffragan.io.files import read_json, write_text

PAGE = Path(__file__).parents[1] / "docs" / "results" / "scan.md"
HITS_HEAD = (
    "| experiment | frames | e/Å² | whole hits | found: precision | recall | handed over | "
    "precision | recall | on the rim | right molecule |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)
PLACES_HEAD = (
    "| experiment | place in the image, median, rms (95 %) [Å] | offset in the beam, median, rms "
    "(95 %) [Å] | "
    "centre of a frame, rms along y, x [pixels] | frames within 0.2 pixels |\n"
    "|---|---:|---:|---:|---:|"
)
CALIBRATION_HEAD = (
    "| experiment | camera length used [%] | by rings [%] | ellipticity [%] | its direction [°] | "
    "scan to image [°] | scale [%] | defocus [Å] |\n|---|---:|---:|---:|---:|---:|---:|---:|"
)
PHASED_HEAD = (
    "| experiment | what | views | ingested | direct, same instrument | ingested over it | direct, "
    "ideal | ingested over it |\n|---|---|---:|---:|---:|---:|---:|---:|"
)
REFERENCES = ("same_instrument", "direct")


def hits(name: str, run: Mapping[str, Any]) -> str:
    """One row: which frames were found to be hits, and which were handed over."""
    found, places = run["hits"], run["places"]
    return (
        f"| {name} | {run['frames']:,} | {run['exposure_e_per_a2']:g} | {found['wanted']:,} | "
        f"{_precision(found, 'hits')} | {found['hits_recall']:.2f} | {found['kept']:,} | "
        f"{_precision(found, 'kept')} | {found['kept_recall']:.2f} | "
        f"{found['kept_off_centre']:,} | {places['right_molecule']:,} of "
        f"{places['observations']:,} |"
    )


def _precision(found: Mapping[str, Any], which: str) -> str:
    """Precision, and behind it that of a count in which damaged molecules are right."""
    return f"{found[f'{which}_precision']:.2f} ({found[f'{which}_precision_damaged_right']:.2f})"


def places(name: str, run: Mapping[str, Any]) -> str:
    """One row: errors of places."""
    found, centres = run["places"], run["centres"]
    return (
        f"| {name} | {found['place_median_angstrom']:.1f}, {found['place_rms_angstrom']:.1f} "
        f"({found['place_95_percent_angstrom']:.1f}) | "
        f"{found['offset_median_angstrom']:.1f}, {found['offset_rms_angstrom']:.1f} "
        f"({found['offset_95_percent_angstrom']:.1f}) | "
        f"{centres['rms_along_y_pixels']:.3f}, {centres['rms_along_x_pixels']:.3f} | "
        f"{100 * centres['within_0p2_pixels']:.0f} % |"
    )


def calibration(name: str, run: Mapping[str, Any]) -> str:
    """One row: what was calibrated and registered, less what was true."""
    found = run["calibration"]
    rings = found["by_rings_percent"]
    cells = (
        f"{found['mrad_per_pixel_percent']:+.2f}",
        "-" if rings is None else f"{rings:+.2f}",
        f"{100 * found['ellipticity']:+.2f}",
        f"{found['ellipse_angle_deg']:+.0f}",
        f"{found['scan_to_image_deg']:+.2f}",
        f"{found['scan_scale_percent']:+.2f}",
        f"{found['defocus_angstrom']:+.0f}",
    )
    return f"| {name} | {' | '.join(cells)} |"


def phased(name: str, run: Mapping[str, Any]) -> list[str]:
    """Rows of what was made of ingested observations, and of direct ones."""
    images, maps = run["phased"], run.get("maps")
    resolutions = {key: found["resolution_frc_0p5_angstrom"] for key, found in images.items()}
    scores = {key: found["mean_frc"] for key, found in images.items()}
    views = str(images["ingested"]["views"])
    rows = [
        ("single images, FRC 0.5 [Å]", views, *_beside(resolutions)),
        ("single images, mean FRC", views, *_beside(scores)),
    ]
    if maps is not None:
        found = {key: found["resolution_fsc_0p5_angstrom"] for key, found in maps.items()}
        everything = str(run["observations"])
        rows.append(("map of many views, FSC 0.5 [Å]", everything, *_beside(found)))
    return [f"| {name} | {' | '.join(cells)} |" for cells in rows]


def _beside(found: Mapping[str, float | None]) -> list[str]:
    """Return what ingested observations gave, and beside each reference their ratio to it."""
    own = found["ingested"]
    cells = ["end of data" if own is None else f"{own:.2f}"]
    for key in REFERENCES:
        other = found[key]
        cells.append("end of data" if other is None else f"{other:.2f}")
        cells.append("-" if own is None or other is None else f"{own / other:.2f}")
    return cells


def fill(runs: Mapping[str, Mapping[str, Any]], page: Path) -> list[str]:
    """Put the rows of all runs into the page; those of others stay."""
    text = page.read_text(encoding="utf-8")
    compared = {name: run for name, run in runs.items() if "phased" in run}
    blocks = {
        "hits": (HITS_HEAD, {name: [hits(name, run)] for name, run in runs.items()}),
        "places": (PLACES_HEAD, {name: [places(name, run)] for name, run in runs.items()}),
        "calibration": (
            CALIBRATION_HEAD,
            {name: [calibration(name, run)] for name, run in runs.items()},
        ),
        "phased": (PHASED_HEAD, {name: phased(name, run) for name, run in compared.items()}),
    }
    for name, (head, rows) in blocks.items():
        kept = rows_by_name(block_of(text, name))
        together = [row for group in {**kept, **rows}.values() for row in group]
        text = put(text, name, "\n".join([head, *together]))
    write_text(page, text)
    return [name for name, (_, rows) in blocks.items() if rows]


def rows_by_name(table: str) -> dict[str, list[str]]:
    """Rows of a table by what their first cell says."""
    rows: dict[str, list[str]] = {}
    for line in [line for line in table.splitlines() if line.startswith("|")][2:]:
        rows.setdefault(line.split("|")[1].strip(), []).append(line)
    return rows


def read_runs(words: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Read the named runs.

    Raises
    ------
    ConfigError : One has no name.
    """
    runs = {}
    for word in words:
        name, sign, path = word.partition("=")
        if not sign:
            raise ConfigError(f"'{word}' has no name; give NAME=JSON")
        runs[name] = read_json(Path(path))
    return runs


def main(words: Sequence[str] | None = None) -> None:
    """Fill the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="NAME=JSON")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args(words)
    page = arguments.page
    filled_or_told(lambda: (page, fill(read_runs(arguments.runs), page)))


if __name__ == "__main__":
    main()
