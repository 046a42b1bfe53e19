"""The 2D FRC map over many views, and its mask: among the paper's Figures 3 to 6."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from numpy.typing import NDArray

from diffragan.config.experiment import Experiment
from diffragan.evaluation.frc_map import FrcMapSums, frc_map, frc_map_sums, frc_mask
from diffragan.evaluation.paper.column import SMALLEST_POINTS, column_figure, letter
from diffragan.evaluation.paper.judged import BATCH, Draw
from diffragan.evaluation.style import MUTED
from diffragan.io.triplets import TripletStore

MAP_INCHES = 2.15
RINGS_ANGSTROM = (5.0, 2.0, 1.0)


def sum_frc_map(data: TripletStore, items: Sequence[int], draw: Draw) -> FrcMapSums:
    """Add up the 2D FRC of views, batch by batch, as far as anything was measured."""
    experiment = data.experiment
    pixels = min(experiment.image_pixels, _shown_pixels(experiment))
    total: FrcMapSums | None = None
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        true = torch.from_numpy(data.read("high_resolution", batch))
        found = frc_map_sums(draw(batch).cpu(), true, pixels)
        total = found if total is None else total + found
    assert total is not None
    return total


def _shown_pixels(experiment: Experiment) -> int:
    """Side of a map that holds the recorded square with a margin; odd as patterns are."""
    return int(experiment.diffraction_pixels * 1.1) // 2 * 2 + 1


def draw_frc_map(sums: FrcMapSums, experiment: Experiment) -> Figure:
    """Draw the 2D FRC map and its mask at 0.5, with the square that was recorded."""
    found = frc_map(sums)
    figure = column_figure(MAP_INCHES)
    left, right = figure.subplots(1, 2)
    edge = len(found) / 2 / experiment.box_angstrom
    extent = (-edge, edge, -edge, edge)
    drawn = left.imshow(
        found.numpy(), cmap="cividis", vmin=0, vmax=1, origin="lower", extent=extent
    )
    figure.colorbar(drawn, ax=left, location="bottom", shrink=0.9, pad=0.03, ticks=(0, 0.5, 1))
    mask = frc_mask(found).numpy()
    shown = right.imshow(mask, cmap="gray_r", vmin=0, vmax=1.6, origin="lower", extent=extent)
    bar = figure.colorbar(shown, ax=right, location="bottom", shrink=0.9, pad=0.03, ticks=())
    bar.ax.set_visible(False)
    inside = _recorded(experiment, len(found))
    for text, ax, heading in (
        ("a", left, "2D FRC"),
        ("b", right, f"at least 0.5: {100 * mask[inside].mean():.0f} %"),
    ):
        letter(ax, text, heading)
        _circles(ax, experiment, "white" if ax is left else MUTED)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure


def _recorded(experiment: Experiment, pixels: int) -> NDArray[np.bool_]:
    axis = np.abs(np.arange(pixels) - pixels // 2) <= experiment.diffraction_pixels // 2
    return np.asarray(axis[:, None] & axis[None, :])


def _circles(ax: Axes, experiment: Experiment, colour: str) -> None:
    half = experiment.diffraction_pixels / 2 / experiment.box_angstrom
    ax.add_patch(Rectangle((-half, -half), 2 * half, 2 * half, fill=False, color=colour, lw=0.7))
    for angstrom in RINGS_ANGSTROM:
        if 1 / angstrom < 2**0.5 * half:
            ax.add_patch(Circle((0, 0), 1 / angstrom, fill=False, color=colour, lw=0.5, ls=":"))
            if 1 / angstrom < half:
                ax.text(
                    0, 1 / angstrom, f"{angstrom:g} Å", color=colour, ha="center", va="bottom",
                    fontsize=SMALLEST_POINTS,
                )  # fmt: skip
