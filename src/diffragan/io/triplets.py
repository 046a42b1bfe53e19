"""Simulated triplets in the store: what `simulate` writes and everything after it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffragan.config.experiment import Experiment
from diffragan.io.provenance import fingerprint
from diffragan.io.store import Array, ArraySpec, Store, open_store

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
    side, image, wave = (
        experiment.diffraction_pixels,
        experiment.image_pixels,
        experiment.wave_pixels,
    )

    def per_item(
        shape: tuple[int, ...], dtype: str, axes: tuple[str, ...], unit: str, meaning: str
    ) -> ArraySpec:
        return ArraySpec((items, *shape), dtype, ("item", *axes), unit, meaning)

    yx = ("y", "x")
    return {
        "diffraction": per_item(
            (side, side), "float32", ("q_y", "q_x"), "fraction of the incident beam per pixel",
            "far-field intensity, zero frequency at pixel n // 2, noise-free",
        ),
        "low_resolution": per_item(
            (image, image), "uint32", yx, "electrons", "counts of the defocused image",
        ),
        "high_resolution": per_item(
            (image, image), "float32", yx, "fraction of the incident beam",
            "noise-free target image",
        ),
        "exit_wave": per_item(
            (wave, wave), "complex64", yx, "incident amplitude",
            "scattered wave psi - 1 at the molecule's mid-plane, band-limited to this grid",
        ),
        "orientation": per_item(
            (4,), "float64", ("xyzw",), "1", "unit quaternion that turns the molecule, p -> R p",
        ),
        "shift": per_item(
            (3,), "float64", ("xyz",), "angstrom",
            "added after turning: centres the bounding box in the box",
        ),
        "structure": per_item((), "int32", (), "1", "index into the attribute 'structures'"),
        "low_resolution_dose": per_item(
            (), "float64", (), "e/angstrom^2", "dose of the low-resolution image",
        ),
        "low_resolution_snr": per_item(
            (), "float64", (), "1", "signal over noise power of these counts in the preset's band",
        ),
        "measured": ArraySpec(
            (side, side), "bool", ("q_y", "q_x"), "1",
            "where the pattern was measured: false on the direct beam", per_item=False,
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
    }  # fmt: skip


def triplet_attributes(
    experiment: Experiment, structures: Sequence[StructureEntry], made_by: Mapping[str, Any]
) -> dict[str, Any]:
    """Attributes of a data set: experiment, molecules, provenance, and an identity of them all."""
    content = {
        "experiment": experiment.model_dump(mode="json"),
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


class TripletStore:
    """A complete data set of triplets."""

    def __init__(self, path: Path) -> None:
        """Open `path`; see `open_store` for what can be wrong with it."""
        self.store: Store = open_store(path, KIND)
        self.experiment = self.store.experiment()
        self.store.require(
            ("identity", "structures", "provenance"), triplet_specs(self.experiment, 0, 0)
        )

    @property
    def identity(self) -> str:
        """Hash of the settings, seed and inputs that made these data."""
        return str(self.store.attributes["identity"])

    def __len__(self) -> int:
        """Return the number of items."""
        return self.store.describe("structure").shape[0]

    def read(self, name: str, items: Sequence[int] | None = None) -> Array:
        """Read an array or some of its items."""
        return self.store.read(name, items)

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
