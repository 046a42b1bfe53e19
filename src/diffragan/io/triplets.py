"""Simulated triplets in the store: what `simulate` writes and everything after it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffragan.config.experiment import Experiment
from diffragan.io.axes import positions
from diffragan.io.layout import Array, ArraySpec
from diffragan.io.observations import KIND as OBSERVATIONS
from diffragan.io.observations import ObservationStore, measured_specs
from diffragan.io.provenance import fingerprint
from diffragan.io.store import open_store

KIND = "triplets"


@dataclass(frozen=True, slots=True)
class StructureEntry:
    """One molecule of a data set, as it was before it was turned."""

    name: str
    mass_kda: float
    sha256: str
    positions: Array
    """`(atom, 3)` coordinates x, y, z [Å]."""
    atomic_numbers: Array
    """`(atom,)`."""


def triplet_specs(experiment: Experiment, items: int, atoms: int) -> dict[str, ArraySpec]:
    """Arrays of a data set of `items` triplets from molecules with `atoms` atoms in all."""
    image, wave = experiment.image_pixels, experiment.wave_pixels

    def per_item(
        shape: tuple[int, ...], dtype: str, axes: tuple[str, ...], unit: str, meaning: str
    ) -> ArraySpec:
        return ArraySpec((items, *shape), dtype, ("item", *axes), unit, meaning)

    return {
        **measured_specs(experiment, items),
        "high_resolution": per_item(
            (image, image), "float32", ("image_y", "image_x"), "1",
            "noise-free target image, intensity as a fraction of the incident beam's",
        ),
        "exit_wave": per_item(
            (wave, wave), "complex64", ("wave_y", "wave_x"), "1",
            "scattered wave psi - 1 at the molecule's mid-plane in units of the incident "
            "amplitude, band-limited to this grid",
        ),
        "orientation": per_item(
            (4,), "float64", ("xyzw",), "1", "unit quaternion that turns the molecule, p -> R p",
        ),
        "shift": per_item(
            (3,), "float64", ("xyz",), "angstrom",
            "added after turning: centres the bounding box in the box",
        ),
        "low_resolution_snr": per_item(
            (), "float64", (), "1", "signal over noise power of these counts in the preset's band",
        ),
        "atom_position": ArraySpec(
            (atoms, 3), "float64", ("atom", "xyz"), "angstrom",
            "the prepared molecules, before turning", per_item=False,
        ),
        "atom_number": ArraySpec(
            (atoms,), "int32", ("atom",), "1", "atomic numbers", per_item=False
        ),
        "atom_structure": ArraySpec(
            (atoms,), "int32", ("atom",), "1", "molecule each atom belongs to", per_item=False
        ),
        **positions("wave", wave, experiment.box_angstrom),
    }  # fmt: skip


def triplet_attributes(
    experiment: Experiment,
    structures: Sequence[StructureEntry],
    made_by: Mapping[str, Any],
    incident_electrons: float | None,
) -> dict[str, Any]:
    """Attributes of a data set: experiment, molecules, provenance, and an identity of them all.

    `incident_electrons` is the number of electrons behind each pattern; none where patterns are
    fractions of the beam.
    """
    content = {
        "experiment": experiment.model_dump(mode="json"),
        "sampling": {
            "pixels": experiment.simulation_grid.pixels,
            "slice_thickness_angstrom": experiment.slice_thickness_angstrom,
        },
        "incident_electrons": incident_electrons,
        "structures": [
            {"name": s.name, "mass_kda": s.mass_kda, "sha256": s.sha256} for s in structures
        ],
        "provenance": dict(made_by),
    }
    return {**content, "identity": fingerprint(content)}


def molecule_arrays(structures: Sequence[StructureEntry]) -> dict[str, Array]:
    """Arrays that hold the molecules themselves."""
    return {
        "atom_position": np.concatenate([s.positions for s in structures]),
        "atom_number": np.concatenate([s.atomic_numbers for s in structures]),
        "atom_structure": np.concatenate(
            [np.full(len(s.positions), i) for i, s in enumerate(structures)]
        ),
    }


class TripletStore(ObservationStore):
    """A complete data set of triplets: observations, and the truth behind them."""

    def __init__(self, path: Path) -> None:
        """Open `path`; see `open_store` for what can be wrong with it."""
        self._open(path, KIND)
        self._require(triplet_specs(self.experiment, 0, 0))

    def structures(self) -> list[StructureEntry]:
        """Molecules of the data set."""
        positions, numbers = self.read("atom_position"), self.read("atom_number")
        owner = self.read("atom_structure")
        return [
            StructureEntry(
                entry["name"],
                float(entry["mass_kda"]),
                entry["sha256"],
                positions[owner == index],
                numbers[owner == index],
            )
            for index, entry in enumerate(self.store.attributes["structures"])
        ]


def open_data(path: Path) -> ObservationStore:
    """Open a data set of either kind, simulated or measured.

    Raises
    ------
    InputError : It is neither.
    """
    if open_store(path).kind == OBSERVATIONS:
        return ObservationStore(path)
    return TripletStore(path)
