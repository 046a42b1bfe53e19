"""The paper's figures that one evaluation can give: what `evaluate` draws into `figures/paper`.

S1 and S2 need several proteins, S3 some below and some above 10 kDa, Figure 8 a reconstruction. S4
and S5 to S7 need data of their own; `benchmarks/paper_tests.py` makes those.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffragan.evaluation.figures import Drawn, save
from diffragan.evaluation.judging import spread
from diffragan.evaluation.paper.captioned import (
    SMALL_KDA,
    Captioned,
    picture_figures,
    size_and_shape_figure,
    small_and_large,
    small_figure,
    unseen_figure,
)
from diffragan.evaluation.paper.column import column_style
from diffragan.evaluation.paper.counterparts import MAPS, file_stem
from diffragan.evaluation.paper.dependence import dependences, measure_properties
from diffragan.evaluation.paper.judged import (
    judge,
    judge_image_alone,
    laid_on_truth,
    per_molecule,
    stored_images,
)
from diffragan.evaluation.sections import Reconstruction, draw_reconstruction
from diffragan.evaluation.style import figure_style
from diffragan.evaluation.summary import best_method
from diffragan.evaluation.wording import CONTROL_LABELS
from diffragan.in_order import thread_count
from diffragan.io.files import output_folder
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore

FOLDER = "paper"
MOST_VIEWS = 1078
"""Of a method that are drawn from, evenly spread."""
TRAINING_SHADOWS = 1000
"""Views of the training data whose shadows are measured, evenly spread."""


def draw_paper_figures(
    data: TripletStore,
    phased: Sequence[PhasedStore],
    metrics: Mapping[str, Any],
    out: Path,
    *,
    training: TripletStore | None = None,
    maps: Sequence[Reconstruction] = (),
    workers: int | None = None,
) -> list[Drawn]:
    """Draw the counterparts of the paper's figures for the best method into `out/figures/paper`.

    Parameters
    ----------
    phased : The stores that `evaluate` judged, in the order of `metrics["methods"]`.
    metrics : What `evaluate` returned.
    training : Whose sizes and shapes are drawn beside the test's.
    maps : Reconstructions, for the counterpart of Figure 8.
    workers : Threads that judge; all cores when left out.
    """
    folder = output_folder(out / "figures" / FOLDER)
    stores = dict(zip(metrics["methods"], phased, strict=True))
    best = best_method(metrics)[0]
    with column_style():
        figures = _of_views(data, best, stores, metrics, training, thread_count(workers))
        drawn = [save(f, folder / file_stem(n), *words) for n, (f, *words) in figures.items()]
    with figure_style():
        for number, found in enumerate(maps, start=1):
            name = "map" if number == 1 else f"map-{number}"
            caption = f"{found.caption} (Shown in {MAPS.words}.)"
            stem = folder / f"figure-{MAPS.number}-{name}"
            drawn.append(save(draw_reconstruction(found), stem, caption, found.alt))
    return drawn


def _of_views(
    data: TripletStore,
    best: str,
    stores: Mapping[str, PhasedStore],
    metrics: Mapping[str, Any],
    training: TripletStore | None,
    threads: int,
) -> dict[str, Captioned]:
    judged = {}
    for name in (best, *(other for other in stores if other != best)):
        items = spread(sorted(metrics["methods"][name]["items"]), MOST_VIEWS)
        judged[name] = judge(data, items, stored_images(stores[name]), f"figures: {name}", threads)
    main = judged[best]
    items = main.items.tolist()
    controls = {
        CONTROL_LABELS.get(name, name): np.asarray(control["frc_mean"])
        for name, control in metrics["controls"].items()
    }
    figures = {
        **picture_figures(data, main, laid_on_truth(data, stored_images(stores[best]))),
        "unseen": unseen_figure(judged, controls, per_molecule(data, main)),
    }
    if len(set(main.structure.tolist())) > 1:
        test = measure_properties(data, items)
        train = None
        if training is not None:
            train = measure_properties(training, spread(range(len(training)), TRAINING_SHADOWS))
        found = dependences(main, test, train)
        figures["size-and-shape"] = size_and_shape_figure(main, test, train, found)
    entries = data.store.attributes["structures"]
    if len({entries[i]["mass_kda"] < SMALL_KDA for i in set(main.structure.tolist())}) > 1:
        alone = judge_image_alone(data, items, threads)
        figures["small"] = small_figure(small_and_large(data, main, alone))
    return figures
