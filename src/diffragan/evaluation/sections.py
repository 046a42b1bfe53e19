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
    """A map with its correlations, as `reconstruct` wrote them; none for another's map."""

    name: str
    volume: NDArray[np.float32]
    """`(z, y, x)`, origin at voxel n // 2."""
    pixel_angstrom: float
    fsc: dict[str, Any]
    place: Path | None = None
    """Where it was read from."""

    @property
    def words(self) -> str:
        """Say how fine the map is."""
        if not self.fsc:
            side = len(self.volume)
            return (
                f"{side} x {side} x {side} voxels of {self.pixel_angstrom:.3g} Å; no shell "
                "correlations came with it, so its resolution is not known here"
            )
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
        if not self.fsc:
            return f"Central sections of the map '{self.name}'."
        return (
            f"Central sections of the map '{self.name}', and its Fourier shell correlations. Half "
            "maps share a method, so its systematic errors count as agreement; only the curve "
            "against the truth tells them."
        )

    @property
    def alt(self) -> str:
        """Text in place of the figure."""
        drawn = "three central sections" + (" and FSC curves" if self.fsc else "")
        return f"The map {self.name}, {drawn}: {self.words}."


def read_reconstruction(place: Path) -> Reconstruction:
    """Read `map.mrc` and `fsc.json` of a folder, or one map of any program.

    A single file has its correlations from `fsc.json` beside it, if it is the `map.mrc` of
    `reconstruct`; otherwise it has none.

    Raises
    ------
    InputError : One of them is missing or damaged, or the map is no cube.
    """
    if place.is_dir():
        return _read(place, place / "map.mrc", place.resolve().name, _read_fsc(place))
    ours = place.name == "map.mrc" and (place.parent / "fsc.json").exists()
    fsc = _read_fsc(place.parent) if ours else {}
    return _read(place, place, place.resolve().parent.name if ours else place.stem, fsc)


def _read_fsc(folder: Path) -> dict[str, Any]:
    try:
        fsc: dict[str, Any] = json.loads((folder / "fsc.json").read_text(encoding="utf-8"))
        curves = [fsc[key] for key in NEEDED]
        if fsc.get("fsc_truth"):
            curves.append(fsc["fsc_truth"])
        lengths = {len(np.asarray(curve, dtype=float)) for curve in curves}
    except OSError:
        raise InputError(
            f"{folder}: holds no fsc.json; name a folder that `diffragan reconstruct` wrote, "
            "or an MRC file"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{folder / 'fsc.json'}: damaged; reconstruct again") from None
    if len(lengths) != 1:
        raise InputError(f"{folder / 'fsc.json'}: its curves differ in length; reconstruct again")
    return fsc


def _read(place: Path, path: Path, name: str, fsc: dict[str, Any]) -> Reconstruction:
    volume, pixel, kind = read_mrc(path)
    if kind != "volume" or len(set(volume.shape)) != 1:
        size = " x ".join(map(str, volume.shape))
        raise InputError(f"{path}: a {kind} of {size}; a cubic map is needed")
    return Reconstruction(name, volume, pixel, fsc, place)


def draw_reconstruction(found: Reconstruction) -> Figure:
    """Draw three central sections and the correlation curves."""
    figure = Figure(figsize=(9.2 if found.fsc else 6.8, 2.7), layout="constrained")
    panels = (
        list(figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.25]))
        if found.fsc
        else list(figure.subplots(1, 3))
    )
    middle = found.volume.shape[0] // 2
    half = density_half_width(found.volume)
    part = slice(max(middle - half, 0), middle + half)
    low, high = np.percentile(found.volume[part, part, part], [2, 99.9])
    sections = {
        "x, y": found.volume[middle, part, part],
        "x, z": found.volume[part, middle, part],
        "y, z": found.volume[part, part, middle],
    }
    for ax, (plane, section) in zip(panels, sections.items(), strict=False):
        ax.imshow(section, cmap="gray_r", origin="lower", vmin=low, vmax=high)
        ax.set_title(f"section {plane}")
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
    _scale_bar(panels[0], BAR_ANGSTROM / found.pixel_angstrom, 2 * half)
    if found.fsc:
        _correlations(panels[-1], found.fsc)
    return figure


def density_half_width(volume: NDArray[np.float32]) -> int:
    """Find half the side of the central cube [voxels] that holds the density."""
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
