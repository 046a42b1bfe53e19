"""Tests on the unseen proteins as they are: all views, the extreme ones, sizes, and pictures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from paper_place import METHOD, Place

from diffragan.evaluation.paper.captioned import (
    example_rows,
    picture_figures,
    size_and_shape_figure,
    unseen_figure,
)
from diffragan.evaluation.paper.column import band_words
from diffragan.evaluation.paper.dependence import dependences, measure_properties
from diffragan.evaluation.paper.judged import judge_image_alone, per_molecule
from diffragan.evaluation.paper.view_rows import draw_rows, extreme_views, rows_of

EXTREMES = 3
TRAINING_SHADOWS = 1000
"""Views of the training data whose shadows are measured, spread evenly."""


def run_unseen(place: Place) -> None:
    methods = place.judged()
    main = methods[METHOD]
    molecules = per_molecule(place.test, main)
    controls = place.controls(main.items.tolist())
    results = {
        "frequency_per_angstrom": main.frequency_per_angstrom.tolist(),
        "methods": {name: views.summary() for name, views in methods.items()},
        "controls": {name: {"frc_mean": curve.tolist()} for name, curve in controls.items()},
        "molecules": molecules,
    }
    place.record(
        "unseen", "unseen proteins over all orientations", results,
        {"unseen": unseen_figure(methods, controls, molecules)},
    )  # fmt: skip


def run_views(place: Place) -> None:
    views, draw = place.network_views()
    best, worst = extreme_views(views, EXTREMES)
    groups = [
        ("best", rows_of(place.test, views, best, draw)),
        ("worst", rows_of(place.test, views, worst, draw)),
    ]
    caption = (
        f"The best and the worst of {len(views)} views by mean FRC from "
        f"{band_words(views.limit)}, at most one of each protein: diffraction (circles at 5 and "
        "2 Å), low-resolution image, phased image, truth, and FRC over spatial frequency."
    )
    results = {
        which: [
            {
                "item": int(views.items[row]),
                "name": place.test.store.attributes["structures"][int(views.structure[row])][
                    "name"
                ],
                "score": float(views.scores[row]),
                "ssim": float(views.ssim[row]),
                "frc": views.curves[row].tolist(),
            }
            for row in rows
        ]
        for which, rows in (("best", best), ("worst", worst))
    }
    results["score_quantiles"] = np.quantile(views.scores, (0, 0.05, 0.5, 0.95, 1)).tolist()
    figure = draw_rows(groups, place.test.experiment)
    place.record(
        "views", "the best and the worst views", results,
        {"views": (figure, caption, "Rows of pictures of the best and the worst views.")},
    )  # fmt: skip


def run_size_and_shape(place: Place) -> None:
    views, _ = place.network_views()
    test = measure_properties(place.test, views.items.tolist())
    train = None
    if place.arguments.train is not None:
        step = max(1, len(place.train) // TRAINING_SHADOWS)
        train = measure_properties(place.train, range(0, len(place.train), step))
    found = dependences(views, test, train)
    results: Mapping[str, Any] = {
        "molecules": per_molecule(place.test, views),
        "test_properties": test.molecules,
        "training_properties": None if train is None else train.molecules,
        "dependences": found,
    }
    place.record(
        "size-and-shape", "dependence on size and shape", results,
        {"size-and-shape": size_and_shape_figure(views, test, train, found)},
    )  # fmt: skip


def run_pictures(place: Place) -> None:
    views, draw = place.network_views()
    figures = picture_figures(place.test, views, draw)
    alone = judge_image_alone(place.test, views.items.tolist())
    results = {
        "frc_map_views": len(views),
        "ssim_mean": float(views.ssim.mean()),
        "ssim_mean_of_the_image_alone": float(alone.ssim.mean()),
        "items": [int(views.items[row]) for row in example_rows(views)],
        "rings": views.limit.rings,
    }
    place.record("pictures", "pictures of phased views and maps of agreement", results, figures)
