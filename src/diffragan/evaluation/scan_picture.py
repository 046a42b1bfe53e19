"""A first look at a scan: its mean pattern, and how much each position scatters."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from numpy.typing import NDArray

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.evaluation.style import RASTER_DPI, figure_style
from diffragan.io.files import atomic_path
from diffragan.io.scans.scan import Scan
from diffragan.io.scans.upright import upright, upright_shape
from diffragan.progress import progress_bar

BLOCK_FRAMES = 64
SAMPLE_FRAMES = 256
"""How many frames, spread over the scan, tell where the direct beam is."""
BEAM_SHARE = 0.05
"""Pixels whose mean is over this share of the brightest are of the direct beam."""
BEAM_ROOM, BEAM_ROOM_PIXELS = 2.0, 2.0
"""The beam wanders: what is left out reaches that many times farther, and by so many pixels."""
DARKEST_SHARE = 1e-7
"""Of the brightest pixel: darkest shade of the mean pattern."""
SHOWN_PERCENT = (1, 99)
"""Of the positions; single frames that outshine all others would hide them."""


@dataclass(frozen=True, slots=True)
class ScanLook:
    """What all frames of a scan show together."""

    mean: NDArray[np.float64]
    """`(q_y, q_x)`, upright: mean of all frames, in the values of the file."""
    scattered: NDArray[np.float64]
    """`(frame,)`: sum of each frame outside the direct beam."""
    beam: NDArray[np.bool_]
    """`(q_y, q_x)`: pixels of the direct beam."""


def look_at(scan: Scan, settings: ScanSettings) -> ScanLook:
    """Go through all frames once, a few at a time.

    Raises
    ------
    InputError : There is no frame, or some are damaged.
    """
    count = scan.available()
    if count == 0:
        raise InputError(f"{scan.info.path}: holds no whole frame to draw")
    sample = np.unique(np.linspace(0, count - 1, min(count, SAMPLE_FRAMES)).astype(int))
    mean = np.mean([_frames(scan, settings, n, n + 1)[0] for n in sample], axis=0)
    beam = _beam(mean)
    total = np.zeros(upright_shape(scan.info.frame_shape, settings))
    scattered = np.empty(count)
    with progress_bar(count, "reading frames") as bar:
        for first, last in _blocks(count):
            frames = _frames(scan, settings, first, last)
            total += frames.sum(axis=0, dtype=np.float64)
            scattered[first:last] = frames[:, ~beam].sum(axis=1, dtype=np.float64)
            bar.advance(last - first)
    return ScanLook(total / count, scattered, beam)


def draw_look(look: ScanLook, scan: Scan, settings: ScanSettings, out: Path) -> None:
    """Draw the mean pattern and the map of scattered intensity as a PNG."""
    with figure_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
        try:
            _draw_pattern(left, look, settings)
            _draw_map(right, look, scan.info.shape, settings)
            with atomic_path(out) as beside:
                figure.savefig(beside, format="png", dpi=RASTER_DPI, metadata={"Software": None})
        finally:
            plt.close(figure)


def _frames(scan: Scan, settings: ScanSettings, first: int, last: int) -> NDArray[np.float32]:
    """Read upright frames, without what is no number in them."""
    frames = upright(scan.read(first, last), settings).astype(np.float32)
    return np.nan_to_num(frames, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _beam(mean: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return a disc that holds the direct beam, by the brightest pixels of the mean pattern."""
    bright = np.argwhere(mean > BEAM_SHARE * mean.max())
    if not len(bright):
        return np.zeros(mean.shape, bool)
    centre = bright.mean(axis=0)
    radius = np.linalg.norm(bright - centre, axis=1).max()
    y, x = np.indices(mean.shape)
    distance = np.hypot(y - centre[0], x - centre[1])
    inside: NDArray[np.bool_] = distance <= BEAM_ROOM * radius + BEAM_ROOM_PIXELS
    return inside


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    for first in range(0, count, BLOCK_FRAMES):
        yield first, min(first + BLOCK_FRAMES, count)


def _draw_pattern(axes: Axes, look: ScanLook, settings: ScanSettings) -> None:
    angle = settings.angle_per_pixel_mrad
    scale, unit = (1.0, "px") if angle is None else (angle, "mrad")
    height, width = look.mean.shape
    # The edges of the pixels; pixel n // 2 is the middle, wherever the direct beam is.
    left, top = ((-(n // 2) - 0.5) * scale for n in (width, height))
    extent = (left, left + width * scale, top + height * scale, top)
    brightest = max(float(look.mean.max()), 1e-12)
    lit = look.mean[look.mean > DARKEST_SHARE * brightest]
    darkest = min(float(np.quantile(lit, 0.01)), brightest / 10) if len(lit) else brightest / 10
    picture = axes.imshow(
        np.maximum(look.mean, darkest),
        norm=LogNorm(darkest, brightest),
        cmap="magma",
        extent=extent,
    )
    axes.set(title="Mean of all frames", xlabel=f"q_x [{unit}]", ylabel=f"q_y [{unit}]")
    # Powers as plain numbers: the figures' style parses no formulas.
    axes.figure.colorbar(picture, ax=axes, label="value", format="{x:g}")


def _draw_map(
    axes: Axes, look: ScanLook, shape: tuple[int, int] | None, settings: ScanSettings
) -> None:
    title = "Sum outside the direct beam"
    if shape is None:
        axes.plot(look.scattered)
        axes.set(title=title, xlabel="frame", ylabel="value")
        return
    positions = np.full(shape[0] * shape[1], np.nan)
    positions[: len(look.scattered)] = look.scattered
    step = settings.step_angstrom
    scale, unit = (1.0, "positions") if step is None else (step / 10, "nm")
    half_x, half_y = (n * scale / 2 for n in (shape[1], shape[0]))
    darkest, brightest = np.percentile(look.scattered, SHOWN_PERCENT)
    picture = axes.imshow(
        positions.reshape(shape),
        cmap="viridis",
        extent=(-half_x, half_x, half_y, -half_y),
        vmin=darkest,
        vmax=brightest,
    )
    axes.set(title=title, xlabel=f"scan x [{unit}]", ylabel=f"scan y [{unit}]")
    axes.figure.colorbar(picture, ax=axes, label="value")
