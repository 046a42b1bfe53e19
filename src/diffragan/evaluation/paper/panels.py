"""Panels of pictures in a column: patterns, images, masks, each on its own scale."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray

from diffragan.config.experiment import Experiment
from diffragan.evaluation.paper.column import COLUMN_INCHES
from diffragan.evaluation.style import INK
from diffragan.evaluation.view_pictures import image_picture, pattern_picture, scale_bar_angstrom

GAP_INCHES = 0.03
RING_COLOUR = "#0072B2"

Picture = NDArray[np.floating]


def picture_axes(figure: Figure, corner_inches: tuple[float, float], side_inches: float) -> Axes:
    """Make square axes without ticks, their upper left corner so far from the figure's."""
    width, height = figure.get_size_inches()
    left, top = corner_inches
    ax = figure.add_axes(
        (left / width, 1 - (top + side_inches) / height, side_inches / width, side_inches / height)
    )
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return ax


def column_side(columns: int, used_inches: float = 0.0) -> float:
    """Side of a picture [inches] so that some stand beside each other in what is left of a row."""
    return (COLUMN_INCHES - used_inches - GAP_INCHES * (columns - 1)) / columns


def show_pattern(
    ax: Axes, pattern: Picture, measured: NDArray[np.bool_], rings: Sequence[float] = ()
) -> None:
    """Show a pattern on a logarithmic scale, dark where electrons arrive.

    Parameters
    ----------
    rings : Radii of circles to draw [pixels].
    """
    side = len(pattern)
    grey = pattern_picture(pattern, measured)
    ax.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=(0, side, 0, side))
    for radius in rings:
        centre = side // 2 + 0.5
        ax.add_patch(Circle((centre, centre), radius, fill=False, color=RING_COLOUR, lw=0.5))


def show_image(ax: Axes, image: Picture, half_width: int, percent: float = 0.1) -> None:
    """Show the middle of an image on its own grey scale."""
    ax.imshow(image_picture(image, half_width, percent), cmap="gray", vmin=0, vmax=255)


def middle(values: NDArray[np.generic], half_width: int) -> NDArray[np.generic]:
    """Cut out the middle of a map as `show_image` does, its first row on top."""
    centre = values.shape[-1] // 2
    part = slice(max(centre - half_width, 0), centre + half_width)
    return np.asarray(values[part, part][::-1])


def scale_bar(ax: Axes, experiment: Experiment, half_width: int) -> None:
    """Draw a bar of a round length into a picture that `show_image` drew."""
    pixel = experiment.box_angstrom / experiment.image_pixels
    side = min(2 * half_width, experiment.image_pixels)
    angstrom = scale_bar_angstrom(side * pixel)
    right, low = 0.94 * side, 0.93 * side
    left = right - angstrom / pixel
    ax.plot([left, right], [low, low], color="white", lw=2.6)
    ax.plot([left, right], [low, low], color=INK, lw=1.4)
    ax.text(
        right, low - 0.02 * side,
        f"{angstrom / 10:g} nm" if angstrom >= 10 else f"{angstrom:g} Å",
        ha="right", va="bottom", color=INK,
        bbox={"facecolor": "white", "alpha": 0.6, "lw": 0, "pad": 0.4},
    )  # fmt: skip
