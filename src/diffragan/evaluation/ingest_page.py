"""The page of a scan that was ingested: the field, its hits one by one, maps, calibration."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from diffragan import __version__
from diffragan.errors import InputError
from diffragan.evaluation.ingest.calibration_figures import draw_calibration_figures
from diffragan.evaluation.ingest.field import drawn_hits, field_data, field_of
from diffragan.evaluation.ingest.folder import (
    IngestFolder,
    is_ingest_folder,
    read_ingest_folder,
    store_beside,
)
from diffragan.evaluation.ingest.ground import FILE as GROUND
from diffragan.evaluation.ingest.ground import ground_of, write_ground
from diffragan.evaluation.ingest.hit_pictures import pictured_items, pictures_of, rings_of
from diffragan.evaluation.ingest.phased_hits import PhasedHit, phased_hits
from diffragan.evaluation.ingest.scan_maps import maps_data, maps_of
from diffragan.evaluation.ingest.tables import (
    calibration_rows,
    class_bars,
    facts,
    image_rows,
    provenance,
    registration_rows,
    rejected_rows,
    summary,
)
from diffragan.evaluation.inputs import check_source, method_names
from diffragan.evaluation.report import content_policy, embedded, page_environment, page_script
from diffragan.io.files import read_json, write_json, write_text
from diffragan.io.observations import ObservationStore
from diffragan.io.phased import PhasedStore

PAGE, PAGE_RECORD = "report.html", "page.json"
SCRIPTS = (
    "page.js", "curves.js", "wipe.js", "colours.js",
    "field.js", "hit.js", "scan_maps.js", "ingest.js",
)  # fmt: skip
FILES = (
    ("ingest.json", "all numbers and settings"),
    ("frames.csv", "one row for each frame: class, probabilities, fate, beam centre, place"),
    ("molecules.csv", "one row for each molecule of the image"),
    ("calibration-*.npz", "the detector's calibration"),
    ("figures/", "the figures of this page as PNG and SVG"),
)


def write_ingest_page(
    folder: Path,
    observations: ObservationStore | None,
    image: Path | None,
    phased: Sequence[PhasedStore] = (),
    title: str | None = None,
) -> Path:
    """Write `report.html` into the folder that `ingest` left beside its observations.

    Parameters
    ----------
    folder : Holds record, tables and calibration.
    observations : Whose patterns and images are shown; none where no hit was found.
    image : The overview image; the picture that an earlier page left in the folder when not given.
    phased : Phased observations, to be shown beside them.
    title : Heading of the page; the scan's name when not given.

    Returns
    -------
    The page.

    Raises
    ------
    InputError : The folder is incomplete, or something belongs to other data.
    """
    found = read_ingest_folder(folder)
    if image is not None:
        write_ground(found, image)
    parts = _parts_of(found, observations, phased)
    figures = draw_calibration_figures(found)
    environment = page_environment()
    script = page_script(environment, SCRIPTS)
    record, ground = found.record, folder / GROUND
    page = environment.get_template("ingest.html.j2").render(
        title=title or f"Scan {record['scan']['file']}",
        version=__version__,
        script=Markup(script),
        policy=content_policy(script),
        facts=facts(found),
        why_none=found.why_none(),
        summary=summary(found),
        warnings=list(dict.fromkeys(record["warnings"])),
        field=parts["field"],
        ground=_data_address(ground) if ground.is_file() else "",
        bars=class_bars(record["classes"]),
        rejected=rejected_rows(found),
        calibration=calibration_rows(found),
        image=image_rows(found),
        registration=registration_rows(found),
        figures=figures,
        source={figure.png: embedded(figure) for figure in figures},
        phased=list(parts["phased"]),
        pictured=len(parts["data"]["pictures"]),
        files=FILES,
        page_data=parts["data"],
        settings=json.dumps(provenance(record), indent=1, sort_keys=True, ensure_ascii=False),
    )
    path = folder / PAGE
    write_text(path, page)
    places = [store.store.path.resolve() for store in phased]
    write_json(folder / PAGE_RECORD, {"title": title, "phased": places})
    return path


def write_page_again(
    folder: Path,
    image: Path | None = None,
    phased: Sequence[Path] = (),
    title: str | None = None,
) -> Path:
    """Write the page of a folder with what lies beside it, and what an earlier page showed.

    Raises
    ------
    InputError : As `write_ingest_page`.
    """
    if not is_ingest_folder(folder):
        raise InputError(f"{folder}: is no folder that `diffragan ingest` came to its end in")
    kept = _record_of_page(folder / PAGE_RECORD)
    store = store_beside(folder)
    there = store.exists() and read_ingest_folder(folder).record["observations"]
    places = list(phased) or [place for place in kept["phased"] if place.exists()]
    return write_ingest_page(
        folder,
        ObservationStore(store) if there else None,
        image,
        [PhasedStore(place) for place in places],
        title or kept["title"],
    )


def _record_of_page(path: Path) -> Mapping[str, Any]:
    """Return what an earlier page was called, and what it showed phased."""
    if not path.is_file():
        return {"title": None, "phased": []}
    content = read_json(path)
    try:
        return {"title": content["title"], "phased": [Path(place) for place in content["phased"]]}
    except (KeyError, TypeError):
        raise InputError(f"{path}: is damaged; remove it, and name phased stores again") from None


def _parts_of(
    found: IngestFolder, observations: ObservationStore | None, phased: Sequence[PhasedStore]
) -> dict[str, Any]:
    """Gather what is drawn on the field, and what the page's script draws from."""
    hits, ground = drawn_hits(found), ground_of(found)
    of_phased: dict[str, dict[int, PhasedHit]] = {}
    item_of: dict[int, int] = {}
    pictures: dict[int, dict[str, Any]] = {}
    if observations is None and phased:
        raise InputError(f"{found.place}: there are no observations beside it to show phased")
    if observations is not None:
        frames = observations.read("frame").tolist()
        item_of = {frame: item for item, frame in enumerate(frames)}
        items = pictured_items(len(frames))
        for name, store in zip(method_names(phased), phased, strict=True):
            check_source(observations, store)
            of_phased[name] = phased_hits(store, observations, items)
        pictures = pictures_of(observations, of_phased, items)
    box = None if observations is None else observations.experiment.box_angstrom
    data = {
        "field": field_data(found, ground, hits, box, item_of, of_phased) if len(hits) else None,
        "pictures": pictures,
        "rings": [] if observations is None else rings_of(observations),
        "maps": maps_data(maps_of(found.frames), found.shape),
    }
    return {"field": field_of(found, ground, hits), "data": data, "phased": of_phased}


def _data_address(picture: Path) -> str:
    return f"data:image/webp;base64,{base64.b64encode(picture.read_bytes()).decode('ascii')}"
