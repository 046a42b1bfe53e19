"""The test that changes the low-resolution image: its noise, that is its dose, and its defocus."""

from paper_inputs import drawn_by, stored_structures
from paper_place import METHOD, Place

from diffragan.evaluation.metrics import measured_limit
from diffragan.evaluation.paper.column import band_words
from diffragan.evaluation.paper.dose_defocus import COARSE, Cell, draw_dose_defocus
from diffragan.evaluation.paper.judged import JudgedViews, judge, judge_image_alone
from diffragan.io.triplets import TripletStore
from diffragan.phasing.registry import make_phaser

DEFOCI_ANGSTROM = (500.0, 1000.0, 1500.0, 2000.0)
SNRS = (0.1, 0.4, 0.8, 3.2)
VIEWS = 8


def run_dose_defocus(place: Place) -> None:
    """Simulate the test's proteins at every noise and defocus, and phase them by one method."""
    base = place.test.experiment
    limit = measured_limit(base)
    structures = stored_structures(place.test)
    cells = []
    for defocus in DEFOCI_ANGSTROM:
        for snr in SNRS:
            low = base.low_resolution.model_copy(
                update={"defocus_angstrom": defocus, "snr": snr, "dose_e_per_a2": None}
            )
            changed = base.model_copy(
                update={"low_resolution": low, "orientations": place.arguments.views or VIEWS}
            )
            data = place.simulate(f"dose-{snr:g}-defocus-{defocus:.0f}", structures, changed)
            items = list(range(len(data)))
            views = _phased(place, data, f"SNR {snr:g}, {defocus:,.0f} Å")
            doses = data.read("low_resolution_dose", items)
            cells.append(Cell(defocus, snr, doses, views, judge_image_alone(data, items)))
    method, count = place.arguments.method, len(cells[0].views)
    caption = (
        f"Views by the noise and the defocus of their low-resolution image (with the paper's S5 to "
        f"S7), phased by {method}: the same {count} views of {len(structures)} "
        f"protein{'s' if len(structures) > 1 else ''} in every group. Mean FRC of single views "
        f"from {band_words(limit)} (a) and from {COARSE[0]:g} to {COARSE[1]:g} Å (b): dots, "
        "median, quartiles, 5 to 95 %; the grey bar is the median of the low-resolution image "
        "alone. In brackets: median dose, over the defoci."
    )
    worst, best = (f(cells, key=lambda c: float(c.views.scores.mean())) for f in (min, max))
    alt = (
        f"Mean FRC of views: {worst.views.scores.mean():.2f} at SNR {worst.snr:g} and "
        f"{worst.defocus_angstrom:,.0f} Å, {best.views.scores.mean():.2f} at SNR {best.snr:g} and "
        f"{best.defocus_angstrom:,.0f} Å."
    )
    place.record(
        "dose-defocus", "noise and defocus of the low-resolution image",
        {
            "method": method,
            "cells": [cell.summary() for cell in cells],
            "frequency_per_angstrom": limit.frequency_per_angstrom.tolist(),
        },
        {"dose-defocus": (draw_dose_defocus(cells, limit), caption, alt)},
    )  # fmt: skip


def _phased(place: Place, data: TripletStore, words: str) -> JudgedViews:
    """Phase every view of a data set, and judge it."""
    method, iterations = place.arguments.method, place.arguments.iterations
    if method == METHOD:
        draw = drawn_by(place.phaser, data, place.test.experiment)
    else:
        settings = {} if iterations is None else {"iterations": iterations}
        phaser = make_phaser(method, settings, None, place.arguments.device)
        draw = drawn_by(phaser, data, None)
    return judge(data, list(range(len(data))), draw, f"{method}: {words}")
