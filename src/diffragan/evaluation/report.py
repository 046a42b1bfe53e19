"""One self-contained HTML page about an evaluation: offline, with pictures and scripts inside.

A content policy in the page lets nothing be loaded and nothing run but the page's own script, so
whatever a title or a method's name may hold stays text. Without scripts the figures are shown.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from diffragan import __version__
from diffragan.evaluation.figures import Drawn
from diffragan.evaluation.first_screen import (
    OVER_PROTEINS,
    interval_key,
    resolution_scale,
    verdict_rows,
)
from diffragan.evaluation.page_data import page_data
from diffragan.evaluation.page_record import write_record
from diffragan.evaluation.predictions import prediction_words, predicts
from diffragan.evaluation.protein_rows import protein_table
from diffragan.evaluation.sections import Reconstruction
from diffragan.evaluation.summary import summarise
from diffragan.evaluation.tables import control_rows, method_rows, use_tables
from diffragan.evaluation.views import read_views
from diffragan.evaluation.wording import limit_text
from diffragan.io.files import output_folder, write_text

PAGE = "report.html"
MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}
RASTER = {"gallery", "map", "frame_maps", "planes", "local_resolution", "growth"}
"""Figures that are pictures: smaller as PNG. The others go in as SVG."""
SHOWN = ("gallery", "frc", "per_view", "predicted", "map")
UNIT = re.compile(r"(?<=\d) (Å|kDa|keV|%|σ)")
SCRIPTS = (
    "page.js",
    "table.js",
    "curves.js",
    "wipe.js",
    "gallery.js",
    "spread.js",
    "globe.js",
    "colours.js",
    "surface.js",
    "map.js",
    "start.js",
)
"""In the order in which they run: each uses the ones before it."""


def write_report(
    metrics: Mapping[str, Any],
    figures: Sequence[Drawn],
    out: Path,
    title: str,
    notes: Sequence[str] = (),
    reconstructions: Sequence[Reconstruction] = (),
) -> Path:
    """Write `report.html` into the folder `out`, and what it takes to make it again.

    The gallery and the globe are made from `views.json` in that folder; without it they are left
    out.

    Parameters
    ----------
    metrics : What `evaluate` returned.
    figures : What `draw_figures` returned: they are shown where scripts do not run.
    title : Heading of the page.
    notes : Sentences of the caller about what this run shows and what not.
    reconstructions : Maps to show, with their resolutions.

    Returns
    -------
    The page.
    """
    environment = page_environment()
    views = read_views(out)
    script = page_script(environment)
    page = environment.get_template("report.html.j2").render(
        title=title,
        version=__version__,
        script=Markup(script),
        policy=content_policy(script),
        page_data=page_data(metrics, views, reconstructions),
        warnings=metrics.get("warnings") or (),
        scale=resolution_scale(metrics),
        verdicts=verdict_rows(metrics),
        drawn_anew="proteins" if interval_key(metrics) == OVER_PROTEINS else "views",
        summary=summarise(metrics),
        notes=list(notes),
        methods=method_rows(metrics),
        controls=control_rows(metrics),
        uses=use_tables(metrics),
        proteins=protein_table(metrics, views),
        gallery=bool(views and views["views"]),
        limit=limit_text(metrics),
        rule=metrics["verdict_rule"],
        data=metrics["data"],
        figures={name: _of(figures, name) for name in SHOWN},
        predictions=[prediction_words(n, m) for n, m in metrics["methods"].items() if predicts(m)],
        maps=[{"name": found.name, "words": found.words} for found in reconstructions],
        source={figure.png: embedded(figure) for figure in figures},
        settings=json.dumps(_settings(metrics), indent=1, sort_keys=True, ensure_ascii=False),
    )
    path = output_folder(out) / PAGE
    write_text(path, page)
    places = [found.place for found in reconstructions if found.place]
    write_record(out, title, notes, list(metrics["methods"]), figures, places)
    return path


def page_environment() -> Environment:
    """Return the templates, in which every text from outside stays text."""
    environment = Environment(
        loader=PackageLoader("diffragan.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = unbroken
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "allow_nan": False}
    return environment


def unbroken(text: str) -> str:
    """Keep numbers and their units on one line."""
    return UNIT.sub("\u00a0\\1", text)


def page_script(environment: Environment, scripts: Sequence[str] = SCRIPTS) -> str:
    """Join a page's scripts into one."""
    assert environment.loader is not None
    parts = [environment.loader.get_source(environment, name)[0] for name in scripts]
    return "\n(() => {\n" + "\n".join(parts) + "})();\n"


def content_policy(script: str) -> str:
    """Allow this one script, styles and pictures of the page itself, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def embedded(figure: Drawn) -> str:
    """Return a figure as a data address, in the format that suits it."""
    path = figure.png if figure.name in RASTER else figure.svg
    encoded = base64.b64encode(path.read_bytes()).decode("ascii")
    return f"data:{MEDIA_TYPES[path.suffix]};base64,{encoded}"


def _of(figures: Sequence[Drawn], name: str) -> list[Drawn]:
    return [figure for figure in figures if figure.name == name]


def _settings(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Everything needed to make these results again."""
    return {
        "evaluation": metrics["provenance"],
        "experiment": metrics["data"]["experiment"],
        "data_identity": metrics["data"]["identity"],
        "methods": {
            name: {"file": method["file"], "provenance": method["provenance"]}
            for name, method in metrics["methods"].items()
        },
        "ssim": metrics["ssim_settings"],
    }
