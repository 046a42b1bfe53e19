"""Patches of crystalline ice: a few small crystals over each other, hexagonal or cubic.

A crystal t thick changes the wave by exp(i sigma V), with V the sum over its reflections of
t V_g sinc(s_g t) exp(2 pi i g.x): kinematic, with the excitation error s_g of each.

Sources: K. Röttger et al., Acta Cryst. B50 (1994) 644 (cell of ice Ih near 100 K); H. König,
Z. Kristallogr. 105 (1943) 279 (cell of cubic ice); Kirkland, 3rd ed. (2020), ch. 5.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.config.scan_simulation import ScanSimulation
from diffragan.physics.form_factors import VOLT_ANGSTROM2_PER_ANGSTROM, electron_form_factor
from diffragan.rotations import matrix_from_quaternion, uniform_quaternion
from diffragan.simulation.scan.lattice import Lattice, around
from diffragan.structures.vitreous_ice import HYDROGEN, OXYGEN
from diffragan.typing import Complex, Float, Tensor

CRYSTALS = 5
"""Of each patch, over each other."""
HEXAGONAL_SHARE = 0.7
WEAKEST = 0.02
"""Reflections below that share of the strongest are left out."""
EDGE_ANGSTROM = 15.0
BOND_ANGSTROM = 1.0
"""Of oxygen and hydrogen, which lie on all four bonds with a chance of a half."""
FCC = ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))


@dataclass(frozen=True, slots=True)
class UnitCell:
    """A kind of ice."""

    vectors: NDArray[np.float64]
    """`(3, 3)`, a cell vector in each row [Å]."""
    oxygens: NDArray[np.float64]
    """`(n, 3)`, fractional."""


def hexagonal_ice() -> UnitCell:
    """Ice Ih, P6_3/mmc: spacings 3.90 (100), 3.66 (002), 3.44 (101), 2.67 (102), 2.25 (110) Å."""
    a, c, z = 4.497, 7.322, 0.0622
    vectors = np.array([[a, 0, 0], [-a / 2, a * 3**0.5 / 2, 0], [0, 0, c]])
    pairs = [
        (1 / 3, 2 / 3, z),
        (1 / 3, 2 / 3, 0.5 - z),
        (2 / 3, 1 / 3, -z),
        (2 / 3, 1 / 3, 0.5 + z),
    ]
    return UnitCell(vectors, np.array(pairs))


def cubic_ice() -> UnitCell:
    """Ice Ic, Fd-3m: spacings 3.67 (111), 2.25 (220), 1.92 (311) Å."""
    corners = np.array(FCC, dtype=float)
    return UnitCell(6.358 * np.eye(3), np.concatenate([corners, corners + 0.25]))


@dataclass(frozen=True, slots=True)
class IcePatch:
    """One patch: waves of its potential inside a soft disc, in the specimen's frame."""

    centre: NDArray[np.float64]
    """x, y [Å]."""
    radius_angstrom: float
    frequencies: NDArray[np.float64]
    """`(wave, 2)`, x and y [1/Å]."""
    strengths: NDArray[np.complex128]
    """`(wave,)`, phase shift by each [rad]."""

    def on(self, lattice: Lattice, highest_per_angstrom: float) -> "PatchOnLattice":
        """Sample it on a lattice that shows frequencies up to a highest; finer ones dim the wave.

        On a lattice each wave is a product of one along x and one along y.
        """
        y, x = around(lattice, self.centre, self.radius_angstrom + 4 * EDGE_ANGSTROM)
        away = torch.linalg.vector_norm(
            lattice.points(y, x) - torch.from_numpy(self.centre), dim=-1
        )
        weight = ((1 - torch.tanh((away - self.radius_angstrom) / EDGE_ANGSTROM)) / 2).float()
        shown = np.linalg.norm(self.frequencies, axis=1) <= highest_per_angstrom
        step = torch.from_numpy(2 * np.pi * self.frequencies[shown] @ lattice.matrix)
        begin = torch.from_numpy(2 * np.pi * self.frequencies[shown] @ lattice.shift)
        along_x = step[:, 0, None] * x + begin[:, None]
        along_y = step[:, 1, None] * y
        rows, columns = (
            torch.polar(torch.ones_like(t), t).to(torch.complex64) for t in (along_y, along_x)
        )
        strengths = torch.from_numpy(self.strengths[shown]).to(torch.complex64)
        phase = 1j * (rows.T @ (columns * strengths[:, None]))
        fine = float((np.abs(self.strengths[~shown]) ** 2).sum())
        return PatchOnLattice((int(y[0]), int(x[0])), phase * weight - fine / 2 * weight**2, weight)


@dataclass(frozen=True, slots=True)
class PatchOnLattice:
    """A patch on the pixels of a lattice."""

    first: tuple[int, int]
    """Pixel y, x of its first sample."""
    phase: Complex[Tensor, "y x"]
    """c, where the patch changes the wave by exp(c)."""
    weight: Float[Tensor, "y x"]
    """Share of the patch: 1 inside, 0 outside."""

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels along y and x."""
        return self.weight.shape[0], self.weight.shape[1]


def reflections(
    cell: UnitCell,
    matrix: NDArray[np.float64],
    thickness: float,
    highest: float,
    settings: ScanSimulation,
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Return the in-plane frequencies [1/Å] and strengths [rad] of a turned crystal's reflections.

    Parameters
    ----------
    matrix : `(3, 3)`, takes the crystal into the specimen's frame.
    thickness : Of the crystal along the beam [Å].
    highest : Frequency up to which reflections count [1/Å].
    """  # fmt: skip
    reciprocal = np.linalg.inv(cell.vectors).T
    most = int(np.ceil(highest * np.linalg.norm(cell.vectors, axis=1).max()))
    axis = np.arange(-most, most + 1)
    indices = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    g = indices @ reciprocal
    size = np.linalg.norm(g, axis=1)
    kept = (size > 0) & (size <= highest)
    indices, g, size = indices[kept], g[kept] @ matrix.T, size[kept]
    q = torch.from_numpy(size)
    water = electron_form_factor(OXYGEN, q).numpy()
    # Hydrogens lie anywhere on a sphere about their oxygen, on average.
    water = water + 2 * electron_form_factor(HYDROGEN, q).numpy() * np.sinc(
        2 * size * BOND_ANGSTROM
    )
    water = water * np.exp(-settings.field.b_factor_a2 * size**2 / 4)
    cells = np.exp(-2j * np.pi * indices @ cell.oxygens.T).sum(1)
    volume = abs(float(np.linalg.det(cell.vectors)))
    error = g[:, 2] + settings.electron.wavelength_angstrom * size**2 / 2
    sigma = settings.electron.interaction_rad_per_volt_angstrom
    projected = thickness * np.sinc(error * thickness) * VOLT_ANGSTROM2_PER_ANGSTROM / volume
    strengths = sigma * projected * water * cells
    strong = np.abs(strengths) > WEAKEST * max(np.abs(strengths).max(), 1e-12)
    return g[strong, :2], strengths[strong]


def make_patches(
    settings: ScanSimulation,
    scan_half: NDArray[np.float64],
    highest: float,
    generator: np.random.Generator,
) -> tuple[IcePatch, ...]:
    """Draw the field's patches of crystalline ice.

    Parameters
    ----------
    scan_half : Half the scanned width and height, along x and y [Å].
    highest : Frequency up to which reflections count [1/Å].
    """
    field, patches = settings.field, []
    for _ in range(field.ice_crystals):
        found = []
        for _ in range(CRYSTALS):
            cell = hexagonal_ice() if generator.uniform() < HEXAGONAL_SHARE else cubic_ice()
            matrix = matrix_from_quaternion(uniform_quaternion(generator))
            thickness = field.ice_crystal_thickness_angstrom / CRYSTALS
            g, strengths = reflections(cell, matrix, thickness, highest, settings)
            # Crystals begin anywhere, so their lattices have no common origin.
            shift = generator.uniform(0, 10, 2)
            found.append((g, strengths * np.exp(2j * np.pi * g @ shift)))
        patches.append(
            IcePatch(
                centre=generator.uniform(-0.9, 0.9, 2) * scan_half,
                radius_angstrom=field.ice_crystal_radius_angstrom * generator.uniform(0.6, 1.4),
                frequencies=np.concatenate([g for g, _ in found]),
                strengths=np.concatenate([strengths for _, strengths in found]),
            )
        )
    return tuple(patches)
