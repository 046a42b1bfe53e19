"""Tests on the unseen proteins as they are: all views, the extreme ones, sizes, and pictures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from paper_place import METHOD, Place

from diffragan.evaluation.metrics import measured_limit
from diffragan.evaluation.paper.column import band_words
from diffragan.evaluation.paper.dependence import (
    PROPERTIES,
    dependences,
    draw_dependence,
    measure_properties,
)
from diffragan.evaluation.paper.judged import judge_image_alone, per_molecule
from diffragan.evaluation.paper.maps import draw_frc_map, sum_frc_map
from diffragan.evaluation.paper.pairs import PicturePair, draw_difference, draw_ssim
from diffragan.evaluation.paper.unseen import draw_unseen
from diffragan.evaluation.paper.view_rows import draw_rows, extreme_views, rows_of

EXTREMES = 3
EXAMPLES = 4
PAIRS = 3
TRAINING_SHADOWS = 1000
"""Views of the training data whose shadows are measured, spread evenly."""
Figures = dict[str, tuple[Figure, str, str]]


def run_unseen(place: Place) -> None:
    methods = place.judged()
    main = methods[METHOD]
    molecules = per_molecule(place.test, main)
    limit = main.limit
    controls = place.controls(main.items.tolist())
    figure = draw_unseen(methods, controls, molecules, limit)
    caption = (
        f"Unseen proteins over {len(main)} orientations (the paper's Figure 7). a: mean Fourier "
        "ring correlation of the phased images with the true ones, band: one standard deviation "
        "over the views; thin: the mean of each protein; dashed: other methods and controls. The "
        "legend says where a curve falls below 0.5. b: mean FRC of single "
        f"views from {band_words(limit)} for each protein: median, quartiles, 5 to 95 %."
    )
    results = {
        "frequency_per_angstrom": main.frequency_per_angstrom.tolist(),
        "methods": {name: views.summary() for name, views in methods.items()},
        "controls": {name: {"frc_mean": curve.tolist()} for name, curve in controls.items()},
        "molecules": molecules,
    }
    alt = f"Mean FRC curves over {len(molecules)} proteins: {', '.join(methods)}, and controls."
    place.record(
        "unseen", "unseen proteins over all orientations", results,
        {"unseen": (figure, caption, alt)},
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
    drawn = draw_dependence(views, test, train, found, views.limit)
    below = "" if train is None else " Grey: the training set's distribution."
    caption = (
        "Mean FRC against size and shape (the paper's S1 and S2). a to c: each point is a protein, "
        "the line holds 5 to 95 % of its views; d: each point is a view, over the area of the "
        f"molecule's shadow.{below} Rank correlation: Spearman's."
    )
    alt = ", ".join(f"{p}: rank correlation {found[p]['spearman']}" for p in PROPERTIES)
    results: Mapping[str, Any] = {
        "molecules": per_molecule(place.test, views),
        "test_properties": test.molecules,
        "training_properties": None if train is None else train.molecules,
        "dependences": found,
    }
    place.record(
        "size-and-shape", "dependence on size and shape", results,
        {"size-and-shape": (drawn, caption, alt)},
    )  # fmt: skip


def run_pictures(place: Place) -> None:
    views, draw = place.network_views()
    data, experiment = place.test, place.test.experiment
    limit = measured_limit(experiment)
    order = np.argsort(views.scores)
    # From poor to good, so that the pictures stand for all.
    shares = (np.arange(EXAMPLES) + 0.5) / EXAMPLES
    chosen = [int(order[int(share * len(order))]) for share in shares[::-1]]
    entries = data.store.attributes["structures"]
    pairs = [
        PicturePair(
            entries[int(views.structure[row])]["name"],
            draw([int(views.items[row])])[0].double().numpy(),
            data.read("high_resolution", [int(views.items[row])])[0].astype(np.float64),
        )
        for row in chosen[:PAIRS]
    ]
    sums = sum_frc_map(data, views.items.tolist(), draw)
    among = "(among the paper's Figures 3 to 6)"
    figures: Figures = {
        "examples": (
            draw_rows([("", rows_of(data, views, chosen, draw))], experiment),
            f"Triplets and phased images {among}: views at the quantiles 7/8, 5/8, 3/8 and 1/8 of "
            f"mean FRC over {len(views)} views.",
            "Rows of pictures: diffraction, low-resolution image, phased image, truth and FRC.",
        ),
        "frc-map": (
            draw_frc_map(sums, experiment),
            f"Correlation of phased and true images over {sums.views} views for every Fourier "
            f"pixel {among}, and where it is at least 0.5, as a share of the square that was "
            "recorded.",
            "Map of correlation in Fourier space, and its mask at 0.5.",
        ),
        "ssim-map": (
            draw_ssim(pairs, experiment),
            f"Truth, phased image, map of SSIM, and where it is above 0.7 {among}.",
            "Pictures of truth, phased image, and SSIM.",
        ),
        "difference": (
            draw_difference(pairs, experiment),
            "Truth, phased image, their smoothed absolute difference in grey levels, and the "
            f"edges of where it is above 10 of 255 {among}.",
            "Pictures of truth, phased image, and their difference.",
        ),
    }
    alone = judge_image_alone(data, views.items.tolist())
    results = {
        "frc_map_views": sums.views,
        "ssim_mean": float(views.ssim.mean()),
        "ssim_mean_of_the_image_alone": float(alone.ssim.mean()),
        "items": [int(views.items[row]) for row in chosen],
        "rings": limit.rings,
    }
    place.record("pictures", "pictures of phased views and maps of agreement", results, figures)
