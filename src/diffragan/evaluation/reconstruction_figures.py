"""Figures of one reconstruction: correlations, sections, projections, and the model's fit."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from diffragan.evaluation.curves import angstrom_axis
from diffragan.evaluation.figures import Drawn, save
from diffragan.evaluation.phase_extension_figures import draw_phase_extension
from diffragan.evaluation.reconstruction_record import ReconstructionFolder
from diffragan.evaluation.residue_figures import draw_periphery, draw_residues
from diffragan.evaluation.sections import BAR_ANGSTROM, density_half_width
from diffragan.evaluation.style import INK, MUTED, figure_style
from diffragan.io.chimerax import PALETTE
from diffragan.io.files import output_folder

PLANES = ("x, y", "x, z", "y, z")
AXES_AWAY = (0, 1, 2)
"""Along which a map is cut or summed to show each plane."""
LOCAL_COLOURS = LinearSegmentedColormap.from_list("resolution", PALETTE.split(":"))
"""As the ChimeraX script colours the surface."""
STRONG, USUAL = 2.2, 1.3


def draw_reconstruction_figures(found: ReconstructionFolder) -> list[Drawn]:
    """Draw everything that the folder has into its `figures`."""
    folder = output_folder(found.place / "figures")
    drawn: list[Drawn] = []
    name = found.map.name
    with figure_style():
        curves = found.curves()
        if curves:
            words = "; ".join(f"{c.label} {c.resolution}" for c in curves if c.resolution)
            drawn.append(
                save(
                    draw_shells(found),
                    folder / "fsc",
                    "Fourier shell correlations, and where each falls below its threshold: 0.143 "
                    "between half maps, 0.5 against a model or the truth. Random phases show what "
                    "the mask alone makes; the corrected curve is without it.",
                    f"Curves of correlation against resolution: {words}.",
                )
            )
        drawn.append(
            save(
                draw_planes(found),
                folder / "planes",
                "Central sections of the map, above, and its projections, below"
                f"{found.filtered_words()}.",
                f"Three sections and three projections of the map {name}.",
            )
        )
        if found.validation.get("local_resolution") and found.volume("local_resolution"):
            drawn.append(
                save(
                    draw_local_resolution(found),
                    folder / "local_resolution",
                    "Local resolution: a central section, and how often each value occurs in the "
                    "mask.",
                    "A section of the map coloured by resolution, and a histogram.",
                )
            )
        if found.validation.get("residues"):
            drawn += _residue_figures(found, folder)
        drawn += draw_phase_extension(found.place, found.map.fsc, folder)
    return drawn


def _residue_figures(found: ReconstructionFolder, folder: Path) -> list[Drawn]:
    record = found.validation
    return [
        save(
            draw_residues(record),
            folder / "residues",
            "Q-score and map-model correlation of each residue along the chain.",
            f"Two curves over {len(record['residues']['label'])} residues; mean Q-score "
            f"{record['q_score']['mean']:.2f}, mean correlation "
            f"{record['residue_correlation']['mean']:.2f}.",
        ),
        save(
            draw_periphery(record),
            folder / "periphery",
            "The same residues by their distance from the centre of the molecule; lines are means "
            "of groups of equal size. Density that fades outwards shows here.",
            "Points of correlation and of density against distance from the centre.",
        ),
    ]


def draw_shells(found: ReconstructionFolder) -> Figure:
    """Draw all shell correlations."""
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    ax = figure.add_subplot()
    curves = found.curves()
    for curve in reversed(curves):  # the one to look at first lies on top
        style = (0, curve.dash) if curve.dash else "-"
        label = f"{curve.label}: {curve.resolution}" if curve.resolution else curve.label
        width = STRONG if curve.strong else USUAL
        frequency = np.asarray(curve.frequency, dtype=float)[1:]
        values = np.asarray(curve.values, dtype=float)[1:]
        ax.plot(frequency, values, color=curve.colour, lw=width, ls=style, label=label)
    end = float(curves[0].frequency[-1])
    for level in sorted({c.threshold for c in curves if c.threshold is not None}):
        ax.axhline(level, color=MUTED, lw=0.8, ls=":")
        ax.annotate(
            f"{level:g}", (1, level), xycoords=("axes fraction", "data"), xytext=(3, 0),
            textcoords="offset points", va="center", fontsize=8, color=MUTED,
        )  # fmt: skip
    ax.axhline(0, color=MUTED, lw=0.5)
    ax.set(xlim=(0, end), ylim=(-0.1, 1.05), xlabel="spatial frequency [1/Å]")
    ax.set_ylabel("Fourier shell correlation")
    angstrom_axis(ax, end)
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=2)
    return figure


def draw_planes(found: ReconstructionFolder) -> Figure:
    """Draw three sections and three projections, of one scale each."""
    figure = Figure(figsize=(7.2, 5.0), layout="constrained")
    shown = found.shown()
    volume, pixel = shown.volume, shown.pixel_angstrom
    part = _middle(volume)
    cut = volume[part, part, part]
    middle = len(cut) // 2
    rows = (
        ("section", [np.take(cut, middle, axis) for axis in AXES_AWAY]),
        ("projection", [cut.sum(axis) for axis in AXES_AWAY]),
    )
    panels = figure.subplots(2, 3)
    for row, (what, pictures) in zip(panels, rows, strict=True):
        low, high = np.percentile(np.stack(pictures), [2, 99.8])
        for ax, plane, picture in zip(row, PLANES, pictures, strict=True):
            ax.imshow(
                picture, cmap="gray_r", origin="lower", vmin=low, vmax=high,
                interpolation="bicubic",
            )  # fmt: skip
            _bare(ax)
            ax.set_title(f"{what} {plane}")
    _scale_bar(panels[0][0], BAR_ANGSTROM / pixel, len(cut))
    return figure


def draw_local_resolution(found: ReconstructionFolder) -> Figure:
    """Draw a section coloured by local resolution, and the histogram."""
    figure = Figure(figsize=(7.2, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.35])
    resolved = found.volume("local_resolution")
    assert resolved is not None
    part = _middle(found.shown().volume)
    middle = len(resolved.volume) // 2
    section = resolved.volume[middle, part, part]
    record = found.validation["local_resolution"]
    low, high = record["percentiles_angstrom"][0], record["percentiles_angstrom"][-1]
    density = found.shown().volume[middle, part, part]
    weak, strong = np.percentile(density, [20, 99.5])
    shown = np.ma.masked_where(section <= 0, section)
    image = left.imshow(
        shown, cmap=LOCAL_COLOURS, origin="lower", vmin=low, vmax=max(high, low + 0.01),
        alpha=np.where(section > 0, 0.25 + 0.75 * _unit(density, weak, strong), 0.0),
    )  # fmt: skip
    _bare(left)
    left.set_title("section x, y")
    figure.colorbar(image, ax=left, label="local resolution [Å]", shrink=0.85)
    edges = np.asarray(record["histogram_edges_angstrom"], dtype=float)
    counts = np.asarray(record["histogram_voxels"], dtype=float)
    right.stairs(100 * counts / max(counts.sum(), 1), edges, fill=True, color="#0072B2", alpha=0.75)
    median = record["percentiles_angstrom"][2]
    right.axvline(median, color=INK, lw=1.2)
    right.annotate(
        f"median {median:.2f} Å", (median, 0.97), xycoords=("data", "axes fraction"),
        xytext=(5, 0), textcoords="offset points", va="top", fontsize=8,
    )  # fmt: skip
    right.set(xlabel="local resolution [Å]", ylabel="voxels in the mask [%]")
    return figure


def _middle(volume: NDArray[np.float32]) -> slice:
    half, middle = density_half_width(volume), len(volume) // 2
    return slice(max(middle - half, 0), middle + half)


def _unit(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float64]:
    return np.clip((values.astype(np.float64) - low) / max(high - low, 1e-12), 0, 1)


def _bare(ax: Axes) -> None:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _scale_bar(ax: Axes, length: float, side: int) -> None:
    left, bottom = side * 0.05, side * 0.05
    ax.plot([left, left + length], [bottom, bottom], color=INK, lw=1.8)
    ax.text(left + length / 2, bottom * 1.5, "1 nm", ha="center", va="bottom", fontsize=8)
