"""Maps from phased and from true images, and the model in them: the paper's Figure 8."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy.spatial import cKDTree

from diffragan.evaluation.curves import TOP_TICKS_ANGSTROM
from diffragan.evaluation.paper.column import DASHES, MM_PER_INCH, SMALLEST_POINTS
from diffragan.evaluation.paper.judged import Numbers
from diffragan.evaluation.paper.panels import picture_axes
from diffragan.evaluation.paper.surface import (
    band_limited,
    finer,
    level_that_holds,
    shaded_surface,
)
from diffragan.evaluation.residue_figures import smoothed
from diffragan.evaluation.style import FAINT, INK, MUTED
from diffragan.grid import Grid
from diffragan.reconstruction.reconstruct import (
    HALF_MAPS_THRESHOLD,
    TRUTH_THRESHOLD,
    Agreement,
)
from diffragan.reconstruction.validation.residue_correlation import by_distance

PAGE_INCHES = 180 / MM_PER_INCH
"""Two columns."""
PICTURES_INCHES = 95 / MM_PER_INCH
MARGIN_INCHES = 0.03
GAP_INCHES = 0.05
HEADING_INCHES = 0.3
WORDS_INCHES = 0.17
PLOTS_INCHES = 3.9
SECTION_ANGSTROM = 2.0
"""Thickness of a section: the mean of the map over it, and the atoms in it."""
WINDOW_ANGSTROM = 22.0
LONGEST_BOND_ANGSTROM = 1.95
SURFACE_ANGSTROM = 2.5
"""Resolution of the surfaces: finer ones are a cloud of atoms."""
SURFACE_A3_PER_DALTON = 0.6
"""Volume that a surface holds: half of the protein's own, so that single chains are seen."""
SURFACE_WHITE = 0.35
"""Share of white in a surface's colour."""
FINER = 2
ATOM_COLOURS = {6: "#E8B04A", 7: "#2F6DB5", 8: "#C8322B", 16: "#2E8B57"}


@dataclass(frozen=True, slots=True)
class FittedMap:
    """A map, how far it agrees with its halves and the truth, and how the model lies in it."""

    name: str
    colour: str
    volume: Numbers
    """`(z, y, x)`, origin at voxel n // 2."""
    agreement: Agreement
    correlation: Numbers
    """`(residue,)`, of the map and the model's own around each residue."""
    sigmas: Numbers
    """`(residue,)`, mean of the map there, in its standard deviations."""
    views: int

    def summary(self) -> dict[str, Any]:
        """Describe the map in plain numbers."""
        found = self.agreement
        return {
            "views": self.views,
            "frequency_per_angstrom": found.frequency_per_angstrom.tolist(),
            "fsc_half_maps": found.fsc_half_maps.tolist(),
            "fsc_truth": None if found.fsc_truth is None else found.fsc_truth.tolist(),
            "resolution_fsc_0p143_angstrom": found.resolution_fsc_0p143_angstrom,
            "resolution_fsc_truth_0p5_angstrom": found.resolution_fsc_truth_0p5_angstrom,
            "map_model_correlation": self.correlation.tolist(),
            "mean_sigmas": self.sigmas.tolist(),
        }


@dataclass(frozen=True, slots=True)
class Chain:
    """The model that lies in the maps."""

    name: str
    mass_kda: float
    positions: Numbers
    """`(atom, xyz)`, no hydrogen [Å]."""
    atomic_numbers: Numbers
    labels: Sequence[str]
    """Of the residues, as LYS 12."""
    distance: Numbers
    """`(residue,)`, of each residue from the centre of mass [Å]."""


def draw_reconstructions(maps: Sequence[FittedMap], chain: Chain, grid: Grid) -> Figure:
    """Draw surfaces, sections and the model in each map; beside them FSC and fit by residue."""
    side = (PICTURES_INCHES - MARGIN_INCHES - GAP_INCHES * (len(maps) - 1)) / len(maps)
    rows = 3
    height = max(HEADING_INCHES + rows * (side + WORDS_INCHES), PLOTS_INCHES)
    figure = Figure(figsize=(PAGE_INCHES, height))
    reach = float(np.abs(chain.positions).max()) + 3
    voxels = int(1000 * chain.mass_kda * SURFACE_A3_PER_DALTON * (FINER / grid.pixel_angstrom) ** 3)
    panels = (
        f"a  surface at {SURFACE_ANGSTROM:g} Å",
        f"b  section, {SECTION_ANGSTROM:g} Å",
        "c  its middle, with the model",
    )
    for column, found in enumerate(maps):
        left = MARGIN_INCHES + (side + GAP_INCHES) * column
        places = [
            (left, HEADING_INCHES + WORDS_INCHES * (row + 1) + side * row) for row in range(rows)
        ]
        surface, section, window = (picture_axes(figure, place, side) for place in places)
        _surface(surface, found, grid, reach, voxels)
        _section(section, found.volume, grid, reach)
        _section(window, found.volume, grid, WINDOW_ANGSTROM / 2)
        _model(window, chain)
        _write(figure, left + side / 2, 0.03, found.name, found.colour, "center", 7.5)
        _write(figure, left + side / 2, 0.17, _words(found), MUTED, "center")
        if column == 0:
            for place, words in zip(places, panels, strict=True):
                _write(figure, left, place[1] - WORDS_INCHES + 0.03, words, INK, "left")
            _bar(section, 10.0, reach)
            _bar(window, 5.0, WINDOW_ANGSTROM / 2)
    start = PICTURES_INCHES + 0.62
    width = PAGE_INCHES - start - 0.12
    heights = (0.4, 0.25, 0.25)
    for ax, draw in zip(
        _stack(figure, start / PAGE_INCHES, width / PAGE_INCHES, heights),
        (_correlations, _along_the_chain, _over_distance),
        strict=True,
    ):
        draw(ax, maps, chain)
    return figure


def _stack(figure: Figure, left: float, width: float, heights: Sequence[float]) -> list[Axes]:
    """Make axes one above the other, room for labels below each and for resolutions on top."""
    top, below = 0.91, 0.115
    made = []
    free = top - below * len(heights)
    for share in heights:
        high = free * share / sum(heights)
        made.append(figure.add_axes((left, top - high, width, high)))
        top -= high + below
    return made


def _words(found: FittedMap) -> str:
    value = found.agreement.resolution_fsc_truth_0p5_angstrom
    end = 1 / float(found.agreement.frequency_per_angstrom[-1])
    return f"FSC 0.5: < {end:.2f} Å" if value is None else f"FSC 0.5: {value:.2f} Å"


def _write(
    figure: Figure, x: float, y: float, words: str, colour: str, align: str,
    points: float = SMALLEST_POINTS,
) -> None:  # fmt: skip
    width, height = figure.get_size_inches()
    figure.text(
        x / width, 1 - y / height, words, color=colour, ha=align, va="top", fontsize=points
    )  # fmt: skip


def _surface(ax: Axes, found: FittedMap, grid: Grid, reach: float, voxels: int) -> None:
    smooth = band_limited(torch.from_numpy(found.volume), grid, SURFACE_ANGSTROM).numpy()
    volume = finer(smooth, FINER)
    pixel = grid.pixel_angstrom / FINER
    part = _part(volume.shape[0], reach / pixel)
    volume = volume[part, part, part]
    red, green, blue = (part + (1 - part) * SURFACE_WHITE for part in to_rgb(found.colour))
    drawn = shaded_surface(volume, level_that_holds(volume, voxels), (red, green, blue))
    ax.imshow(drawn, origin="lower", interpolation="antialiased")


def _section(ax: Axes, volume: Numbers, grid: Grid, reach: float) -> None:
    """Show the mean over a slab through the origin."""
    middle = len(volume) // 2
    half = max(1, round(SECTION_ANGSTROM / grid.pixel_angstrom / 2))
    slab = volume[middle - half : middle + half].mean(0)
    part = _part(len(slab), reach / grid.pixel_angstrom)
    shown = slab[part, part]
    low, high = np.percentile(shown, (1, 99.7))
    first = (part.start - middle - 0.5) * grid.pixel_angstrom
    last = (part.stop - middle - 0.5) * grid.pixel_angstrom
    ax.imshow(
        shown, cmap="gray_r", origin="lower", vmin=low, vmax=high, extent=(first, last) * 2,
        interpolation="bicubic",
    )  # fmt: skip
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach))


def _part(side: int, reach: float) -> slice:
    half = min(side // 2, int(np.ceil(reach)))
    return slice(side // 2 - half, side // 2 + half)


def _model(ax: Axes, chain: Chain) -> None:
    """Draw the atoms of the section, and the bonds between them."""
    near = np.abs(chain.positions[:, 2]) < SECTION_ANGSTROM
    places, numbers = chain.positions[near], chain.atomic_numbers[near]
    pairs = cKDTree(places).query_pairs(LONGEST_BOND_ANGSTROM, output_type="ndarray")
    ax.add_collection(LineCollection(places[pairs][:, :, :2], colors="#E8B04A", lw=0.8))
    colours = [ATOM_COLOURS.get(int(n), INK) for n in numbers]
    ax.scatter(places[:, 0], places[:, 1], s=4, c=colours, lw=0, zorder=3)


def _bar(ax: Axes, angstrom: float, reach: float) -> None:
    right, low = 0.92 * reach, -0.9 * reach
    ax.plot([right - angstrom, right], [low, low], color="white", lw=2.6)
    ax.plot([right - angstrom, right], [low, low], color=INK, lw=1.4)
    words = f"{angstrom / 10:g} nm" if angstrom >= 10 else f"{angstrom:g} Å"
    ax.text(
        right, low + 0.05 * reach, words, ha="right", va="bottom", fontsize=SMALLEST_POINTS,
        bbox={"facecolor": "white", "alpha": 0.6, "lw": 0, "pad": 0.4},
    )  # fmt: skip


def _correlations(ax: Axes, maps: Sequence[FittedMap], _chain: Chain) -> None:
    for found in maps:
        frequency = found.agreement.frequency_per_angstrom[1:].numpy()
        if found.agreement.fsc_truth is not None:
            ax.plot(
                frequency, found.agreement.fsc_truth[1:].numpy(), color=found.colour,
                label=found.name,
            )  # fmt: skip
        ax.plot(
            frequency, found.agreement.fsc_half_maps[1:].numpy(), color=found.colour, lw=0.8,
            ls=DASHES[2],
        )  # fmt: skip
    for level in (TRUTH_THRESHOLD, HALF_MAPS_THRESHOLD):
        ax.axhline(level, color=MUTED, lw=0.6)
    ax.plot([], [], color=MUTED, label="with the truth")
    ax.plot([], [], color=MUTED, lw=0.8, ls=DASHES[2], label="between half maps")
    end = float(maps[0].agreement.frequency_per_angstrom[-1])
    ax.set(xlim=(0, end), ylim=(-0.08, 1.24), yticks=(0, 0.143, 0.5, 1))
    ax.set_yticklabels(("0", "0.143", "0.5", "1"))
    ax.set_ylabel("FSC", labelpad=1)
    ax.set_xlabel("spatial frequency [1/Å]", labelpad=1)
    top = ax.secondary_xaxis("top")
    ticks = [t for t in TOP_TICKS_ANGSTROM if 1 / t <= end]
    top.set_xticks([1 / t for t in ticks], [f"{t:g}" for t in ticks])
    top.set_xlabel("resolution [Å]", labelpad=2)
    top.tick_params(length=2.5)
    handles = ax.get_legend_handles_labels()[0][-2:]
    ax.legend(handles=handles, loc="upper center", ncols=2, handlelength=1.6, borderaxespad=0.1)
    _letter(ax, "d")


def _along_the_chain(ax: Axes, maps: Sequence[FittedMap], chain: Chain) -> None:
    residues = np.arange(1, len(chain.labels) + 1)
    for found in maps:
        ax.plot(residues, found.correlation, ".", color=found.colour, ms=1.6, alpha=0.6, mew=0)
        ax.plot(residues, smoothed(found.correlation), color=found.colour, lw=0.9)
    ax.set(xlim=(0, len(residues) + 1), ylim=(min(0.0, ax.get_ylim()[0]), 1.03))
    ax.set_xlabel("residue", labelpad=1)
    ax.set_ylabel("map and\nmodel", labelpad=2)
    ax.grid(axis="y", color=FAINT, lw=0.5)
    _letter(ax, "e")


def _over_distance(ax: Axes, maps: Sequence[FittedMap], chain: Chain) -> None:
    for found in maps:
        ax.plot(chain.distance, found.sigmas, ".", color=found.colour, ms=2.2, alpha=0.5, mew=0)
        ax.plot(*by_distance(chain.distance, found.sigmas), color=found.colour, lw=1.0)
    ax.set(xlim=(0, None), ylim=(min(0.0, ax.get_ylim()[0]), None))
    ax.set_xlabel("residue's distance from the centre [Å]", labelpad=1)
    ax.set_ylabel("density [σ]", labelpad=2)
    ax.grid(axis="y", color=FAINT, lw=0.5)
    _letter(ax, "f")


def _letter(ax: Axes, text: str) -> None:
    ax.text(-0.22, 1.03, text, transform=ax.transAxes, ha="left", va="bottom", fontsize=7.5)
