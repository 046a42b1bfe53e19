"""`diffragan report`: make the page of an evaluation again."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Arguments:
    """Make report.html again from the folder that `diffragan evaluate` wrote.

    Needs no data set and no phased stores. Maps are read again from where they were.

    Example: diffragan report evaluation --map map.mrc
    """

    folder: tyro.conf.Positional[Path]
    """Folder of the evaluation."""
    map: tuple[Path, ...] = ()
    """MRC files, or folders that `diffragan reconstruct` wrote, to show as surfaces; those of the
    old report when left out."""
    title: str | None = None
    """Heading of the report; the old one when left out."""


def run(arguments: Arguments) -> None:
    """Read the folder and write the page."""
    from diffragan.evaluation.figures import draw_maps, find_reconstructions
    from diffragan.evaluation.page_record import read_metrics, read_record
    from diffragan.evaluation.report import write_report
    from diffragan.evaluation.sections import read_reconstruction

    folder = arguments.folder
    record = read_record(folder)
    metrics = read_metrics(folder, record.methods)
    places = find_reconstructions(arguments.map) if arguments.map else record.maps
    maps = [read_reconstruction(place) for place in places]
    figures = [figure for figure in record.figures if figure.name != "map"]
    figures += draw_maps(maps, folder)
    title = arguments.title or record.title
    print(f"look at {write_report(metrics, figures, folder, title, record.notes, maps)}")
