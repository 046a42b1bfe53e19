"""Judge phased waves of real observations, whose truth nobody knows, by what was measured.

Three things are left: whether a wave explains its pattern (R-factor, held against what counting
alone would leave), whether it explains pixels that phasing never saw (R-free), and what a
calibrated method foretells of itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffragan.errors import InputError
from diffragan.evaluation.inputs import check_source, method_names
from diffragan.evaluation.metrics import r_factor
from diffragan.evaluation.r_free import free_set_of
from diffragan.io.files import output_folder, write_json, write_text
from diffragan.io.observations import ObservationStore
from diffragan.io.phased import PhasedStore
from diffragan.io.provenance import fingerprint, provenance
from diffragan.phasing.foretold import foretold_words
from diffragan.phasing.protocol import Observations, read_observations
from diffragan.physics.blur import gaussian_blur
from diffragan.physics.forward import diffraction_pattern
from diffragan.typing import Float, Mask, Patterns, Tensor, Waves

SCHEMA_VERSION = 1
BATCH = 16
METRICS, VIEWS = "metrics.json", "views.csv"
MEASURES = {
    "r_factor": "sum of |sqrt(n - b) - |F|| over sum of sqrt(n - b), with counts n, background b, "
    "and 0 for n below b",
    "r_of_counting": "the same of counts drawn from the wave itself and the background: what is "
    "left of a perfect wave",
    "r_free": "R-factor of pixels that phasing was not shown",
}


@dataclass(frozen=True, slots=True)
class PatternFit:
    """How well the waves of some items explain their patterns."""

    r_factor: Float[Tensor, " item"]
    r_of_counting: Float[Tensor, " item"]
    """What is left of a perfect wave by counting alone; NaN for patterns that are not counted."""
    r_free: Float[Tensor, " item"]
    """NaN where phasing was shown all pixels."""


def evaluate_observed(
    data: ObservationStore, phased: Sequence[PhasedStore], out: Path, device: str = "cpu"
) -> dict[str, Any]:
    """Judge phased waves without a truth, and write `metrics.json` and `views.csv` into `out`.

    Parameters
    ----------
    data : The observations.
    phased : What one or more methods made of them.
    out : Folder, made when it is not there.

    Returns
    -------
    What `metrics.json` holds.

    Raises
    ------
    InputError : A store came from other data.
    """
    if not phased:
        raise InputError("nothing to evaluate; give the store of a phasing method")
    for store in phased:
        check_source(data, store)
    output_folder(out)
    names = method_names(phased)
    methods = {
        name: _method(data, store, device) for name, store in zip(names, phased, strict=True)
    }
    metrics: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "kind": "without truth",
        "methods": methods,
        "measures": MEASURES,
        "data": {
            "views": len(data),
            "molecules": [molecule.name for molecule in data.molecules()],
            "experiment": data.experiment.model_dump(mode="json"),
            "identity": data.identity,
        },
        "provenance": provenance(
            "evaluate",
            {},
            None,
            {
                "data": data.identity,
                **{
                    name: fingerprint(store.store.attributes)
                    for name, store in zip(names, phased, strict=True)
                },
            },
        ),
    }
    write_text(out / VIEWS, _table(methods))
    # Last, so that a folder with metrics.json is a finished one.
    write_json(out / METRICS, metrics)
    return metrics


def pattern_fit(
    waves: Waves, observations: Observations, free: Mask | None, seed: int = 0
) -> PatternFit:
    """Hold waves against the patterns they should explain.

    Parameters
    ----------
    waves : `(item, y, x)`, psi_s.
    observations : Of the same items.
    free : `(q_y, q_x)`, pixels that phasing was not shown, if there are any.
    seed : Of the counts that are drawn.
    """
    measured, diffraction = observations.measured, observations.diffraction
    background = observations.background
    behind = torch.zeros_like(diffraction) if background is None else background
    used = measured if free is None else measured & ~free
    unknown = torch.full((len(waves),), torch.nan)
    signal, spread = diffraction - behind, observations.experiment.detector.point_spread_pixels
    found = r_factor(waves, signal, used, spread).cpu()
    unseen = unknown if free is None else r_factor(waves, signal, measured & free, spread).cpu()
    counted = _counted(waves, observations, behind, seed)
    alone = unknown if counted is None else r_factor(waves, counted - behind, used, spread).cpu()
    return PatternFit(found, alone, unseen)


def _counted(
    waves: Waves, observations: Observations, behind: Patterns, seed: int
) -> Patterns | None:
    """Draw the patterns that waves would give, if they were counted."""
    experiment = observations.experiment
    exposure = experiment.detector.exposure_e_per_a2
    if exposure is None:
        return None
    incident = exposure * experiment.box_angstrom**2
    seen = gaussian_blur(
        diffraction_pattern(waves, behind.shape[-1]), experiment.detector.point_spread_pixels
    )
    expected = (seen + behind) * incident
    drawn = [
        np.random.default_rng([seed, number]).poisson(one)
        for number, one in zip(observations.numbers, expected.double().cpu().numpy(), strict=True)
    ]
    return torch.from_numpy(np.stack(drawn)).to(behind) / incident


def _method(data: ObservationStore, store: PhasedStore, device: str) -> dict[str, Any]:
    items = [int(item) for item in store.read("source_item")]
    free_set = free_set_of(store)
    free = None if free_set is None else free_set.mask(torch.from_numpy(data.read("measured")))
    parts = []
    for start in range(0, len(items), BATCH):
        some = items[start : start + BATCH]
        waves = torch.from_numpy(store.read("wave", range(start, start + len(some)))).to(device)
        shown = None if free is None else free.to(device)
        parts.append(pattern_fit(waves, read_observations(data, some, device), shown))
    per_view = {
        name: torch.cat([getattr(part, name) for part in parts]).tolist()
        for name in ("r_factor", "r_of_counting", "r_free")
    }
    found: dict[str, Any] = {
        "views": len(items),
        "items": items,
        **{f"{name}_per_view": values for name, values in per_view.items()},
        **{f"{name}_median": float(np.median(values)) for name, values in per_view.items()},
        "energy_outside_support_per_view": store.read("energy_outside_support").tolist(),
        "file": store.store.path.name,
        "provenance": store.store.attributes.get("provenance", {}),
    }
    if store.predicts:
        resolutions, failed = store.read("predicted_resolution"), store.read("phasing_failed")
        found |= {
            "predicted_resolution_per_view_angstrom": resolutions.tolist(),
            "predicted_resolution_interval_per_view_angstrom": store.read(
                "predicted_resolution_interval"
            ).tolist(),
            "predicted_resolution_median_angstrom": float(np.median(resolutions)),
            "failed_views": [item for item, f in zip(items, failed, strict=True) if f],
            "foretold": foretold_words(resolutions, failed),
        }
    return found


def _table(methods: Mapping[str, Mapping[str, Any]]) -> str:
    """Return one line for each view of each method."""
    columns = (
        "r_factor", "r_of_counting", "r_free", "predicted_resolution_angstrom",
        "energy_outside_support",
    )  # fmt: skip
    lines = [",".join(("method", "item", *columns))]
    for name, method in methods.items():
        nothing = [None] * method["views"]
        values = [
            *(method[f"{column}_per_view"] for column in columns[:3]),
            method.get("predicted_resolution_per_view_angstrom", nothing),
            method["energy_outside_support_per_view"],
        ]
        for row, item in enumerate(method["items"]):
            told = (_plain(column[row]) for column in values)
            lines.append(",".join((name, str(item), *told)))
    return "\n".join(lines) + "\n"


def _plain(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.5g}"
