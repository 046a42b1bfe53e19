"""The page of one reconstruction: its map, its resolution, and the model in it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from diffragan import __version__
from diffragan.evaluation.page_curves import series_of
from diffragan.evaluation.phase_extension_figures import phases_words
from diffragan.evaluation.reconstruction_figures import draw_reconstruction_figures
from diffragan.evaluation.reconstruction_record import (
    ReconstructionFolder,
    ShellCurve,
    read_reconstruction_folder,
)
from diffragan.evaluation.report import content_policy, embedded, page_environment, page_script
from diffragan.evaluation.residue_figures import (
    CORRELATION_COLOUR,
    Q_COLOUR,
    chain_starts,
    numbers,
)
from diffragan.evaluation.sections import Reconstruction
from diffragan.evaluation.style import lighter
from diffragan.evaluation.volume import pack_resolution, pack_volume
from diffragan.io.chimerax import PALETTE
from diffragan.io.files import write_text

PAGE = "reconstruction.html"
SCRIPTS = (
    "page.js", "curves.js", "colours.js", "surface.js", "map.js",
    "residues.js", "reconstruction.js",
)  # fmt: skip
WORST = 15
DIGITS = 4
TONES = {"fits": "good", "doubtful": "even", "does not fit": "bad"}
SAYS = {
    "fits": "the model fits the map",
    "doubtful": "whether the model fits is in doubt",
    "does not fit": "the model does not fit the map",
}
SHAPES = ("circle", "", "square", "", "diamond", "up")
FILES = {
    "map": "the map",
    "half1": "first half map",
    "half2": "second half map",
    "mask": "the mask of the correlations, soft",
    "local_resolution": "local resolution in Å, 0 outside the mask",
    "model": "the model where it lies in the map, as mmCIF (and docked.pdb)",
    "residues": "its fit, residue by residue",
}


def write_reconstruction_page(folder: Path, title: str | None = None) -> Path:
    """Draw the figures of a reconstruction and write `reconstruction.html` beside its map.

    Parameters
    ----------
    folder : Holds `map.mrc`; `fsc.json` and `validation.json` are used where they are there.
    title : Heading of the page; the folder's name when not given.

    Returns
    -------
    The page.

    Raises
    ------
    InputError : There is no map, or something in the folder is damaged.
    """
    found = read_reconstruction_folder(folder)
    figures = draw_reconstruction_figures(found)
    environment = page_environment()
    script = page_script(environment, SCRIPTS)
    curves = found.curves()
    docking = found.validation.get("docking")
    which = docking["verdict"] if docking else ""
    name = found.validation.get("model") or ""
    page = environment.get_template("reconstruction.html.j2").render(
        title=title or f"Reconstruction {found.map.name}",
        version=__version__,
        script=Markup(script),
        policy=content_policy(script),
        facts=_facts(found),
        words=[_sentence(words, name) for words in found.validation.get("words") or ()],
        docking=docking and {**docking, "tone": TONES[which], "says": SAYS[which]},
        filtered=found.filtered_words().replace(", cut", "; the map is cut"),
        curves=curves,
        phases=phases_words(found.place, found.map.fsc),
        model=_model(found.validation),
        coloured=found.volume("local_resolution") is not None,
        figures=figures,
        source={figure.png: embedded(figure) for figure in figures},
        files=_files(found),
        page_data=_data(found, curves),
        settings=json.dumps(_settings(found), indent=1, sort_keys=True, ensure_ascii=False),
    )
    path = folder / PAGE
    write_text(path, page)
    return path


def _facts(found: ReconstructionFolder) -> str:
    side, pixel = len(found.map.volume), found.map.pixel_angstrom
    parts = [f"{side} x {side} x {side} voxels of {pixel:.3g} Å"]
    views = found.map.fsc.get("views")
    if views:
        parts.insert(0, f"{views} images")
    if found.validation.get("model"):
        parts.append(f"model {found.validation['model']}")
    return ", ".join(parts)


def _sentence(words: str, name: str) -> str:
    """End a sentence and begin it with a capital, unless with the model's name."""
    named = bool(name) and words.startswith(name)
    return f"{words}." if named else f"{words[:1].upper()}{words[1:]}."


def _data(found: ReconstructionFolder, curves: list[ShellCurve]) -> dict[str, Any]:
    """Gather what the page's script draws from."""
    shown = found.shown()
    return {
        "map": {
            "name": found.map.name,
            "volume": pack_volume(shown).embedded(),
            "resolution": _colours(found, shown),
        },
        "shells": _chart(found.map.name, curves) if curves else None,
        "model": _residues(found.validation) if found.validation.get("residues") else None,
    }


def _colours(found: ReconstructionFolder, shown: Reconstruction) -> dict[str, Any] | None:
    """Colours of the surface by local resolution, as in ChimeraX, where it was measured."""
    resolved, record = found.volume("local_resolution"), found.validation.get("local_resolution")
    if resolved is None or not record or not record["percentiles_angstrom"]:
        return None
    limits = record["percentiles_angstrom"][0], record["percentiles_angstrom"][-1]
    packed = pack_resolution(resolved.volume, shown, limits)
    return {**packed.embedded(), "palette": PALETTE.split(":")}


def _chart(name: str, curves: list[ShellCurve]) -> dict[str, Any]:
    frequency = [round(float(value), 6) for value in curves[0].frequency[1:]]
    # Two records of one map share its shells; a curve of another length is of another map.
    alike = [curve for curve in curves if len(curve.frequency) == len(curves[0].frequency)]
    thresholds = sorted({curve.threshold for curve in alike if curve.threshold is not None})
    return {
        "label": f"Fourier shell correlations of the map {name}",
        "axis": "Fourier shell correlation",
        "frequency": frequency,
        "limit": None,
        "end": frequency[-1],
        "thresholds": thresholds,
        "series": [
            series_of(
                curve.label,
                "",
                curve.values[1:],
                {"colour": curve.colour, "dark": lighter(curve.colour), "shape": shape},
                dash=curve.dash,
                resolution=curve.resolution,
            )
            for curve, shape in zip(alike, SHAPES, strict=False)
        ],
    }


def _residues(record: Mapping[str, Any]) -> dict[str, Any]:
    residues = record["residues"]
    starts, ticks = chain_starts(residues["label"])
    rounded = {
        key: values if key == "label" or values is None else [_round(value) for value in values]
        for key, values in residues.items()
    }
    looks = [{"colour": c, "dark": lighter(c)} for c in (Q_COLOUR, CORRELATION_COLOUR)]
    return {"residues": rounded, "looks": looks, "starts": starts, "ticks": ticks}


def _round(value: float | None) -> float | None:
    return None if value is None else round(float(value), DIGITS)


def _model(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Name of the model, and the residues whose correlation is the lowest."""
    residues = record.get("residues")
    if not residues:
        return None
    columns = [
        numbers(residues[key])
        for key in ("q_score", "correlation", "density_sigmas", "distance_angstrom")
    ]
    order = np.argsort(np.nan_to_num(columns[1], nan=-1.0), kind="stable")[:WORST]
    digits = (2, 2, 1, 0)
    worst = [
        [residues["label"][at]]
        + [
            f"{column[at]:.{places}f}" if np.isfinite(column[at]) else "–"
            for column, places in zip(columns, digits, strict=True)
        ]
        for at in order
    ]
    return {"name": record["model"], "worst": worst}


def _files(found: ReconstructionFolder) -> list[tuple[str, str]]:
    named = [(found.files[what], words) for what, words in FILES.items() if what in found.files]
    extra = (
        ("chimerax.cxc", "opens all of it in ChimeraX, coloured by local resolution"),
        ("fsc.json", "shell correlations of the reconstruction"),
        ("prtf.json", "how far phases from several starts agree"),
        ("r_factors.json", "R-factors of every cycle and shell, and whether the start fits"),
        ("left_out.json", "patterns that were left out, and why"),
        ("growth.mrcs", "slabs of the growing map"),
        ("particles.star", "the views with their poses"),
        ("unrefined.star", "their poses before refinement against the patterns"),
        ("validation.json", "everything that this page shows, in numbers"),
    )
    return named + [(name, what) for name, what in extra if (found.place / name).exists()]


def _settings(found: ReconstructionFolder) -> dict[str, Any]:
    residues = {"residues": "in residues.csv"} if found.validation.get("residues") else {}
    return {"reconstruction": found.map.fsc, "validation": {**found.validation, **residues}}
