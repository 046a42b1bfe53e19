"""The molecules of a field: where they lie, how they are turned, and their waves."""

from collections.abc import Sequence
from dataclasses import dataclass

import finufft
import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.config.numerics import ANTIALIAS_FRACTION, fast_even
from diffragan.config.scan_simulation import ScanSimulation
from diffragan.errors import InputError
from diffragan.fourier import resample
from diffragan.grid import Grid
from diffragan.physics.multislice import mid_plane_wave
from diffragan.simulation.orientations import Pose, largest_extent, posed, random_pose
from diffragan.simulation.scan.amorphous import ice_inner_rad_per_angstrom
from diffragan.simulation.scan.classes import CARBON_ANGSTROM
from diffragan.simulation.scan.geometry import Points, rotation
from diffragan.simulation.scan.lattice import Lattice, around, highest_frequency
from diffragan.simulation.scan.layers import Layers
from diffragan.simulation.scan.periodic import Periodic, periodic
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.prepared import PreparedStructure
from diffragan.structures.vitreous_ice import HYDROGEN
from diffragan.typing import Complex, Float, Tensor, Waves

MARGIN_ANGSTROM = 8.0
"""Of vacuum around a molecule in its box: the wave and the water it displaces fade there."""
PROTEIN_A3_PER_DA = 1.21
"""Volume of protein: Harpaz, Gerstein and Chothia, Structure 2 (1994) 641."""
DISPLACED_SIGMA_ANGSTROM = 1.6
"""How softly the displaced water ends, standard deviation along an axis [Å]."""
ICE_TO_SPARE_ANGSTROM = 10.0
"""By how much ice is thicker than a molecule that lies in it, at least."""
PAIR_DISTANCES = (0.3, 0.7)
"""Of the beam's diameter, between molecules that one beam hits together."""
TRIES = 500


@dataclass(frozen=True, slots=True)
class Placed:
    """One molecule in the field."""

    structure: int
    """Which of the structures it is."""
    place: NDArray[np.float64]
    """Its bounding box's middle, x and y in the frame of the nominal scan [Å]."""
    quaternion: NDArray[np.float64]
    """Takes the structure's file into the detector's frame: x, y, z, w."""
    shift: NDArray[np.float64]
    """Moves the turned structure to the middle of its box, in the detector's frame [Å]."""
    damaged: bool


@dataclass(frozen=True, slots=True)
class MoleculeWave:
    """What one molecule does to the wave around it, in the detector's frame about its middle."""

    scattered: Periodic
    """psi_s at the mid-plane against what would be there instead."""
    displaced: Periodic
    """Thickness of the ice that it displaces where there is any [Å]."""
    radius_angstrom: float
    """Of the circle that holds its atoms."""

    def on(self, lattice: Lattice, place: Points, scan_to_detector_deg: float) -> "OnLattice":
        """Sample it on a lattice, where it lies.

        Parameters
        ----------
        place : x, y [Å] of its middle.
        scan_to_detector_deg : Angle of the detector's frame.
        """
        half = self.scattered.box_angstrom / 2
        y, x = around(lattice, place, 2**0.5 * half)
        places = lattice.points(y, x).numpy() - place
        own = places @ rotation(scan_to_detector_deg)  # components R^-1 v
        inside = (np.abs(own) < half).all(-1)
        return OnLattice(
            (int(y[0]), int(x[0])),
            torch.from_numpy(np.where(inside, self.scattered.at(own), 0)),
            torch.from_numpy(np.where(inside, self.displaced.at(own).real, 0)).clamp(min=0),
        )

    def on_grid(self, pixels: int, box_angstrom: float) -> Waves:
        """Return `(y, x)`, psi_s on a grid of the detector's frame, band-limited to it."""
        fine = (np.arange(2 * pixels) - pixels) * box_angstrom / (2 * pixels)
        x, y = np.meshgrid(fine, fine)
        places = np.stack([x, y], -1)
        inside = (np.abs(places) < self.scattered.box_angstrom / 2).all(-1)
        values = torch.from_numpy(np.where(inside, self.scattered.at(places), 0))
        return resample(values, pixels)


@dataclass(frozen=True, slots=True)
class OnLattice:
    """A molecule on the pixels of a lattice."""

    first: tuple[int, int]
    """Pixel y, x of its first sample."""
    scattered: Complex[Tensor, "y x"]
    displaced: Float[Tensor, "y x"]

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels along y and x."""
        return self.displaced.shape[0], self.displaced.shape[1]


def place_molecules(
    settings: ScanSimulation,
    structures: Sequence[PreparedStructure],
    layers: Layers,
    scan_half: NDArray[np.float64],
    generator: np.random.Generator,
) -> list[Placed]:
    """Scatter molecules over the ice of the field, and a little beyond what is scanned.

    Raises
    ------
    InputError : The field has no room for them, or the ice is too thin for them.
    """
    field, diameter = settings.field, settings.beam.probe_diameter_angstrom or 0.0
    half = scan_half + field.margin_angstrom
    placed: list[Placed] = []
    for _ in range(field.molecules):
        structure = int(generator.integers(len(structures)))
        pose = random_pose(structures[structure].model, generator)
        thick = float(posed(structures[structure].model, pose).extent()[2])
        paired = bool(placed) and generator.uniform() < field.paired_fraction
        damaged = bool(generator.uniform() < field.damaged_fraction)
        anywhere = bool(generator.uniform() < field.on_carbon_fraction)
        for _ in range(TRIES):
            place = generator.uniform(-1, 1, 2) * half
            if paired:
                other = placed[int(generator.integers(len(placed)))].place
                away = generator.uniform(*PAIR_DISTANCES) * diameter
                place = other + away * rotation(generator.uniform(0, 360))[:, 0]
            ice, carbon = layers.at(torch.from_numpy(place)[None, None]).flatten().tolist()
            apart = paired or all(np.hypot(*(p.place - place)) > diameter for p in placed)
            bare = anywhere or carbon < CARBON_ANGSTROM
            held = field.is_dry or ice >= thick + ICE_TO_SPARE_ANGSTROM
            if held and apart and bare:
                break
        else:
            found = f"{len(placed)} of {field.molecules} molecules found a place"
            larger = "take fewer (field.molecules), a larger field (path.shape, path.step_angstrom)"
            if field.is_dry:
                raise InputError(f"{found}; {larger}")
            raise InputError(
                f"{found} in ice that is thick enough; {larger}, or thicker ice "
                "(field.ice_thickness_angstrom)"
            )
        placed.append(Placed(structure, place, pose.quaternion, pose.shift, damaged))
    return placed


def molecule_wave(
    one: Placed, structure: PreparedStructure, settings: ScanSimulation
) -> MoleculeWave:
    """Compute a molecule's mid-plane wave, in water that it displaces unless it is dry.

    The water around it is a mean: its own noise is the ice's. What it displaces is its volume,
    softened, of the ice's mean inner potential.
    """
    model = posed(structure.model, Pose(one.quaternion, one.shift))
    field = settings.field
    b_factor = field.damaged_b_factor_a2 if one.damaged else field.b_factor_a2
    model = AtomicModel(
        model.positions, model.atomic_numbers, torch.full_like(model.positions[:, 0], b_factor)
    )
    side = largest_extent(model) + 2 * MARGIN_ANGSTROM
    finest = 2 * highest_frequency(settings) / ANTIALIAS_FRACTION
    grid = Grid(fast_even(finest * side), side)
    wave = mid_plane_wave(model, grid, settings.electron, settings.slice_thickness_angstrom)
    displaced = _displaced_water(model, structure.mass_kda, grid)
    inner = 0.0 if field.is_dry else ice_inner_rad_per_angstrom(settings.electron)
    water = torch.from_numpy(displaced.at(_points(grid)).real)
    against = (1 + wave) * torch.polar(torch.ones_like(water), -inner * water) - 1
    radius = float(torch.linalg.vector_norm(model.positions[:, :2], dim=1).max())
    return MoleculeWave(periodic(against, side), displaced, radius)


def _points(grid: Grid) -> Points:
    axis = (np.arange(grid.pixels) - grid.pixels // 2) * grid.pixel_angstrom
    x, y = np.meshgrid(axis, axis)
    return np.stack([x, y], -1)


def _displaced_water(model: AtomicModel, mass_kda: float, grid: Grid) -> Periodic:
    """Return the thickness of displaced ice: the molecule's volume shared by its heavy atoms."""
    heavy = model.positions[model.atomic_numbers != HYDROGEN].double().numpy()
    volume = PROTEIN_A3_PER_DA * mass_kda * 1000 / len(heavy)
    x, y = np.ascontiguousarray((heavy[:, :2] * (2 * np.pi / grid.box_angstrom)).T)
    size = (grid.pixels, grid.pixels)
    sums = finufft.nufft2d1(
        y, x, np.ones(len(heavy), np.complex128), size, isign=-1, eps=1e-6, nthreads=1
    )
    q = (np.arange(grid.pixels) - grid.pixels // 2) / grid.box_angstrom
    soft = np.exp(-2 * (np.pi * DISPLACED_SIGMA_ANGSTROM) ** 2 * (q[:, None] ** 2 + q**2))
    return Periodic(sums * soft * volume / grid.box_angstrom**2, grid.box_angstrom)
