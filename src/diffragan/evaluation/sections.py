"""Sections of a reconstructed map and its shell correlations."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.evaluation.curves import angstrom_axis
from diffragan.evaluation.style import INK, MUTED
from diffragan.io.mrc import read_mrc

HALF_MAPS_COLOUR = "#0072B2"
TRUTH_COLOUR = "#D55E00"
VISIBLE_SHARE = 0.12
BAR_ANGSTROM = 10.0
NEEDED = ("frequency_per_angstrom", "fsc_half_maps")


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """A map with its correlations, as `reconstruct` wrote them."""

    name: str
    volume: NDArray[np.float32]
    """`(z, y, x)`, origin at voxel n // 2."""
    pixel_angstrom: float
    fsc: dict[str, Any]

    @property
    def words(self) -> str:
        """Say how fine the map is."""
        views = self.fsc.get("views")
        parts = [f"from {views} views" if views else "from phased views"]
        parts.append("halves agree (FSC 0.143) to " + self._angstrom("0p143"))
        if self.fsc.get("fsc_truth"):
            parts.append("map and true potential (FSC 0.5) to " + self._angstrom("truth_0p5"))
        return ", ".join(parts)

    def _angstrom(self, which: str) -> str:
        value = self.fsc.get(f"resolution_fsc_{which}_angstrom")
        return f"{value:.2f} Å" if value else "the end of the data"

    @property
    def caption(self) -> str:
        """Caption of the figure."""
        return (
            f"Central sections of the map '{self.name}', and its Fourier shell correlations. Half "
            "maps share a method, so its systematic errors count as agreement; only the curve "
            "against the truth tells them."
        )

    @property
    def alt(self) -> str:
        """Text in place of the figure."""
        return f"Three central sections of the map {self.name} and its FSC curves: {self.words}."


def read_reconstruction(folder: Path) -> Reconstruction:
    """Read `map.mrc` and `fsc.json` of a folder.

    Raises
    ------
    InputError : One of them is missing or damaged.
    """
    try:
        fsc = json.loads((folder / "fsc.json").read_text(encoding="utf-8"))
        curves = [fsc[key] for key in NEEDED]
        if fsc.get("fsc_truth"):
            curves.append(fsc["fsc_truth"])
        lengths = {len(np.asarray(curve, dtype=float)) for curve in curves}
    except OSError:
        raise InputError(
            f"{folder}: holds no fsc.json; name a folder that `diffragan reconstruct` wrote"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{folder / 'fsc.json'}: damaged; reconstruct again") from None
    if len(lengths) != 1:
        raise InputError(f"{folder / 'fsc.json'}: its curves differ in length; reconstruct again")
    volume, pixel, kind = read_mrc(folder / "map.mrc")
    if kind != "volume" or len(set(volume.shape)) != 1:
        size = " x ".join(map(str, volume.shape))
        raise InputError(f"{folder / 'map.mrc'}: a {kind} of {size}; a cubic map is needed")
    return Reconstruction(folder.resolve().name, volume, pixel, fsc)


def draw_reconstruction(found: Reconstruction) -> Figure:
    """Draw three central sections and the correlation curves."""
    figure = Figure(figsize=(9.2, 2.7), layout="constrained")
    *panels, curves = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.25])
    middle = found.volume.shape[0] // 2
    half = _half_width(found.volume)
    part = slice(max(middle - half, 0), middle + half)
    low, high = np.percentile(found.volume[part, part, part], [2, 99.9])
    sections = {
        "x, y": found.volume[middle, part, part],
        "x, z": found.volume[part, middle, part],
        "y, z": found.volume[part, part, middle],
    }
    for ax, (plane, section) in zip(panels, sections.items(), strict=True):
        ax.imshow(section, cmap="gray_r", origin="lower", vmin=low, vmax=high)
        ax.set_title(f"section {plane}")
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
    _scale_bar(panels[0], BAR_ANGSTROM / found.pixel_angstrom, 2 * half)
    _correlations(curves, found.fsc)
    return figure


def _half_width(volume: NDArray[np.float32]) -> int:
    """Half the side of the central cube [voxels] that holds the density."""
    size = volume.shape[0]
    seen = np.argwhere(volume > VISIBLE_SHARE * volume.max())
    if len(seen) == 0:  # of waves that are zero
        return int(size // 2)
    reach = np.percentile(np.abs(seen - size // 2).max(axis=1), 99)
    return int(min(size // 2, max(reach * 1.15, np.ceil(reach) + 1, size // 8)))


def _scale_bar(ax: Axes, length: float, side: int) -> None:
    left, bottom = side * 0.05, side * 0.05
    ax.plot([left, left + length], [bottom, bottom], color=INK, lw=1.6)
    ax.text(left + length / 2, bottom * 1.4, "1 nm", ha="center", va="bottom", fontsize=7)


def _correlations(ax: Axes, fsc: dict[str, Any]) -> None:
    frequency = np.asarray(fsc["frequency_per_angstrom"], dtype=float)
    ax.plot(frequency[1:], fsc["fsc_half_maps"][1:], color=HALF_MAPS_COLOUR, label="half maps")
    ax.axhline(0.143, color=HALF_MAPS_COLOUR, lw=0.7, ls=":")
    if fsc.get("fsc_truth"):
        ax.plot(frequency[1:], fsc["fsc_truth"][1:], color=TRUTH_COLOUR, label="map and truth")
        ax.axhline(0.5, color=TRUTH_COLOUR, lw=0.7, ls=":")
    ax.axhline(0, color=MUTED, lw=0.5)
    ax.set_ylim(-0.1, 1.05)
    ax.set_xlim(0, frequency[-1])
    ax.set_xlabel("spatial frequency [1/Å]")
    ax.set_ylabel("FSC")
    ax.legend(loc="best", fontsize=7)
    angstrom_axis(ax, float(frequency[-1]))
