"""Figures of the specimen: thermal motion, ice, preferred orientations and conformations."""

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
    radial,
    without_beam,
)
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from diffragan.config.specimen import OrientationSettings
from diffragan.fourier import centred
from diffragan.grid import Grid
from diffragan.physics.potential import whole_potential
from diffragan.rotations import matrix_from_quaternion
from diffragan.simulation.conformations import bent, draw_conformation
from diffragan.simulation.sampling import draw_orientation
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.normal_modes import normal_modes
from diffragan.structures.vitreous_ice import embed_in_ice

B_FACTOR = 20.0
ICE_ANGSTROM = 150.0


def draw_thermal_motion(figure: Figure, subject: Subject) -> None:
    curves, first, second = figure.subplots(1, 3, width_ratios=(1.25, 1, 1))
    cases = {
        "at rest": ({"thermal_motion": "none"}, GREY, None),
        "B-factors": ({"thermal_motion": "b_factors", "b_factor_a2": B_FACTOR}, BLUE, first),
        "frozen phonons": (
            {"thermal_motion": "frozen_phonons", "b_factor_a2": B_FACTOR}, ORANGE, second
        ),
    }  # fmt: skip
    norm = None
    for name, (specimen, colour, ax) in cases.items():
        pattern, experiment = subject.pattern(specimen=specimen)
        q, mean = radial(pattern, experiment)
        curves.semilogy(q, mean, color=colour, label=name)
        if norm is None:
            norm = log_limits(without_beam(pattern))
            curves.semilogy(
                q, mean * np.exp(-B_FACTOR * q**2 / 2), ":", color="black", lw=1.2, zorder=3,
                label="rest × exp(−B q²/2)",
            )  # fmt: skip
        if ax is not None:
            draw_pattern(
                ax, without_beam(pattern), experiment, norm, title=name, labelled=ax is first
            )
    curves.set(xlabel="frequency [1/Å]", ylabel="mean fraction per pixel", ylim=(1e-14, 1e-5))
    curves.legend()


def draw_ice(figure: Figure, subject: Subject) -> None:
    axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.15))
    experiments = []
    for thickness in (ICE_ANGSTROM, None):
        made, experiment = subject.triplet(
            "ice",
            specimen={"ice_thickness_angstrom": thickness, "thermal_motion": "none",
                      "b_factor_a2": None},
            inelastic={"enabled": False, "energy_filter": False},
            detector={"exposure_e_per_a2": None, "point_spread_pixels": 0.0},
        )  # fmt: skip
        experiments.append((without_beam(pattern_of(made)), experiment))
    (pattern, experiment), (bare, vacuum) = experiments
    generator = np.random.default_rng(SEED)
    specimen = embed_in_ice(subject.standing, experiment.box_angstrom, ICE_ANGSTROM, generator)
    near = specimen.positions[:, 2].abs() < 4
    slab = AtomicModel(specimen.positions[near], specimen.atomic_numbers[near])
    grid = Grid(160, experiment.box_angstrom)
    potential = centred(whole_potential(slab, grid))
    half = grid.box_angstrom / 2
    axes[0].imshow(
        potential, cmap="gray", extent=(-half, half, -half, half), origin="lower", vmin=0,
        vmax=float(np.percentile(potential, 99.8)),
    )  # fmt: skip
    axes[0].set(title="slice of 8 Å", xlabel="x [Å]", ylabel="y [Å]", yticks=(-40, 0, 40))
    draw_pattern(axes[1], pattern, experiment, log_limits(pattern), title="pattern", labelled=True)
    for resolution in (3.7, 2.1):
        angle = experiment.electron.angle_mrad(1 / resolution)
        axes[1].add_patch(Circle((0, 0), angle, fill=False, color="white", ls=":", lw=0.9))
        axes[1].text(
            0, angle + 0.7, f"{resolution:g} Å", color="white", ha="center", va="bottom",
            fontsize=7.5, bbox={"facecolor": "black", "alpha": 0.55, "lw": 0, "pad": 1},
        )  # fmt: skip
        axes[2].axvline(1 / resolution, ymax=0.74, color=GREY, ls=":", lw=0.9)
    axes[2].semilogy(*radial(pattern, experiment), color=BLUE, label="in 150 Å of ice")
    axes[2].semilogy(*radial(bare, vacuum), color=ORANGE, label="in vacuum")
    axes[2].set(title="rings", xlabel="frequency [1/Å]", ylabel="mean fraction per pixel")
    axes[2].set(xlim=(0, 0.8), ylim=(None, 1e-4))
    axes[2].legend()


def draw_orientations(figure: Figure, _subject: Subject) -> None:
    cases = {
        "uniform": OrientationSettings(),
        "80 % prefer one axis, from both sides": OrientationSettings(
            preferred_axis=(0.0, 0.0, 1.0), spread_degrees=15.0, preferring_fraction=0.8,
            both_sides=True,
        ),
    }  # fmt: skip
    for number, (title, settings) in enumerate(cases.items(), start=1):
        ax = figure.add_subplot(1, 2, number, projection="mollweide")
        generator = np.random.default_rng(SEED)
        beams = np.array(
            [matrix_from_quaternion(draw_orientation(settings, generator))[2] for _ in range(1078)]
        )
        longitude = np.arctan2(beams[:, 1], beams[:, 0])
        ax.scatter(
            longitude, np.arcsin(np.clip(beams[:, 2], -1, 1)), s=3, color=BLUE, alpha=0.6, lw=0
        )
        ax.set_title(title)
        ax.grid(color="#D5D9DF", lw=0.5)
        ax.set_xticklabels([])
        ax.set_yticks(np.deg2rad((-60, -30, 0, 30, 60)))


def draw_conformations(figure: Figure, subject: Subject) -> None:
    traces, motion, shares = figure.subplots(1, 3, width_ratios=(1, 1.1, 1))
    structure = subject.structure
    carbons = np.array(structure.alpha_carbons)
    modes = normal_modes(structure.model, carbons, 5, structure.name)
    generator = np.random.default_rng(SEED)
    for _ in range(12):
        moved = bent(structure.model, modes, 1.5, generator).positions[carbons]
        traces.plot(moved[:, 0], moved[:, 1], color=BLUE, lw=0.7, alpha=0.45)
    rest = structure.model.positions[carbons]
    traces.plot(rest[:, 0], rest[:, 1], color="black", lw=1.4)
    traces.set(title="bent by 1.5 Å rms", xlabel="x [Å]", ylabel="y [Å]", aspect="equal")

    residues = np.arange(1, len(carbons) + 1)
    for index, colour in zip(range(3), (ORANGE, BLUE, GREY), strict=True):
        size = np.linalg.norm(modes.directions[index, carbons], axis=1)
        motion.plot(residues, size, color=colour, label=f"{index + 1}", lw=1.2)
    motion.set(title="the softest modes", xlabel="residue", ylabel="displacement / rms")
    motion.set_ylim(0, 4)
    motion.legend(title="mode", ncols=3, loc="upper center", handlelength=1, columnspacing=0.8)

    populations = (0.6, 0.3, 0.1)
    drawn = [draw_conformation(populations, generator) for _ in range(1078)]
    shares.bar((1, 2, 3), np.bincount(drawn, minlength=3) / len(drawn), color=BLUE, width=0.6)
    for place, share in enumerate(populations, start=1):
        shares.plot((place - 0.4, place + 0.4), (share, share), color="black", lw=1.2)
    shares.set(title="drawn in 1,078 items", xlabel="conformation", ylabel="share")
    shares.set_xticks((1, 2, 3))


HEIGHTS = {"thermal-motion": 2.6, "ice": 2.6, "orientations": 2.2, "conformations": 2.6}
DRAW = {
    "thermal-motion": draw_thermal_motion,
    "ice": draw_ice,
    "orientations": draw_orientations,
    "conformations": draw_conformations,
}
"""Name of each picture to the function that draws it; `HEIGHTS` has their heights [inches]."""
