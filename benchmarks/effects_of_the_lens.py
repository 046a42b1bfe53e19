"""Figures of the lens: contrast transfer with its envelopes, and Thon rings with astigmatism."""

from typing import Any

import numpy as np
import torch
from effects_drawing import BLUE, GREY, ORANGE, SEED, Picture, Subject
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffragan.config.optics import OpticsSettings
from diffragan.electron import Electron
from diffragan.fourier import centred, fourier
from diffragan.grid import Grid
from diffragan.physics.forward import image
from diffragan.physics.multislice import mid_plane_wave
from diffragan.physics.optics import phase_contrast
from diffragan.structures.atomic_model import AtomicModel

ELECTRON = Electron(200.0)
LINE = Grid(1600, 800.0)
FILM = Grid(300, 150.0)
FILM_ATOMS, FILMS = 4000, 16
CARBON = 6


def _curves(ax: Axes, cases: dict[str, dict[str, Any]], title: str, legend: str) -> None:
    inside = LINE.axis_frequencies()[: LINE.pixels // 2]
    shown = inside <= 0.5
    for (name, settings), colour in zip(cases.items(), (GREY, BLUE, ORANGE), strict=False):
        optics = OpticsSettings(**settings)
        transfer = phase_contrast(optics, LINE, ELECTRON)[0, : len(inside)] / 2
        ax.plot(inside[shown], transfer[shown], color=colour, label=name, lw=1.2)
    ax.set(title=title, xlabel="frequency [1/Å]", xlim=(0, 0.5), ylim=(-1.05, 1.75))
    ax.set_yticks((-1, 0, 1))
    ax.legend(title=legend, loc="upper right", ncols=len(cases), columnspacing=0.8, handlelength=1)


def draw_envelopes(figure: Figure, _subject: Subject) -> None:
    cs, spread, convergence = figure.subplots(1, 3, sharey=True)
    base = {"defocus_angstrom": 1000.0}
    _curves(
        cs, {f"{mm:g} mm": {**base, "spherical_aberration_mm": mm} for mm in (0.0, 2.7)},
        "spherical aberration", "Cs",
    )  # fmt: skip
    _curves(
        spread, {f"{a:g} Å": {**base, "focal_spread_angstrom": a} for a in (0.0, 60.0)},
        "focal spread", "standard deviation",
    )  # fmt: skip
    far = {"defocus_angstrom": 3000.0}
    _curves(
        convergence, {f"{a:g} mrad": {**far, "convergence_mrad": a} for a in (0.0, 0.15)},
        "convergence, at 3,000 Å", "angle",
    )  # fmt: skip
    cs.set_ylabel("phase contrast, CTF")


def _thon_rings(optics: OpticsSettings) -> Picture:
    """Mean power of the images of films of carbon atoms at random places."""
    generator = np.random.default_rng(SEED)
    power = torch.zeros(FILM.pixels, FILM.pixels, dtype=torch.float64)
    for _ in range(FILMS):
        places = generator.uniform(-0.5, 0.5, (FILM_ATOMS, 3)) * [
            FILM.box_angstrom, FILM.box_angstrom, 20.0
        ]  # fmt: skip
        film = AtomicModel(torch.from_numpy(places).float(), torch.full((FILM_ATOMS,), CARBON))
        wave = mid_plane_wave(film, FILM, ELECTRON, 20.0)
        seen = image(wave, FILM, optics, ELECTRON)
        power += centred(fourier(seen - seen.mean()).abs() ** 2).double()
    return np.asarray(power.numpy() / FILMS)


def draw_astigmatism(figure: Figure, _subject: Subject) -> None:
    axes = figure.subplots(1, 3)
    cases: tuple[tuple[str, dict[str, float]], ...] = (
        ("none", {}),
        ("600 Å along 0°", {"astigmatism_angstrom": 600.0}),
        ("600 Å along 60°", {"astigmatism_angstrom": 600.0, "astigmatism_angle_deg": 60.0}),
    )
    edge, shown = FILM.nyquist_per_angstrom, 0.23
    for ax, (title, settings) in zip(axes, cases, strict=True):
        power = _thon_rings(OpticsSettings(defocus_angstrom=3000.0, **settings))
        ax.imshow(
            power**0.5, cmap="gray", extent=(-edge, edge, -edge, edge), origin="lower",
            vmin=0, vmax=float(np.percentile(power**0.5, 99.5)),
        )  # fmt: skip
        ax.set(title=title, xlabel="q_x [1/Å]", xlim=(-shown, shown), ylim=(-shown, shown))
        ax.set(xticks=(-0.2, 0, 0.2), yticks=(-0.2, 0, 0.2))
        ax.spines[:].set_visible(False)
    axes[0].set_ylabel("q_y [1/Å]")


HEIGHTS = {"lens-envelopes": 2.5, "lens-astigmatism": 2.7}
DRAW = {"lens-envelopes": draw_envelopes, "lens-astigmatism": draw_astigmatism}
"""Name of each picture to the function that draws it; `HEIGHTS` has their heights [inches]."""
