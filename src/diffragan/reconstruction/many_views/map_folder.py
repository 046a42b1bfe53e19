"""Maps to phase views by, and how the views show them, from a folder that `reconstruct` wrote."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.files import read_json
from diffragan.io.mrc import read_mrc
from diffragan.io.observations import Molecule, ObservationStore
from diffragan.io.star import read_particles
from diffragan.reconstruction.many_views.phaser import KnownMap, KnownViews
from diffragan.reconstruction.many_views.supports import (
    PROTEIN_ANGSTROM3_PER_DALTON,
    densest,
    widened,
)
from diffragan.reconstruction.measured import IN_PLACE
from diffragan.reconstruction.particle_files import STAR
from diffragan.rotations import matrix_from_quaternion
from diffragan.typing import Bool, Float, Tensor, Volume

MAP, MASK, RECORD = "map.mrc", "mask.mrc", "fsc.json"
SIGMA_OVER_RESOLUTION = 0.75
SMALLEST_SIGMA_ANGSTROM = 1.5
"""Smoothing of a map before its densest part is taken: as wide as the gaps between its atoms."""
ROOM_ANGSTROM = 3.0
"""Kept around the support of a map; what lies farther out is noise, and costs time."""


@dataclass(frozen=True, slots=True)
class MapFolder:
    """One map on disk."""

    path: Path
    record: Mapping[str, Any]
    """Its `fsc.json`."""

    def known_map(self, mass_kda: float | None) -> KnownMap:
        """Read the map, cut to the molecule.

        Parameters
        ----------
        mass_kda : Of the molecule; what the map was made with when left out [kDa].

        Raises
        ------
        InputError : A file cannot be read, or the molecule does not fit the map's box.
        """
        centred, grid = _read_volume(self.path / MAP)
        volume = torch.fft.ifftshift(centred)
        limit = self.limit_per_angstrom(grid)
        inside = volume
        if (self.path / MASK).is_file():
            mask, its_grid = _read_volume(self.path / MASK)
            if its_grid.pixels != grid.pixels:
                raise InputError(
                    f"{self.path / MASK}: has {its_grid.pixels} voxels a side and the map "
                    f"{grid.pixels}; remove it, or make the map again"
                )
            inside = volume * torch.fft.ifftshift(mask)
        sigma = max(SMALLEST_SIGMA_ANGSTROM, SIGMA_OVER_RESOLUTION / limit)
        mass = mass_kda or self.record.get("mass_kda")
        if mass is None:
            raise InputError(
                f"{self.path}: neither the map nor the data set says the molecule's mass; make the "
                "map by --method phase-extension, or `ingest` with observations.mass_kda"
            )
        molecule = float(mass) * 1e3 * PROTEIN_ANGSTROM3_PER_DALTON
        support = widened(densest(inside, molecule, sigma, grid), sigma, grid)
        # What a map has outside the molecule is its error.
        return _cut(KnownMap(torch.where(support, volume, 0.0), support, grid, limit))

    def limit_per_angstrom(self, grid: Grid) -> float:
        """Frequency to which the map is worth something [1/Å].

        Where its halves part; where they never do, the end of its data.
        """
        ends = [grid.nyquist_per_angstrom]
        if limit := self.record.get("limit_per_angstrom"):
            ends.append(float(limit))
        if resolution := self.record.get("resolution_fsc_0p143_angstrom"):
            ends.append(1 / float(resolution))
        return min(ends)

    def poses(
        self, data: ObservationStore, items: list[int]
    ) -> tuple[Float[Tensor, "view 3 3"], Float[Tensor, "view 3"]]:
        """Find how views of a data set show the map.

        A map at known orientations lies where the molecule of the data set does, and its views as
        they do. Any other map has a frame of its own, which its table of particles tells: the one
        numbered n in its stack is view n of the molecule.

        Parameters
        ----------
        items : The molecule's views, in order.

        Raises
        ------
        InputError : Nothing tells how they show it, or not of every view.
        """
        if self.record.get("poses") in IN_PLACE and data.knows_poses:
            rotations = matrix_from_quaternion(data.read("orientation", items))
            return _tensor(rotations), _tensor(data.read("shift", items))
        star = self.path / STAR
        if not star.is_file():
            raise InputError(
                f"{self.path}: neither {RECORD} nor a {STAR} says how the map lies in the views; "
                "name a folder that `diffragan reconstruct` wrote"
            )
        particles = read_particles(star)
        if particles.rotations is None:
            raise InputError(f"{star}: has no orientations; reconstruct the map again")
        row_of = {int(number): row for row, number in enumerate(particles.indices)}
        lost = next((number for number in range(len(items)) if number not in row_of), None)
        if lost is not None:
            raise InputError(
                f"{star}: has no orientation of view {lost} of the {len(items)} views in "
                f"{data.store.path.name}; make the map of all of them"
            )
        rows = [row_of[number] for number in range(len(items))]
        shifts = np.zeros((len(rows), 3))
        if particles.origins_angstrom is not None:
            # RELION's origin is the shift that centres the image: ours, undone.
            shifts[:, :2] = -particles.origins_angstrom[rows]
        return _tensor(particles.rotations[rows]), _tensor(shifts)


def map_files(folder: Path, data: ObservationStore) -> tuple[Path, ...]:
    """Name the map of each molecule of a data set.

    Raises
    ------
    InputError : One is missing.
    """
    return tuple(place.path / MAP for place in _folders(folder, data.molecules()))


def read_known(
    folder: Path, data: ObservationStore
) -> tuple[Callable[[int], KnownMap], KnownViews]:
    """Find the map of every molecule of a data set, and how its views show them.

    Returns
    -------
    What reads the map of a molecule by its number, and the views.

    Raises
    ------
    InputError : A map is missing or damaged, or nothing tells how the views show it.
    """
    molecules, owner = data.molecules(), data.read("structure")
    folders = _folders(folder, molecules)
    count = len(owner)
    rotations, shifts = torch.zeros(count, 3, 3), torch.zeros(count, 3)
    for number, place in enumerate(folders):
        items = [int(item) for item in np.flatnonzero(owner == number)]
        if items:
            rotations[items], shifts[items] = place.poses(data, items)

    def read_map(number: int) -> KnownMap:
        return folders[number].known_map(molecules[number].mass_kda)

    views = KnownViews(torch.from_numpy(owner).long(), rotations, shifts)
    return read_map, views


def _folders(folder: Path, molecules: list[Molecule]) -> list[MapFolder]:
    """Find the folder of each molecule: the one named, or those in it by the molecules' names."""
    if not folder.is_dir():
        raise InputError(
            f"{folder}: there is no such folder; make one with `diffragan reconstruct`"
        )
    if (folder / MAP).is_file():
        if len(molecules) > 1:
            raise InputError(
                f"{folder}: holds one map, and the data set {len(molecules)} molecules; name a "
                "folder with a map of each"
            )
        return [_open(folder)]
    lost = next((m.name for m in molecules if not (folder / m.name / MAP).is_file()), None)
    if lost is not None:
        raise InputError(
            f"{folder}: holds no {MAP} of {lost}; name a folder that `diffragan reconstruct` wrote"
        )
    return [_open(folder / molecule.name) for molecule in molecules]


def _open(folder: Path) -> MapFolder:
    path = folder / RECORD
    record = read_json(path) if path.is_file() else {}
    if not isinstance(record, dict):
        raise InputError(f"{path}: is not what `diffragan reconstruct` wrote; make the map again")
    return MapFolder(folder, record)


def _read_volume(path: Path) -> tuple[Volume, Grid]:
    values, pixel, kind = read_mrc(path)
    if kind != "volume" or len(set(values.shape)) > 1:
        raise InputError(f"{path}: is no cube of voxels; name the folder of a map")
    return torch.from_numpy(values), Grid(len(values), len(values) * pixel)


def _cut(known: KnownMap) -> KnownMap:
    """Cut a map to the cube around the origin that holds its support."""
    grid, side = known.grid, known.grid.pixels
    axis = torch.fft.fftfreq(side, 1 / side).abs()
    reach = float(axis[torch.nonzero(known.support)].max())
    half = ceil(reach + ROOM_ANGSTROM / grid.pixel_angstrom)
    if 2 * half >= side:
        return known

    def middle(volume: Tensor) -> Tensor:
        whole: Tensor = torch.fft.fftshift(volume)
        kept = slice(side // 2 - half, side // 2 + half)
        cut: Tensor = torch.fft.ifftshift(whole[kept, kept, kept])
        return cut

    support: Bool[Tensor, "z y x"] = middle(known.support)
    smaller = Grid(2 * half, 2 * half * grid.pixel_angstrom)
    return KnownMap(middle(known.volume), support, smaller, known.limit_per_angstrom)


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).float()
