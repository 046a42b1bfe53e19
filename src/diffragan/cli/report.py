"""`diffragan report`: make the page of an evaluation again."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Arguments:
    """Make the page of a folder that `diffragan evaluate`, `reconstruct` or `ingest` wrote.

    An evaluation gets report.html, its maps read again from where they were; it needs no data set
    and no phased stores. A reconstruction gets reconstruction.html. A scan's folder NAME-ingest
    gets report.html, with the observations NAME.zarr beside it and, if asked, what phasing made of
    them.

    Example: diffragan report evaluation --map map.mrc
    """

    folder: tyro.conf.Positional[Path]
    """Folder of the evaluation, of the reconstruction, or of the ingested scan."""
    map: tuple[Path, ...] = ()
    """MRC files, or folders that `diffragan reconstruct` wrote, to show as surfaces; those of the
    old report when left out."""
    phased: tuple[Path, ...] = ()
    """Phased observations of an ingested scan to show; those of the old page when left out."""
    image: Path | None = None
    """Overview image of an ingested scan; the old page's picture of it when left out."""
    title: str | None = None
    """Heading of the report; the old one when left out."""


def run(arguments: Arguments) -> None:
    """Read the folder and write the page."""
    from diffragan.errors import InputError
    from diffragan.evaluation.figures import draw_maps, find_reconstructions
    from diffragan.evaluation.ingest.folder import is_ingest_folder
    from diffragan.evaluation.ingest_page import write_page_again
    from diffragan.evaluation.page_record import read_metrics, read_record
    from diffragan.evaluation.reconstruction_page import write_reconstruction_page
    from diffragan.evaluation.report import write_report
    from diffragan.evaluation.sections import read_reconstruction

    folder = arguments.folder
    if is_ingest_folder(folder):
        if arguments.map:
            raise InputError(f"{folder}: is an ingested scan, whose page shows no map")
        page = write_page_again(folder, arguments.image, arguments.phased, arguments.title)
        print(f"look at {page}")
        return
    if arguments.phased or arguments.image:
        raise InputError(f"{folder}: is no ingested scan; --phased and --image are for those")
    if (folder / "map.mrc").exists() and not (folder / "metrics.json").exists():
        if arguments.map:
            raise InputError(f"{folder}: is a reconstruction, whose page shows its own map alone")
        print(f"look at {write_reconstruction_page(folder, arguments.title)}")
        return
    record = read_record(folder)
    metrics = read_metrics(folder, record.methods)
    places = find_reconstructions(arguments.map) if arguments.map else record.maps
    maps = [read_reconstruction(place) for place in places]
    figures = [figure for figure in record.figures if figure.name != "map"]
    figures += draw_maps(maps, folder)
    title = arguments.title or record.title
    print(f"look at {write_report(metrics, figures, folder, title, record.notes, maps)}")
