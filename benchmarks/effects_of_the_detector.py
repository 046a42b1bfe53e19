"""Figures of the detector: counting, point spread, defects and read noise."""

import numpy as np
from effects_drawing import (
    BLUE,
    GREY,
    ORANGE,
    SEED,
    Subject,
    draw_pattern,
    log_limits,
    pattern_of,
    without_beam,
)
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from diffragan.simulation.triplet import layout

ZOOM_MRAD = 9.0
WHOLE_MRAD = 20.0


def draw_counting(figure: Figure, subject: Subject) -> None:
    axes = figure.subplots(1, 4)
    for ax, exposure in zip(axes, (None, 1e6, 1e4, 100.0), strict=True):
        pattern, experiment = subject.pattern(detector={"exposure_e_per_a2": exposure})
        shown = without_beam(pattern)
        if exposure is None:
            norm, title = log_limits(shown), "noise-free"
        else:
            peak = float(np.nanpercentile(shown, 99.9))
            norm = LogNorm(0.8, max(peak, 6.0))
            total = np.nansum(shown)
            title = f"{exposure:,.0f} e/Å²\n{total:,.0f} electrons"
        draw_pattern(ax, shown, experiment, norm, title=title, labelled=exposure is None)


def draw_point_spread(figure: Figure, subject: Subject) -> None:
    axes = figure.subplots(1, 3)
    norm = None
    for ax, sigma in zip(axes, (0.0, 0.5, 1.0), strict=True):
        pattern, experiment = subject.pattern(detector={"point_spread_pixels": sigma})
        shown = without_beam(pattern)
        norm = norm or log_limits(shown)
        drawn = draw_pattern(
            ax, shown, experiment, norm, half_mrad=ZOOM_MRAD, labelled=sigma == 0,
            title=f"{sigma:g} pixel{'s' * (sigma == 0)}",
        )  # fmt: skip
    figure.colorbar(drawn, ax=axes, shrink=0.8, label="fraction per pixel")


def draw_defects(figure: Figure, subject: Subject) -> None:
    left, right = figure.subplots(1, 2)
    broken = {
        "modules": (3, 3),
        "gap_pixels": 2,
        "beam_stop_mrad": 1.6,
        "beam_stop_arm_mrad": 0.9,
        "dead_pixel_fraction": 0.01,
        "hot_pixel_fraction": 0.003,
        "hot_pixel_counts": 200.0,
    }
    norm = LogNorm(0.8, 300.0)
    for ax, detector in ((left, {}), (right, broken)):
        made, experiment = subject.triplet(detector={"exposure_e_per_a2": 1e5, **detector})
        measured = layout(experiment, SEED).measured.numpy()
        shown = np.where(measured, without_beam(pattern_of(made)), np.nan)
        drawn = draw_pattern(
            ax, shown, experiment, norm, half_mrad=WHOLE_MRAD, labelled=ax is left,
            title="ideal" if ax is left else "stop, gaps, dead and hot pixels",
        )  # fmt: skip
    figure.colorbar(drawn, ax=[left, right], shrink=0.85, label="electrons per pixel")


def draw_read_noise(figure: Figure, subject: Subject) -> None:
    axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.15))
    histogram = axes[2]
    for ax, (noise, colour) in zip(axes, ((0.0, GREY), (0.5, ORANGE)), strict=False):
        pattern, experiment = subject.pattern(
            detector={"exposure_e_per_a2": 2e4, "read_noise_electrons": noise}
        )
        shown = without_beam(pattern)
        draw_pattern(
            ax, shown, experiment, Normalize(0, 12), labelled=noise == 0,
            title=f"{noise:g} electrons",
        )  # fmt: skip
        values = shown[np.isfinite(shown)]
        histogram.hist(
            values, np.arange(-2.05, 6.15, 0.1), histtype="stepfilled" if noise else "step",
            color=colour if noise else BLUE, alpha=0.6 if noise else 1, label=f"{noise:g}",
        )  # fmt: skip
    histogram.set(xlabel="electrons in a pixel", ylabel="pixels", yscale="log", xlim=(-2, 6))
    histogram.set_title("all pixels")
    histogram.set_ylim(0.8, 3e6)
    histogram.legend(title="read noise", loc="upper right", ncols=2)


HEIGHTS = {"counting": 2.4, "point-spread": 2.7, "defects": 3.5, "read-noise": 2.6}
DRAW = {
    "counting": draw_counting,
    "point-spread": draw_point_spread,
    "defects": draw_defects,
    "read-noise": draw_read_noise,
}
"""Name of each picture to the function that draws it; `HEIGHTS` has their heights [inches]."""
