"""Figures of the beam: probe, sampling, convergence and energy losses."""

import numpy as np
import torch
from effects_drawing import (
    BLUE,
    GREY,
    ORANGE,
    Subject,
    draw_pattern,
    log_limits,
    pattern_of,
    radial,
    without_beam,
)
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from diffragan.config.beam import BeamSettings
from diffragan.electron import Electron
from diffragan.fourier import centred
from diffragan.grid import Grid
from diffragan.physics.illumination import probe_amplitude, probe_pattern
from diffragan.physics.potential import whole_potential

ZOOM_MRAD = 9.0


def draw_probe(figure: Figure, subject: Subject) -> None:
    where, rim, spot = figure.subplots(1, 3)
    grid = Grid(288, 240.0)
    beam = BeamSettings(
        probe_diameter_angstrom=160, probe_edge_angstrom=5, probe_offset_angstrom=(25, 10)
    )
    potential = centred(whole_potential(subject.standing, grid))
    picture = 0.55 * probe_amplitude(beam, grid) + potential / potential.max()
    half = grid.box_angstrom / 2
    extent = (-half, half, -half, half)
    where.imshow(picture, cmap="inferno", vmin=0, vmax=1.1, extent=extent, origin="lower")
    where.add_patch(Circle((25, 10), 80, fill=False, ls="--", color="white", lw=0.8))
    where.plot(25, 10, "+", color="white", ms=6)
    where.set(title="in the specimen", xlabel="x [Å]", ylabel="y [Å]", xticks=(-100, 0, 100))
    where.set_yticks((-100, 0, 100))

    line = Grid(600, 300.0)
    x = (np.arange(600) - 300) * line.pixel_angstrom
    for edge, colour in ((0.0, GREY), (5.0, BLUE), (10.0, ORANGE)):
        shape = BeamSettings(probe_diameter_angstrom=160, probe_edge_angstrom=edge)
        amplitude = probe_amplitude(shape, line)[300]
        rim.plot(x[x >= 0], amplitude[torch.from_numpy(x >= 0)], color=colour, label=f"{edge:g} Å")
    rim.set(title="its rim", xlabel="radius [Å]", ylabel="amplitude", xlim=(40, 150))
    rim.legend(title="probe_edge", loc="upper right")

    wide = Grid(256, 1600.0)
    electron = Electron(200.0)
    vacuum = torch.zeros(wide.pixels, wide.pixels, dtype=torch.complex64)
    for diameter, colour in ((100.0, ORANGE), (200.0, BLUE)):
        shape = BeamSettings(probe_diameter_angstrom=diameter, probe_edge_angstrom=5)
        pixels = 101
        row = probe_pattern(vacuum, wide, shape, pixels)[pixels // 2, pixels // 2 :]
        angle = np.arange(len(row)) * electron.angle_mrad(1 / wide.box_angstrom)
        spot.semilogy(angle, row / row[0], color=colour, label=f"{diameter:g} Å")
    spot.set(title="its direct beam", xlabel="angle [mrad]", ylabel="intensity over the middle's")
    spot.set(xlim=(0, 0.75), ylim=(1e-6, 300))
    spot.legend(title="probe_diameter", loc="upper right", ncols=2)


def draw_sampling(figure: Figure, subject: Subject) -> None:
    for ax, preset in zip(figure.subplots(1, 2), ("quick", "paper-fine"), strict=True):
        made, experiment = subject.triplet(preset)
        pattern = without_beam(pattern_of(made)) * experiment.box_angstrom**2
        # Per solid angle instead of per pixel, so that both have one scale.
        norm = log_limits(pattern)
        drawn = draw_pattern(
            ax, pattern, experiment, norm, half_mrad=ZOOM_MRAD, labelled=preset == "quick",
            title=f"box {experiment.box_angstrom:g} Å: pixels of "
            f"{experiment.pattern_spacing_mrad:.2f} mrad",
        )  # fmt: skip
    figure.colorbar(drawn, ax=figure.axes, shrink=0.85, label="fraction × box² [Å²]")


def draw_convergence(figure: Figure, subject: Subject) -> None:
    axes = figure.subplots(1, 3)
    norm = None
    for ax, alpha in zip(axes, (0.0, 0.1, 0.4), strict=True):
        made, experiment = subject.triplet(
            "paper-fine",
            beam={"probe_diameter_angstrom": 200.0, "convergence_mrad": alpha},
        )
        pattern = without_beam(pattern_of(made), 2.5)
        norm = norm or log_limits(pattern)
        length = experiment.beam.coherence_length_angstrom(experiment.electron)
        words = "one direction" if alpha == 0 else f"{alpha:g} mrad,\ncoherent over {length:.0f} Å"
        drawn = draw_pattern(
            ax, pattern, experiment, norm, half_mrad=ZOOM_MRAD, title=words, labelled=alpha == 0
        )
    figure.colorbar(drawn, ax=axes, shrink=0.8, label="fraction per pixel")


def draw_inelastic(figure: Figure, subject: Subject) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.35))
    factors = {"enabled": True}
    cases = {
        "elastic only": ({}, GREY, 4.0),
        "losses, energy filter": ({**factors, "energy_filter": True}, BLUE, 1.3),
        "losses, no filter": (factors, ORANGE, 1.3),
    }
    ice = {"ice_thickness_angstrom": 150.0, "thermal_motion": "none", "b_factor_a2": None}
    for name, (settings, colour, width) in cases.items():
        made, experiment = subject.triplet(
            "ice", specimen=ice, inelastic={"enabled": False, "energy_filter": False, **settings},
            detector={"exposure_e_per_a2": None, "point_spread_pixels": 0.0},
        )  # fmt: skip
        pattern = without_beam(pattern_of(made))
        right.semilogy(*radial(pattern, experiment), color=colour, label=name, lw=width)
        if name.endswith("no filter"):
            draw_pattern(
                left, pattern, experiment, log_limits(pattern), labelled=True,
                title="150 Å of ice, no filter",
            )  # fmt: skip
    right.set(xlabel="frequency [1/Å]", ylabel="mean fraction per pixel", xlim=(0, 0.8))
    right.set_title("rings of the pattern")
    right.legend()


HEIGHTS = {"probe": 2.6, "sampling": 3.5, "convergence": 2.7, "inelastic": 3.0}
DRAW = {
    "probe": draw_probe,
    "sampling": draw_sampling,
    "convergence": draw_convergence,
    "inelastic": draw_inelastic,
}
"""Name of each picture to the function that draws it; `HEIGHTS` has their heights [inches]."""
