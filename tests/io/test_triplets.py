from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffragan.config.load import load_experiment
from diffragan.errors import InputError
from diffragan.io.layout import CHECKSUM, ArraySpec
from diffragan.io.store_writer import StoreWriter, write_item
from diffragan.io.triplets import (
    KIND,
    StructureEntry,
    TripletStore,
    molecule_arrays,
    triplet_attributes,
    triplet_specs,
)
from diffragan.structures.prepared import PreparedStructure

EXPERIMENT = load_experiment("quick")


def entry(name: str, atoms: int) -> StructureEntry:
    positions = np.arange(3.0 * atoms).reshape(atoms, 3)
    return StructureEntry(name, 1.5, "ab" * 32, positions, np.full(atoms, 6))


def test_a_data_set_holds_what_its_description_says(villin_data: Path) -> None:
    data = TripletStore(villin_data)
    specs = triplet_specs(data.experiment, len(data), 582)
    assert len(data) == 8
    assert data.store.array_names() == sorted([*specs, CHECKSUM])
    for name, spec in specs.items():
        found = data.store.describe(name)
        assert (found.shape, found.dtype, found.axes) == (spec.shape, spec.dtype, spec.axes)
        assert (found.unit, found.meaning) == (spec.unit, spec.meaning)


def test_a_data_set_knows_its_molecule(villin_data: Path, villin: PreparedStructure) -> None:
    (found,) = TripletStore(villin_data).structures()
    assert (found.name, found.mass_kda, found.sha256) == (
        villin.name,
        villin.mass_kda,
        villin.sha256,
    )
    np.testing.assert_allclose(found.positions, villin.model.positions.numpy(), atol=1e-6)
    np.testing.assert_array_equal(found.atomic_numbers, villin.model.atomic_numbers.numpy())


def test_several_molecules_are_kept_apart() -> None:
    first, second = entry("a", 3), entry("b", 2)
    arrays = molecule_arrays([first, second])
    np.testing.assert_array_equal(arrays["atom_structure"], [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(arrays["atom_position"][3:], second.positions)


def test_the_identity_is_that_of_settings_inputs_and_seed() -> None:
    def identity(snr: float, name: str, seed: int) -> str:
        experiment = load_experiment("quick", overrides={"low_resolution": {"snr": snr}})
        return str(
            triplet_attributes(experiment, [entry(name, 1)], {"seed": seed}, None)["identity"]
        )

    reference = identity(0.8, "a", 0)
    assert identity(0.8, "a", 0) == reference
    assert (
        len({reference, identity(0.9, "a", 0), identity(0.8, "b", 0), identity(0.8, "a", 1)}) == 4
    )


def test_axes_are_in_the_box_and_centred(villin_data: Path) -> None:
    data = TripletStore(villin_data)
    grid, q = data.read("image_x"), data.read("q_y")
    image, side = data.experiment.image_pixels, data.experiment.diffraction_pixels
    assert grid[image // 2] == q[side // 2] == 0
    assert np.ptp(grid) * image / (image - 1) == pytest.approx(data.experiment.box_angstrom)
    assert q[-1] == pytest.approx(data.experiment.axis_limit_per_angstrom)


def zeros(path: Path, specs: dict[str, ArraySpec], attributes: dict[str, Any]) -> Path:
    """Write a store of one item that is all zeros."""
    with StoreWriter(path, KIND, specs, attributes) as writer:
        counted = {name: spec for name, spec in specs.items() if spec.per_item}
        write_item(writer.partial, 0, {n: np.zeros(s.item_shape) for n, s in counted.items()})
        writer.mark(0)
        writer.finish()
    return path


def test_a_store_with_an_array_too_few_is_refused(tmp_path: Path) -> None:
    specs = triplet_specs(EXPERIMENT, 1, 1)
    del specs["shift"]
    attributes = triplet_attributes(EXPERIMENT, [entry("a", 1)], {}, None)
    zeros(tmp_path / "data.zarr", specs, attributes)
    with pytest.raises(InputError, match="the array 'shift' is missing"):
        TripletStore(tmp_path / "data.zarr")


def test_a_store_of_another_experiment_is_refused(tmp_path: Path) -> None:
    attributes = triplet_attributes(EXPERIMENT, [entry("a", 1)], {}, None)
    attributes["experiment"]["box_angstrom"] = -70
    specs = triplet_specs(EXPERIMENT, 1, 1)
    zeros(tmp_path / "data.zarr", specs, attributes)
    with pytest.raises(InputError, match="'experiment' is damaged; make the data set again"):
        TripletStore(tmp_path / "data.zarr")
