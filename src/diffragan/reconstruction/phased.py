"""From phased waves to maps: one for each molecule of the data set."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from diffragan.electron import Electron
from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.phased import PhasedStore
from diffragan.io.provenance import provenance
from diffragan.io.triplets import StructureEntry
from diffragan.physics.forward import projected_potential_of
from diffragan.progress import track
from diffragan.reconstruction.reconstruct import Agreement, reconstruct_phased
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.views import Batch
from diffragan.rotations import matrix_from_quaternion
from diffragan.structures.atomic_model import AtomicModel

BATCH = 16


def reconstruct_store(
    phased: PhasedStore, molecules: Sequence[StructureEntry] | None, out: Path
) -> dict[str, Agreement]:
    """Insert the phased views of each molecule at their known orientations into a map.

    Parameters
    ----------
    phased : Phased waves.
    molecules : The true molecules, if known, to correlate the maps with.
    out : Folder of the maps; each molecule has one of its own below it where there are several.

    Returns
    -------
    Agreement of the halves and with the truth, by name of the molecule.

    Raises
    ------
    InputError : A molecule has a single view, which makes no halves.
    """
    experiment, grid = phased.experiment, phased.experiment.wave_grid
    owner = phased.read("structure")
    names = [str(entry["name"]) for entry in phased.store.attributes["structures"]]
    band_limit = min(experiment.corner_limit_per_angstrom, grid.nyquist_per_angstrom)
    present = [index for index in range(len(names)) if (owner == index).any()]
    for index in present:
        if (owner == index).sum() < 2:
            raise InputError(
                f"{phased.store.path}: has one view of '{names[index]}', and half maps need two or "
                "more; phase more views of it"
            )
    agreements = {}
    for index in present:
        items = [int(i) for i in (owner == index).nonzero()[0]]
        folder = out if len(present) == 1 else out / names[index]
        _, agreements[names[index]] = reconstruct_phased(
            _batches(phased, items, experiment.electron, names[index]),
            grid,
            folder,
            truth=None if molecules is None else _truth(molecules[index], grid),
            band_limit_per_angstrom=band_limit,
            provenance=provenance(
                "reconstruct",
                {"molecule": names[index], "views": len(items), "method": phased.method},
                None,
                {phased.store.path.name: phased.source_identity},
            ),
        )
    return agreements


def _batches(
    phased: PhasedStore, items: Sequence[int], electron: Electron, name: str
) -> Iterator[Batch]:
    starts = range(0, len(items), BATCH)
    for start in track(starts, len(starts), f"inserting {name}"):
        some = items[start : start + BATCH]
        waves = torch.from_numpy(phased.read("wave", some))
        rotations = torch.from_numpy(matrix_from_quaternion(phased.read("orientation", some)))
        shifts = torch.from_numpy(phased.read("shift", some))
        yield projected_potential_of(waves, electron), rotations, shifts


def _truth(molecule: StructureEntry, grid: Grid) -> torch.Tensor:
    model = AtomicModel(
        torch.from_numpy(molecule.positions), torch.from_numpy(molecule.atomic_numbers)
    )
    return true_potential_map(model, grid)
