"""Where phased and true images agree and differ: among the paper's Figures 3 to 6."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from diffragan.config.experiment import Experiment
from diffragan.evaluation.difference import VISIBLE, difference_mask, grey_difference, mask_edges
from diffragan.evaluation.envelope import true_envelope
from diffragan.evaluation.gallery import molecule_half_width
from diffragan.evaluation.paper.column import COLUMN_INCHES, SMALLEST_POINTS
from diffragan.evaluation.paper.judged import Numbers
from diffragan.evaluation.paper.panels import (
    GAP_INCHES,
    Picture,
    column_side,
    middle,
    picture_axes,
    scale_bar,
    show_image,
)
from diffragan.evaluation.similarity import SIMILAR, similar_places, ssim_map
from diffragan.evaluation.style import INK, MUTED

HEADING_INCHES = 0.17
CAPTION_INCHES = 0.16
MOST_LEVELS = 100
"""Grey levels at which the scale of differences ends."""
OVERLAY = (0.84, 0.37, 0.0)
"""Vermilion, which stands out from grey for everybody."""


@dataclass(frozen=True, slots=True)
class PicturePair:
    """A phased image and the truth of one view."""

    words: str
    recovered: Picture
    true: Picture


Fill = Callable[[Sequence[Axes], PicturePair, int], str]
"""Draws the last two panels of a row, and says what they show."""


def draw_ssim(pairs: Sequence[PicturePair], experiment: Experiment) -> Figure:
    """Draw truth, phased image, map of SSIM, and the places where it is above 0.7."""

    def fill(axes: Sequence[Axes], pair: PicturePair, half_width: int) -> str:
        recovered, true = (torch.from_numpy(v)[None] for v in (pair.recovered, pair.true))
        found = ssim_map(recovered, true)[0]
        shown = middle(found.numpy(), half_width)
        axes[2].imshow(shown, cmap="cividis", vmin=0, vmax=1)
        show_image(axes[3], pair.true, half_width)
        similar = similar_places(found).numpy()
        axes[3].imshow(_tint(middle(similar, half_width), 0.5))
        share = similar[_molecule(pair, experiment)].mean()
        return f"{100 * share:.0f} % of the molecule above {SIMILAR:g}"

    return _draw_pairs(
        pairs, experiment, ("truth", "phased", "SSIM, 0\u20131", f"SSIM > {SIMILAR:g}"), fill
    )


def draw_difference(pairs: Sequence[PicturePair], experiment: Experiment) -> Figure:
    """Draw truth, phased image, smoothed difference, and the edges of where it is visible."""

    def fill(axes: Sequence[Axes], pair: PicturePair, half_width: int) -> str:
        recovered, true = (torch.from_numpy(v)[None] for v in (pair.recovered, pair.true))
        levels = middle(grey_difference(recovered, true)[0].numpy(), half_width)
        axes[2].imshow(levels, cmap="cividis", vmin=0, vmax=MOST_LEVELS)
        mask = difference_mask(recovered, true)[0]
        show_image(axes[3], pair.true, half_width)
        axes[3].imshow(_tint(middle(mask_edges(mask).numpy(), half_width), 1.0))
        share = mask.numpy()[_molecule(pair, experiment)].mean()
        return f"{100 * share:.0f} % of the molecule above {VISIBLE} of 255"

    return _draw_pairs(
        pairs,
        experiment,
        ("truth", "phased", f"difference, 0\u2013{MOST_LEVELS}", f"> {VISIBLE}: edges"),
        fill,
    )


def _draw_pairs(
    pairs: Sequence[PicturePair],
    experiment: Experiment,
    headings: Sequence[str],
    fill: Fill,
) -> Figure:
    """Draw a row for each pair: truth and phased image, and two panels that `fill` draws."""
    side = column_side(len(headings))
    figure = Figure(
        figsize=(COLUMN_INCHES, HEADING_INCHES + (side + CAPTION_INCHES) * len(pairs) + 0.02)
    )
    width, height = figure.get_size_inches()
    half_width = molecule_half_width(np.stack([pair.true for pair in pairs]).astype(np.float64))
    for column, heading in enumerate(headings):
        left = (side + GAP_INCHES) * column + side / 2
        figure.text(
            left / width, 1 - 0.03 / height, heading, ha="center", va="top",
            fontsize=SMALLEST_POINTS, color=MUTED,
        )  # fmt: skip
    for row, pair in enumerate(pairs):
        top = HEADING_INCHES + CAPTION_INCHES + (side + CAPTION_INCHES) * row
        axes = [
            picture_axes(figure, ((side + GAP_INCHES) * column, top), side) for column in range(4)
        ]
        show_image(axes[0], pair.true, half_width)
        show_image(axes[1], pair.recovered, half_width)
        words = f"{pair.words}: {fill(axes, pair, half_width)}"
        figure.text(
            0, 1 - (top - CAPTION_INCHES + 0.03) / height, words, ha="left", va="top",
            fontsize=SMALLEST_POINTS, color=INK,
        )  # fmt: skip
        if row == 0:
            scale_bar(axes[0], experiment, half_width)
    return figure


def _molecule(pair: PicturePair, experiment: Experiment) -> NDArray[np.bool_]:
    """Where the molecule is: SSIM is high and differences are small in any vacuum."""
    contrast = torch.from_numpy(pair.true - np.median(pair.true)).to(torch.complex128)
    return np.asarray(true_envelope(contrast[None], experiment.image_grid)[0].numpy())


def _tint(places: NDArray[np.generic], opacity: float) -> Numbers:
    """Colour some places and leave the others clear."""
    tinted = np.zeros((*places.shape, 4))
    tinted[..., :3] = OVERLAY
    tinted[..., 3] = np.where(places, opacity, 0.0)
    return tinted
