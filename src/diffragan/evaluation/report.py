"""One self-contained HTML page about an evaluation: no network, no scripts, images inside."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from diffragan import __version__
from diffragan.evaluation.figures import Drawn
from diffragan.evaluation.sections import Reconstruction
from diffragan.evaluation.style import method_colours
from diffragan.evaluation.summary import summarise
from diffragan.evaluation.wording import (
    CONTROL_LABELS,
    limit_text,
    resolution_of,
    wrong_diffraction_of,
)
from diffragan.io.files import output_folder, write_text

PAGE = "report.html"
MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}
RASTER = {"gallery", "map"}
"""Figures that are pictures: smaller as PNG. The others go in as SVG."""


def write_report(
    metrics: Mapping[str, Any],
    figures: Sequence[Drawn],
    out: Path,
    title: str,
    notes: Sequence[str] = (),
    reconstructions: Sequence[Reconstruction] = (),
) -> Path:
    """Write `report.html` into the folder `out`.

    Parameters
    ----------
    metrics : What `evaluate` returned.
    figures : What `draw_figures` returned.
    title : Heading of the page.
    notes : Sentences of the caller about what this run shows and what not.
    reconstructions : Maps that figures show; their resolutions are listed.

    Returns
    -------
    The page.
    """
    environment = Environment(
        loader=PackageLoader("diffragan.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        title=title,
        version=__version__,
        summary=summarise(metrics),
        notes=list(notes),
        methods=method_rows(metrics),
        controls=control_rows(metrics),
        limit=limit_text(metrics),
        rule=metrics["verdict_rule"],
        data=metrics["data"],
        figures={name: _of(figures, name) for name in ("gallery", "frc", "per_view", "map")},
        maps=[{"name": found.name, "words": found.words} for found in reconstructions],
        source={figure.png: embedded(figure) for figure in figures},
        settings=json.dumps(_settings(metrics), indent=1, sort_keys=True, ensure_ascii=False),
    )
    path = output_folder(out) / PAGE
    write_text(path, page)
    return path


def method_rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the table of methods, in words."""
    colours = method_colours(list(metrics["methods"]))
    return [
        {
            "name": name,
            "colour": colours[name],
            "views": method["views"],
            "resolution": resolution_of(method),
            "wave_resolution": resolution_of(method, "wave_"),
            "ssim": f"{method['ssim_mean']:.3f}",
            "r_factor": f"{method['r_factor_mean']:.3f}",
            "wrong_diffraction": wrong_diffraction_of(method),
            "why_not": method["controls"]["wrong_diffraction"].get("not_run", ""),
            "pattern_of": method["controls"]["wrong_diffraction"].get("pattern_of", ""),
            "verdict": method["verdict"],
        }
        for name, method in metrics["methods"].items()
    ]


def control_rows(metrics: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows of the controls that no method enters into."""
    return [
        {
            "name": CONTROL_LABELS.get(name, name),
            "resolution": resolution_of(control),
            "wave_resolution": resolution_of(control, "wave_"),
            "ssim": f"{control['ssim_mean']:.3f}",
            "r_factor": f"{control['r_factor_mean']:.3f}",
        }
        for name, control in metrics["controls"].items()
    ]


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
