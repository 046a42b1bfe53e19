"""Figures of a calibration: background by rings, the detector's pixels, the wandering beam."""

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse as EllipsePatch
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from diffragan.acquisition.calibration.detector_calibration import DetectorCalibration
from diffragan.acquisition.calibration.ring_spacings import KNOWN
from diffragan.electron import Electron
from diffragan.evaluation.curves import angstrom_axis
from diffragan.evaluation.figures import Drawn, save
from diffragan.evaluation.ingest.folder import IngestFolder
from diffragan.evaluation.ingest.scan_maps import maps_of
from diffragan.evaluation.style import FAINT, INK, MUTED, figure_style
from diffragan.io.files import output_folder

FAULTS = {
    "dead": "#1F2328",
    "hot": "#D55E00",
    "noisy": "#CC79A7",
    "saturated": "#E0C400",
    "beam_stop": "#56B4E9",
    "gaps": "#0072B2",
}
EXAGGERATED = 10
"""Times that an ellipse is drawn less round than it is, so that it can be seen."""
RING_SHARE = 0.8
"""Of half the detector's side, where it is drawn."""
SPOT_POINTS = 2.4
"""Size of a faulty pixel: true to scale it would not be seen."""
MOST_POINTS = 20_000
ERRORS = 2
LINES = 7


def draw_calibration_figures(found: IngestFolder) -> list[Drawn]:
    """Draw all figures into the folder's `figures`."""
    folder, calibration = output_folder(found.place / "figures"), found.calibration
    faults = found.record["calibration"]["pixels_not_measured"]
    spoilt = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in faults.items())
    with figure_style():
        return [
            save(
                draw_background(found),
                folder / "background",
                f"Electrons of a pixel in a frame without a molecule, by rings about the direct "
                f"beam: the mean of {calibration.background.frames:,} frames and a band of "
                f"{ERRORS} standard errors. Dotted: halos of vitreous ice; below: rings of "
                "crystalline ice. Grey: where a frame's thickness is measured.",
                "A curve of electrons against spatial frequency.",
            ),
            save(
                draw_detector(calibration),
                folder / "detector",
                f"Pixels that are not measured, drawn larger than they are ({spoilt}), and the "
                f"shape of rings, {EXAGGERATED} times less round than it is: longest over "
                f"shortest diameter {calibration.ellipse.words()}.",
                "A map of the detector with its faulty pixels and an ellipse.",
            ),
            save(
                draw_drift(found),
                folder / "drift",
                "Where the direct beam hits the detector: points are frames, coloured from the "
                "first of the scan to the last; lines are rows and columns of the smooth surface "
                f"that was fitted. Found by {calibration.centring.by}.",
                "Points of row against column on the detector.",
            ),
            save(
                draw_maps(found),
                folder / "frame_maps",
                "Over the scan: what frames show, the share of electrons that is scattered, the "
                "phase shift of the likeliest molecule, and where the direct beam is.",
                "Maps of the scan.",
            ),
        ]


def draw_background(found: IngestFolder) -> Figure:
    """Draw the background's profile with its error, and where ice has rings."""
    background = found.calibration.background
    profile, error = (v.double().numpy() for v in (background.profile, background.error))
    energy, mrad = found.settings.scan.energy_kev, found.calibration.mrad_per_pixel
    known = profile > 0
    rings = np.arange(len(profile))
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    ax = figure.add_subplot()
    scale = 1.0
    if energy is not None and mrad is not None:
        scale = Electron(energy).frequency_per_angstrom(mrad)
    q, low, high = rings * scale, profile - ERRORS * error, profile + ERRORS * error
    floor = float(profile[known].min(initial=1.0)) / 3
    ax.fill_between(q, np.maximum(low, floor), high, where=known, color="#0072B2", alpha=0.22, lw=0)
    ax.plot(q[known], profile[known], color="#0072B2", lw=1.4)
    first, last = background.scaled_on
    ax.axvspan(first * scale, (last - 1) * scale, color=FAINT, alpha=0.45, lw=0, zorder=0)
    end = float(q[known].max(initial=scale))
    top = float(profile[known].max(initial=1.0))
    ax.set(yscale="log", ylim=(floor, 2 * top), xlim=(0, end), ylabel="electrons of a pixel")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    if scale == 1.0:
        ax.set_xlabel("radius [pixels]")
        return figure
    for spacing in KNOWN["vitreous-ice"].spacings_angstrom:
        if 1 / spacing < end:
            ax.axvline(1 / spacing, color=MUTED, lw=0.9, ls=":")
    ticks = [1 / d for d in KNOWN["ice"].spacings_angstrom if 1 / d < end]
    ax.plot(
        ticks,
        [0.02] * len(ticks),
        "|",
        color=INK,
        ms=7,
        mew=1.0,
        transform=ax.get_xaxis_transform(),
    )
    ax.set_xlabel("spatial frequency [1/Å]")
    angstrom_axis(ax, end)
    return figure


def draw_detector(calibration: DetectorCalibration) -> Figure:
    """Draw the pixels that are not measured, and the exaggerated ellipse."""
    rows, columns = calibration.frame_shape
    figure = Figure(figsize=(4.6, 3.9), layout="compressed")
    ax = figure.add_subplot()
    picture = np.ones((rows, columns, 3))
    legend = []
    for name, colour in FAULTS.items():
        mask = getattr(calibration.faults, name).cpu().numpy()
        if not mask.any():
            continue
        legend.append(Patch(color=colour, label=name.replace("_", " ")))
        if name in ("beam_stop", "gaps", "saturated"):
            picture[mask] = to_rgb(colour)
        else:
            y, x = np.nonzero(mask)
            ax.plot(x, y, "s", color=colour, ms=SPOT_POINTS, mew=0)
    ax.imshow(picture, origin="lower", interpolation="nearest")
    centre = calibration.centring.smooth.at(np.arange(np.prod(calibration.centring.smooth.shape)))
    row, column = centre[0].mean(0)
    ax.plot(column, row, "+", color=INK, ms=8, mew=1.2)
    side = RING_SHARE * min(rows, columns)
    ax.add_patch(EllipsePatch((column, row), side, side, fill=False, color=MUTED, lw=0.8, ls=":"))
    stretch = calibration.ellipse.ratio ** (EXAGGERATED / 2)
    ax.add_patch(
        EllipsePatch(
            (column, row), side * stretch, side / stretch, angle=calibration.ellipse.angle_deg,
            fill=False, color="#009E73", lw=1.3,
        )
    )  # fmt: skip
    ax.set(xlabel="column [pixels]", ylabel="row [pixels]", xlim=(-0.5, columns - 0.5))
    ax.set_ylim(-0.5, rows - 0.5)
    ax.spines[:].set_visible(True)
    if legend:
        figure.legend(handles=legend, loc="outside right upper")
    return figure


def draw_drift(found: IngestFolder) -> Figure:
    """Draw where the direct beam hits the detector in every frame, and the fitted surface."""
    centre, (rows, columns) = found.frames.centre, found.shape
    surface, _ = found.calibration.centring.smooth.at(np.arange(rows * columns))
    grid = surface.reshape(rows, columns, 2)
    chosen = np.arange(len(centre))[:: -(-len(centre) // MOST_POINTS)]
    figure = Figure(figsize=(4.6, 3.9), layout="constrained")
    ax = figure.add_subplot()
    points = ax.scatter(
        centre[chosen, 1], centre[chosen, 0], c=chosen, s=4, lw=0, alpha=0.6, cmap="viridis",
        rasterized=True,
    )  # fmt: skip
    for line in (*_some(grid), *_some(grid.swapaxes(0, 1))):
        ax.plot(line[:, 1], line[:, 0], color=INK, lw=0.5, alpha=0.7)
    for axis, place in ((0, "y"), (1, "x")):
        low, high = np.percentile(centre[:, axis], [0.5, 99.5])
        room = 0.15 * (high - low) + 0.05
        # Single strays would leave no room for the rest.
        getattr(ax, f"set_{place}lim")(low - room, high + room)
    ax.set_aspect("equal", adjustable="box")
    ax.set(xlabel="column [pixels]", ylabel="row [pixels]")
    figure.colorbar(points, ax=ax, label="frame", shrink=0.85)
    return figure


def draw_maps(found: IngestFolder) -> Figure:
    """Draw the maps of the scan, row 0 below, for where scripts do not run."""
    maps, shape = maps_of(found.frames), found.shape
    figure = Figure(figsize=(7.2, 7.2 * 0.36 * 2), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    for ax, one in zip(panels, maps, strict=False):
        picture = one.colours(shape[0] * shape[1]).reshape(*shape, 3)
        ax.imshow(picture, origin="lower", interpolation="nearest")
        low, high = one.limits()
        words = one.name if one.kinds else f"{one.name}\n{low:.3g} to {high:.3g} {one.unit}"
        ax.set_title(words, fontsize=8)
        ax.set(xticks=[], yticks=[])
    kinds = [k for at, k in enumerate(maps[0].kinds) if (found.frames.of_class == at).any()]
    panels[-1].axis("off")
    panels[-1].legend(
        handles=[Patch(color=colour, label=name) for name, colour in kinds], loc="center"
    )
    return figure


def _some(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return some lines of a grid, evenly, the outer ones among them."""
    chosen = np.unique(np.linspace(0, len(grid) - 1, LINES).round().astype(int))
    return np.asarray(grid[chosen])
