"""The results of an evaluation in Python: they show themselves in Jupyter, and as xarray objects.

from diffragan.evaluation.results import read_results
results = read_results("evaluation")  # the folder that `diffragan evaluate` wrote
results.curves()["frc"].sel(phaser="hio").plot()
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import MissingExtraError
from diffragan.evaluation.page_record import read_metrics
from diffragan.evaluation.wording import CONTROL_LABELS, limit_text, resolution_of

if TYPE_CHECKING:
    import xarray

CURVES = {
    "frc": ("frc_mean", "1", "Fourier ring correlation of images, mean over views, hard rings"),
    "frc_std": ("frc_std", "1", "standard deviation of the FRC over views"),
    "measured_frc": (
        "measured_frc_mean",
        "1",
        "Fourier ring correlation of images over measured coefficients alone, mean over views",
    ),
    "wave_frc": ("wave_frc_mean", "1", "FRC of complex waves, mean over views, hard rings"),
    "phase_error": ("phase_error_mean_degrees", "degree", "phase error weighted by true moduli"),
}
"""Curves over rings: name, key in `metrics.json`, unit, meaning."""
VIEWS = {
    "resolution": ("resolution_per_view_angstrom", "angstrom", "where the FRC falls below 0.5"),
    "predicted_resolution": (
        "predicted_resolution_per_view_angstrom",
        "angstrom",
        "resolution expected without the truth",
    ),
    "score": ("score_per_view", "1", "mean FRC over the whole rings"),
    "ssim": ("ssim_per_view", "1", "structural similarity to the true image"),
    "r_factor": ("r_factor_per_view", "1", "R-factor against the measured moduli"),
    "r_free": ("r_free_per_view", "1", "R-factor over reflections kept out of phasing"),
}
"""Numbers of each view: name, key in `metrics.json`, unit, meaning."""
MEANS = {
    "SSIM": "ssim_mean",
    "correlation": "correlation_mean",
    "R": "r_factor_mean",
    "R-free": "r_free",
}
CELL = "padding:2px 10px;text-align:left;white-space:nowrap"


@dataclass(frozen=True, slots=True, repr=False)
class Results:
    """What `metrics.json` says of methods and controls."""

    metrics: Mapping[str, Any]
    folder: Path | None = None
    """Where it was read from."""
    entries: dict[str, Mapping[str, Any]] = field(init=False)
    """Scores of each method, then of each control, by name."""

    def __post_init__(self) -> None:
        """Gather the scores; a control of a method's name is told apart from it."""
        found = dict(self.metrics["methods"])
        for name, scores in self.metrics["controls"].items():
            found[f"control: {name}" if name in found else name] = scores
        object.__setattr__(self, "entries", found)

    def curves(self) -> "xarray.Dataset":
        """Mean curves over rings, dimensions `(phaser, frequency)`; a control is one too.

        Raises
        ------
        MissingExtraError : xarray is not installed.
        """
        dataset = _dataset_class()
        first = next(iter(self.entries.values()))
        frequency = np.asarray(first["frequency_per_angstrom"])
        kept: dict[str, Any] = {
            name: (("phaser", "frequency"), self._rows(key, len(frequency)), _about(unit, meaning))
            for name, (key, unit, meaning) in CURVES.items()
        }
        resolution = ("frequency", 1 / frequency, _about("angstrom", "resolution, 1 / frequency"))
        share = self.metrics.get("measured_share_of_ring")
        if share is not None:
            meaning = "share of the ring that was measured"
            kept["measured_share"] = (("frequency",), np.asarray(share), _about("1", meaning))
        coordinates = {
            "phaser": list(self.entries),
            "frequency": ("frequency", frequency, _about("angstrom-1", "spatial frequency")),
            "resolution": resolution,
        }
        return dataset(kept, coordinates, self._attributes())

    def views(self) -> "xarray.Dataset":
        """Numbers of each view, dimensions `(phaser, item)`; NaN where one has no such view.

        Raises
        ------
        MissingExtraError : xarray is not installed.
        """
        dataset = _dataset_class()
        items = sorted({item for scores in self.entries.values() for item in scores["items"]})
        place = {item: number for number, item in enumerate(items)}
        kept = {}
        for name, (key, unit, meaning) in VIEWS.items():
            values = np.full((len(self.entries), len(items)), np.nan)
            for row, scores in enumerate(self.entries.values()):
                if scores.get(key) is not None:
                    values[row, [place[item] for item in scores["items"]]] = scores[key]
            kept[name] = (("phaser", "item"), values, _about(unit, meaning))
        coordinates = {"phaser": list(self.entries), "item": items}
        return dataset(kept, coordinates, self._attributes())

    def __repr__(self) -> str:
        """Name the methods with their resolutions."""
        each = ", ".join(f"{name} {resolution_of(m)}" for name, m in self._methods.items())
        where = "" if self.folder is None else f" in {self.folder}"
        return f"<results{where}: {self.metrics['data']['views']} views; {each}>"

    def _repr_html_(self) -> str:
        """Show a table of methods and controls in Jupyter."""
        means = [
            name
            for name, key in MEANS.items()
            if any(scores.get(key) is not None for scores in self.entries.values())
        ]
        head = ["", "resolution at FRC 0.5", "95 % interval", *means, "verdict"]
        rows = [
            self._row(CONTROL_LABELS.get(name, name), scores, name in self._methods, means)
            for name, scores in self.entries.items()
        ]
        names = ", ".join(m["name"] for m in self.metrics["data"]["molecules"][:4])
        more = "" if len(self.metrics["data"]["molecules"]) <= 4 else " and others"
        warned = "".join(f"<li>{escape(text)}</li>" for text in self.metrics.get("warnings", ()))
        return (
            f"<div><p><b>{self.metrics['data']['views']} views</b> of {escape(names)}{more}; "
            f"{escape(limit_text(self.metrics))}</p>"
            f"<table><thead>{_line('th', head)}</thead><tbody>"
            + "".join(rows)
            + "</tbody></table>"
            + (f"<p><b>Warnings</b></p><ul>{warned}</ul>" if warned else "")
            + "</div>"
        )

    @property
    def _methods(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self.metrics["methods"]
        return found

    def _row(
        self, label: str, scores: Mapping[str, Any], is_method: bool, means: Sequence[str]
    ) -> str:
        interval = scores.get("resolution_interval_angstrom")
        if interval is not None and interval[0] == interval[1]:
            interval = None  # Bounds of a curve that says nothing have no width.
        numbers = [scores.get(MEANS[name]) for name in means]
        cells = [
            f"<b>{escape(label)}</b>" if is_method else f"<i>{escape(label)}</i>",
            escape(resolution_of(scores)),
            "" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f} Å",
            *("" if number is None else f"{number:.3f}" for number in numbers),
            escape(str(scores.get("verdict", ""))),
        ]
        return _line("td", cells)

    def _rows(self, key: str, rings: int) -> NDArray[np.float64]:
        empty = [np.nan] * rings
        return np.array([scores.get(key) or empty for scores in self.entries.values()], dtype=float)

    def _attributes(self) -> dict[str, Any]:
        limit = self.metrics["measured_limit_angstrom"]
        return {
            "measured_limit_on_axes_angstrom": limit["axis"],
            "measured_limit_in_corners_angstrom": limit["corner"],
            "data_identity": self.metrics["data"].get("identity", ""),
        }


def read_results(folder: Path | str) -> Results:
    """Read the folder that `diffragan evaluate` wrote.

    Raises
    ------
    InputError : It holds no `metrics.json`, or one of another version of the program.
    """
    where = Path(folder)
    return Results(read_metrics(where, ()), where)


def _line(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f'<{tag} style="{CELL}">{cell}</{tag}>' for cell in cells) + "</tr>"


def _about(unit: str, meaning: str) -> dict[str, str]:
    return {"units": unit, "long_name": meaning}


def _dataset_class() -> "type[xarray.Dataset]":
    try:
        import xarray  # noqa: PLC0415 (an extra, needed here only)
    except ImportError:
        raise MissingExtraError(
            "results as xarray objects need xarray; pip install 'diffragan[notebook]'"
        ) from None
    return xarray.Dataset
