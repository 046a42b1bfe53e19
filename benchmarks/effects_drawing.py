"""What the figures of the experimental effects share: the molecule, and how a pattern is drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from PIL import Image

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.evaluation.style import figure_style
from diffragan.simulation.orientations import item_generator, posed, random_pose
from diffragan.simulation.triplet import Triplet, simulate_triplet
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.prepared import PreparedStructure

Picture = NDArray[np.float64]

SEED = 0
WIDTH_INCHES = 7.2
DPI = 125
COLOURS = 256
"""Of a saved picture: a third of the bytes, and no difference to the eye."""
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#6E6E6E"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
UNMEASURED = "#8FA3B0"


@dataclass(frozen=True, slots=True)
class Subject:
    """The molecule of all figures."""

    structure: PreparedStructure
    standing: AtomicModel
    """In one orientation, atoms at rest."""

    def triplet(self, preset: str = "quick", **overrides: Any) -> tuple[Triplet, Experiment]:
        """Simulate it with some effects."""
        experiment = load_experiment(preset, overrides=overrides)
        made = simulate_triplet(self.standing, experiment, np.random.default_rng(SEED))
        return made, experiment

    def pattern(self, **overrides: Any) -> tuple[Picture, Experiment]:
        """Return its pattern with some effects, whatever was not measured as NaN."""
        made, experiment = self.triplet(**overrides)
        return pattern_of(made), experiment


def subject(structure: PreparedStructure) -> Subject:
    at_rest = AtomicModel(structure.model.positions, structure.model.atomic_numbers)
    pose = random_pose(at_rest, item_generator(SEED, structure.sha256, 0))
    return Subject(structure, posed(at_rest, pose))


def pattern_of(made: Triplet) -> Picture:
    return np.asarray(made.diffraction.double().numpy())


def without_beam(pattern: Picture, radius_pixels: float = 0.5) -> Picture:
    """Hide the direct beam."""
    axis = np.arange(len(pattern)) - len(pattern) // 2
    hidden = axis[:, None] ** 2 + axis[None, :] ** 2 <= radius_pixels**2
    return np.where(hidden, np.nan, pattern)


def radial(pattern: Picture, experiment: Experiment) -> tuple[Picture, Picture]:
    """Frequencies of whole rings [1/Å] and a pattern's mean over each."""
    side = len(pattern)
    axis = np.arange(side) - side // 2
    ring = np.rint(np.hypot(axis[:, None], axis[None, :])).astype(int)
    seen = np.isfinite(pattern) & (ring <= side // 2)
    totals = np.bincount(ring[seen], pattern[seen])
    counts = np.bincount(ring[seen])
    means = totals / np.maximum(counts, 1)
    return np.arange(1, len(means)) / experiment.box_angstrom, means[1:]


def log_limits(pattern: Picture, low: float = 5, high: float = 99.95) -> LogNorm:
    positive = pattern[np.isfinite(pattern) & (pattern > 0)]
    return LogNorm(*np.percentile(positive, (low, high)))


def draw_pattern(
    ax: Axes,
    pattern: Picture,
    experiment: Experiment,
    norm: Any,
    *,
    half_mrad: float | None = None,
    title: str = "",
    labelled: bool = False,
) -> AxesImage:
    """Draw a pattern over its angles; below the scale it is dark, unmeasured it is blue-grey."""
    colours = mpl.colormaps["inferno"].with_extremes(bad=UNMEASURED, under="black")
    edge = experiment.pattern_spacing_mrad * len(pattern) / 2
    dark = norm.vmin / 10 if isinstance(norm, LogNorm) and norm.vmin else None
    shown = pattern if dark is None else np.where(pattern <= 0, dark, pattern)
    drawn = ax.imshow(
        shown, norm=norm, cmap=colours, extent=(-edge, edge, -edge, edge), origin="lower",
        interpolation="nearest",
    )  # fmt: skip
    if half_mrad is not None:
        ax.set(xlim=(-half_mrad, half_mrad), ylim=(-half_mrad, half_mrad))
    ax.set_title(title)
    ax.set_xlabel("angle [mrad]")
    if labelled:
        ax.set_ylabel("angle [mrad]")
    else:
        ax.set_yticklabels([])
    ax.spines[:].set_visible(False)
    return drawn


def _power_of_ten(value: float, _place: int) -> str:
    """Label a logarithmic axis; the figures' style sets no mathematics."""
    return "10" + str(round(np.log10(value))).translate(SUPERSCRIPTS)


def save(
    path: Path, draw: Callable[[Figure, Subject], None], of: Subject, height_inches: float
) -> None:
    """Draw a figure and write it as a small PNG."""
    with figure_style():
        figure = Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DPI, layout="constrained")
        draw(figure, of)
        for ax in figure.axes:
            for axis in (ax.xaxis, ax.yaxis):
                if axis.get_scale() == "log":
                    axis.set_major_formatter(FuncFormatter(_power_of_ten))
        figure.savefig(path)
    with Image.open(path) as full:
        palette = full.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    palette.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB", flush=True)


def threads_of_one() -> None:
    torch.set_num_threads(1)
