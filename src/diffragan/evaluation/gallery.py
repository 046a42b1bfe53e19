"""Pictures of some views: pattern, low-resolution image, each method's image, the truth."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray

from diffragan.config.experiment import Experiment
from diffragan.evaluation.style import INK, MUTED, method_colours
from diffragan.evaluation.wording import resolution_of_view, shorten
from diffragan.io.observations import ObservationStore
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore

MOST_VIEWS = 4
PANEL_INCHES = 1.35
ROW_GAP_INCHES = 0.24
HEADING_INCHES = 0.3
MOST_LETTERS = 18
"""Of a heading, so that it does not touch its neighbours."""
VISIBLE_SHARE = 0.1
"""Contrast, as a share of a true image's largest, that counts as part of the molecule."""
DECADES = 4.5
RINGS_ANGSTROM = (5.0, 2.0)
BAR_CHOICES_ANGSTROM = (1, 2, 5, 10, 20, 50, 100, 200)

Picture = NDArray[np.float64]


def draw_gallery(
    data: ObservationStore, phased: Sequence[PhasedStore], metrics: Mapping[str, Any]
) -> Figure:
    """Draw up to four views, chosen evenly from those that every method phased.

    The truth stands beside them where it is known; where not, what was foretold of each image.
    """
    names = list(metrics["methods"])
    items = gallery_items([metrics["methods"][name]["items"] for name in names])
    known = isinstance(data, TripletStore)
    columns = ["diffraction", "low resolution", *names, *(["truth"] if known else [])]
    size = (
        PANEL_INCHES * len(columns),
        HEADING_INCHES + (PANEL_INCHES + ROW_GAP_INCHES) * len(items),
    )
    figure = Figure(figsize=size)
    true = _shown_size(data, phased[0], items)
    half_width = molecule_half_width(true)
    colours = method_colours(names)
    for row, item in enumerate(items):
        axes = [_panel(figure, size, row, column) for column in range(len(columns))]
        recovered = axes[2 : 2 + len(names)]
        _diffraction(axes[0], data, item, labelled=row == 0)
        low = data.read("low_resolution", [item])[0].astype(np.float64)
        _image(axes[1], low, half_width, _limits(low, 1))
        for ax, name, store in zip(recovered, names, phased, strict=True):
            _recovered(ax, store, item, half_width)
            if item in metrics["methods"][name]["items"]:
                caption = _caption(metrics["methods"][name], item, known)
                ax.set_xlabel(caption, fontsize=8, color=colours[name], labelpad=2)
        if known:
            _image(axes[-1], true[row], half_width, _limits(true[row], 0.1))
        if row == 0:
            for ax, title in zip(axes, columns, strict=True):
                heading, colour = shorten(title, MOST_LETTERS), colours.get(title, INK)
                ax.set_title(heading, fontsize=8.5, color=colour, pad=4)
            _scale_bar(axes[-1], data.experiment, true.shape[-1], half_width)
    return figure


def _shown_size(data: ObservationStore, phased: PhasedStore, items: Sequence[int]) -> Picture:
    """Images whose molecules say how much of the box to show: the true ones, or phased ones."""
    if isinstance(data, TripletStore):
        return data.read("high_resolution", items).astype(np.float64)
    row_of = {int(item): row for row, item in enumerate(phased.read("source_item"))}
    rows = [row_of[item] for item in items if item in row_of]
    return phased.read("image", rows).astype(np.float64)


def _caption(method: Mapping[str, Any], item: int, known: bool) -> str:
    """Word the resolution of a view, or where nobody knows it what was foretold."""
    if known:
        return resolution_of_view(method, item)
    row = method["items"].index(item)
    told = f"R {method['r_factor_per_view'][row]:.2f}"
    if predicted := method.get("predicted_resolution_per_view_angstrom"):
        told = f"{predicted[row]:.2f} Å foretold, {told}"
    return told


def gallery_items(items_of_methods: Sequence[Sequence[int]]) -> list[int]:
    """Choose items for the gallery: shared by all methods, or else those of the first."""
    shared = sorted(set(items_of_methods[0]).intersection(*items_of_methods[1:]))
    shared = shared or list(items_of_methods[0])
    count = min(MOST_VIEWS, len(shared))
    return [shared[i * len(shared) // count] for i in range(count)]


def molecule_half_width(images: Picture) -> int:
    """Half the side of the central square [pixels] that holds the contrast of all images."""
    size = images.shape[-1]
    contrast = np.abs(images - np.median(images, axis=(-2, -1), keepdims=True))
    seen = (contrast > VISIBLE_SHARE * contrast.max(axis=(-2, -1), keepdims=True)).any(0)
    reach = np.abs(np.argwhere(seen) - size // 2).max(initial=size // 8)
    return int(min(size // 2, max(reach * 1.1, reach + 1)))


def _panel(figure: Figure, size: tuple[float, float], row: int, column: int) -> Axes:
    """Place a square panel by inches: captions need the same room whatever the number of rows."""
    width, height = size
    bottom = height - HEADING_INCHES - PANEL_INCHES * (row + 1) - ROW_GAP_INCHES * row
    side = PANEL_INCHES * 0.97
    left = PANEL_INCHES * column + PANEL_INCHES * 0.015
    ax = figure.add_axes((left / width, bottom / height, side / width, side / height))
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def _diffraction(ax: Axes, data: ObservationStore, item: int, labelled: bool) -> None:
    """Show a pattern, dark where electrons arrive, with circles of resolution."""
    pattern = data.patterns([item])[0].astype(np.float64)
    pattern[~data.read("measured")] = np.nan
    brightest = np.nanpercentile(pattern, 99.8)
    logarithm = np.log10(np.maximum(pattern, brightest * 10**-DECADES))
    ax.set_facecolor("#C8CDD3")
    ax.imshow(
        logarithm,
        cmap="gray_r",
        origin="lower",
        vmin=np.log10(brightest) - DECADES,
        vmax=np.log10(brightest),
    )
    centre, box = pattern.shape[-1] // 2, data.experiment.box_angstrom
    for angstrom in (*RINGS_ANGSTROM, box / centre):
        radius = box / angstrom
        if radius > centre + 0.5:
            continue
        ax.add_patch(
            Circle((centre, centre), radius, fill=False, color="#0072B2", lw=0.6, alpha=0.8)
        )
        if labelled:
            # The edge of the data is labelled below, away from the ring next to it.
            side = -1 if angstrom not in RINGS_ANGSTROM else 1
            ax.annotate(
                f"{angstrom:.3g} Å",
                (centre, centre + side * radius),
                xytext=(0, 1.5),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=5.5,
                color="#004E7C",
                bbox={"facecolor": "white", "alpha": 0.75, "lw": 0, "pad": 0.6},
            )


def _image(ax: Axes, picture: Picture, half_width: int, limits: tuple[float, float]) -> None:
    middle = picture.shape[-1] // 2
    part = slice(max(middle - half_width, 0), middle + half_width)
    ax.imshow(picture[part, part], cmap="gray", origin="lower", vmin=limits[0], vmax=limits[1])


def _recovered(ax: Axes, store: PhasedStore, item: int, half_width: int) -> None:
    rows = np.flatnonzero(store.read("source_item") == item)
    if len(rows) == 0:
        ax.text(0.5, 0.5, "not phased", ha="center", va="center", color=MUTED, fontsize=8)
        return
    picture = store.read("image", [int(rows[0])])[0].astype(np.float64)
    # Its own scale shows what FRC judges; at the truth's, a blurred picture would be plain grey.
    _image(ax, picture, half_width, _limits(picture, 0.1))


def _limits(picture: Picture, percent: float) -> tuple[float, float]:
    low, high = np.percentile(picture, [percent, 100 - percent])
    return float(low), float(high)


def _scale_bar(ax: Axes, experiment: Experiment, pixels: int, half_width: int) -> None:
    """Draw a bar of a round length, about a third of the panel."""
    pixel = experiment.box_angstrom / pixels
    side = 2 * half_width
    wanted = side * pixel / 3
    length = max((c for c in BAR_CHOICES_ANGSTROM if c <= wanted), default=BAR_CHOICES_ANGSTROM[0])
    right, bottom = side * 0.94, side * 0.06
    ax.plot([right - length / pixel, right], [bottom, bottom], color="white", lw=2.6)
    ax.plot([right - length / pixel, right], [bottom, bottom], color=INK, lw=1.4)
    ax.text(
        right - length / pixel / 2,
        bottom * 1.35,
        f"{length / 10:g} nm" if length >= 10 else f"{length} Å",
        ha="center",
        va="bottom",
        fontsize=6.5,
    )
