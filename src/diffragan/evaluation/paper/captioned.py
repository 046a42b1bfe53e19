"""The paper's figures with their captions: what its tests and `evaluate` both draw."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from diffragan.evaluation.paper.cases import Case, draw_cases
from diffragan.evaluation.paper.column import band_words
from diffragan.evaluation.paper.counterparts import PICTURES, SIZE, SMALL, UNSEEN
from diffragan.evaluation.paper.dependence import (
    PROPERTIES,
    Properties,
    draw_dependence,
)
from diffragan.evaluation.paper.judged import Draw, JudgedViews, Numbers
from diffragan.evaluation.paper.maps import draw_frc_map, sum_frc_map
from diffragan.evaluation.paper.pairs import PicturePair, draw_difference, draw_ssim
from diffragan.evaluation.paper.unseen import draw_unseen
from diffragan.evaluation.paper.view_rows import draw_rows, rows_of
from diffragan.io.triplets import TripletStore

EXAMPLES = 4
PAIRS = 3
SMALL_KDA = 10.0


class Captioned(NamedTuple):
    """A figure with its caption and a text for the blind."""

    figure: Figure
    caption: str
    alt: str


def unseen_figure(
    methods: Mapping[str, JudgedViews],
    controls: Mapping[str, Numbers],
    molecules: Sequence[Mapping[str, Any]],
) -> Captioned:
    """Draw mean curves and the spread of views; the first method is the one it is about."""
    main = next(iter(methods.values()))
    caption = (
        f"{len(main)} views of {len(molecules)} protein{'' if len(molecules) == 1 else 's'} over "
        f"their orientations ({UNSEEN.words}). a: mean Fourier "
        "ring correlation of the phased images with the true ones, band: one standard deviation "
        "over the views; thin: the mean of each protein; dashed: other methods and controls. The "
        "legend says where a curve falls below 0.5. b: mean FRC of single "
        f"views from {band_words(main.limit)} for each protein: median, quartiles, 5 to 95 %."
    )
    alt = f"Mean FRC curves over {len(molecules)} proteins: {', '.join(methods)}, and controls."
    return Captioned(draw_unseen(methods, controls, molecules, main.limit), caption, alt)


def example_rows(views: JudgedViews) -> list[int]:
    """Choose rows from good to poor, so that their pictures stand for all."""
    order = np.argsort(views.scores)
    shares = (np.arange(EXAMPLES) + 0.5) / EXAMPLES
    return [int(order[int(share * len(order))]) for share in shares[::-1]]


def picture_figures(data: TripletStore, views: JudgedViews, draw: Draw) -> dict[str, Captioned]:
    """Draw examples, the 2D FRC over all views, SSIM, and differences."""
    experiment, chosen = data.experiment, example_rows(views)
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
    among = f"({PICTURES.words})"
    return {
        "examples": Captioned(
            draw_rows([("", rows_of(data, views, chosen, draw))], experiment),
            f"Triplets and phased images {among}: views at the quantiles 7/8, 5/8, 3/8 and 1/8 of "
            f"mean FRC over {len(views)} views.",
            "Rows of pictures: diffraction, low-resolution image, phased image, truth and FRC.",
        ),
        "frc-map": Captioned(
            draw_frc_map(sums, experiment),
            f"Correlation of phased and true images over {sums.views} views for every Fourier "
            f"pixel {among}, and where it is at least 0.5, as a share of the square that was "
            "recorded.",
            "Map of correlation in Fourier space, and its mask at 0.5.",
        ),
        "ssim-map": Captioned(
            draw_ssim(pairs, experiment),
            f"Truth, phased image, map of SSIM, and where it is above 0.7 {among}.",
            "Pictures of truth, phased image, and SSIM.",
        ),
        "difference": Captioned(
            draw_difference(pairs, experiment),
            "Truth, phased image, their smoothed absolute difference in grey levels, and the "
            f"edges of where it is above 10 of 255 {among}.",
            "Pictures of truth, phased image, and their difference.",
        ),
    }


def size_and_shape_figure(
    views: JudgedViews, test: Properties, train: Properties | None, found: Mapping[str, Any]
) -> Captioned:
    """Draw the score over size and shape; `found` is what `dependences` returned."""
    below = "" if train is None else " Grey: the training set's distribution."
    caption = (
        f"Mean FRC against size and shape ({SIZE.words}). a to c: each point is a protein, "
        "the line holds 5 to 95 % of its views; d: each point is a view, over the area of the "
        f"molecule's shadow.{below} Rank correlation: Spearman's."
    )
    ranks = ((p, found[p]["spearman"]) for p in PROPERTIES)
    alt = ", ".join(
        f"{p}: rank correlation {'unknown' if r is None else f'{r:.2f}'}" for p, r in ranks
    )
    return Captioned(draw_dependence(views, test, train, found, views.limit), caption, alt)


def small_and_large(data: TripletStore, views: JudgedViews, alone: JudgedViews) -> list[Case]:
    """Part the views by the mass of their protein; a part without proteins is left out."""
    masses = [float(s["mass_kda"]) for s in data.store.attributes["structures"]]
    shown = {int(i) for i in views.structure}
    large = [i for i in shown if masses[i] >= SMALL_KDA]
    small = [i for i in shown if masses[i] < SMALL_KDA]
    return [
        Case(f"{_proteins(len(chosen))}, {words}", views.of(chosen), alone.of(chosen))
        for chosen, words in ((large, "10 kDa and more"), (small, "under 10 kDa"))
        if chosen
    ]


def _proteins(count: int) -> str:
    return f"{count} test protein{'' if count == 1 else 's'}"


def small_figure(cases: Sequence[Case]) -> Captioned:
    """Draw proteins under 10 kDa beside larger ones."""
    limit = cases[0].views.limit
    caption = (
        f"Proteins under 10 kDa beside larger ones ({SMALL.words}). "
        f"a: mean FRC. b: mean FRC of single views from {band_words(limit)}: median, "
        "quartiles, 5 to 95 %; the bar is the low-resolution image alone."
    )
    return Captioned(
        draw_cases(cases, limit, "mean FRC falls below 0.5 at"), caption, alt_of_cases(cases)
    )


def alt_of_cases(cases: Sequence[Case]) -> str:
    """Say the mean score of each case."""
    means = (f"{case.label}: {case.views.scores.mean():.2f}" for case in cases)
    return f"Mean FRC curves and spreads; means: {'; '.join(means)}."
