"""All views of one molecule: its patterns, its defocused images, and how it lies in each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from diffragan.errors import ConfigError, InputError, nearest
from diffragan.io.observations import Molecule, ObservationStore
from diffragan.io.triplets import StructureEntry, TripletStore, open_data
from diffragan.reconstruction.many_views.coarse_map import ImageBatch
from diffragan.reconstruction.many_views.patterns import PatternSet, patterns_of_store
from diffragan.simulation.orientations import largest_extent
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Float, Tensor

BATCH = 16
"""Images in memory at once."""

ReadImages = Callable[[Sequence[int]], tuple[Float[Tensor, "view y x"], Float[Tensor, " view"]]]
"""Reads the counts of numbered images, and their doses [e/Å2]."""


@dataclass(frozen=True, slots=True)
class Views:
    """Everything that was measured of one molecule."""

    name: str
    patterns: PatternSet
    """With the orientations; its pictures and patterns have the same numbers."""
    shifts_angstrom: Float[Tensor, "view 3"]
    """Where the molecule's origin appears in each image: x, y, z [Å]."""
    read_images: ReadImages
    mass_kda: float | None
    diameter_angstrom: float | None
    """Largest distance between two atoms [Å]; none where the atoms are not known."""
    model: AtomicModel | None
    """The true molecule of simulated data."""
    model_sha256: str | None
    store: ObservationStore
    structure: int
    """Which molecule of the store."""
    inputs: Mapping[str, str]
    """Name and identity of what they were read from."""
    in_place: bool = True
    """Whether the orientations are those of the data set, in the frame of its molecule."""

    @property
    def count(self) -> int:
        """Number of views, used or not."""
        return len(self.patterns.rotations)

    def images(self, patterns: PatternSet, size: int = BATCH) -> Iterator[ImageBatch]:
        """Read the images of the patterns in use, at their orientations."""
        for start in range(0, len(patterns), size):
            numbers = list(patterns.kept[start : start + size])
            counts, doses = self.read_images(numbers)
            yield ImageBatch(
                counts, doses, patterns.rotations[numbers], self.shifts_angstrom[numbers]
            )

    def placed(
        self, rotations: Float[Tensor, "view 3 3"], shifts_angstrom: Float[Tensor, "view axes"]
    ) -> "Views":
        """Return the views with other poses, in another frame."""
        shifts = torch.zeros(len(rotations), 3)
        shifts[:, : shifts_angstrom.shape[1]] = shifts_angstrom
        patterns = replace(self.patterns, rotations=rotations.float())
        return replace(self, patterns=patterns, shifts_angstrom=shifts, in_place=False)


def open_views(
    path: Path,
    limit_per_angstrom: float | None = None,
    molecule: str | None = None,
    first: int | None = None,
) -> list[Views]:
    """Open the views of a data set, one set for each molecule.

    Parameters
    ----------
    limit_per_angstrom : Highest frequency used; that of whole measured rings if left out [1/Å].
    molecule : Only this one.
    first : Only so many of the first views of each.

    Raises
    ------
    InputError, ConfigError : It is no data set, has no such molecule, or ends before the limit.
    """
    store = open_data(path)
    end = store.experiment.corner_limit_per_angstrom
    if limit_per_angstrom is not None and limit_per_angstrom > end:
        raise ConfigError(
            f"--limit-per-angstrom is {limit_per_angstrom:g}, and the patterns of {path} end at "
            f"{end:.3g} 1/Å; use less"
        )
    entries: Sequence[Molecule | StructureEntry] = (
        store.structures() if isinstance(store, TripletStore) else store.molecules()
    )
    owner = store.read("structure")
    if molecule is not None and molecule not in [entry.name for entry in entries]:
        known = nearest(molecule, [entry.name for entry in entries])
        raise ConfigError(f"{path}: has no molecule '{molecule}'; {known}")
    found = [
        _of_molecule(store, entry, number, limit_per_angstrom, first)
        for number, entry in enumerate(entries)
        if molecule in (None, entry.name) and (owner == number).any()
    ]
    if not found:
        raise InputError(f"{path}: holds no views; simulate them again")
    return found


def _of_molecule(
    store: ObservationStore,
    entry: Molecule | StructureEntry,
    structure: int,
    limit_per_angstrom: float | None,
    first: int | None,
) -> Views:
    items = np.flatnonzero(store.read("structure") == structure).tolist()
    patterns = patterns_of_store(store, limit_per_angstrom, structure)
    patterns = replace(patterns, name=entry.name).only(patterns.kept[:first])

    def read(numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        chosen = [items[number] for number in numbers]
        counts = store.read("low_resolution", chosen).astype("float32")
        doses = store.read("low_resolution_dose", chosen)
        return torch.from_numpy(counts), torch.from_numpy(doses)

    model, sha256, shifts = None, None, torch.zeros(len(items), 3)
    if isinstance(entry, StructureEntry):
        positions, numbers = map(torch.from_numpy, (entry.positions, entry.atomic_numbers))
        model, sha256 = AtomicModel(positions, numbers), entry.sha256
    if store.knows_poses:
        shifts = torch.from_numpy(store.read("shift", items)).float()
    return Views(
        entry.name,
        patterns,
        shifts,
        read,
        entry.mass_kda,
        None if model is None else largest_extent(model),
        model,
        sha256,
        store,
        structure,
        {store.store.path.name: store.identity},
    )
