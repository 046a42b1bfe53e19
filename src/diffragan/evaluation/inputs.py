"""What is judged: whether results belong to their data, what they are called, what they are of."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffragan.errors import InputError
from diffragan.evaluation.judging import Judged
from diffragan.io.observations import ObservationStore
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore


def check_source(data: ObservationStore, phased: PhasedStore) -> None:
    """Make sure that a phased store came from the data set it is to be judged by.

    Raises
    ------
    InputError : It did not, or names items that the data set does not have.
    """
    where, items = phased.store.path, phased.read("source_item")
    if phased.source_identity != data.identity:
        raise InputError(
            f"{where}: was phased from other data ({phased.source.name}) than {data.store.path}; "
            "evaluate it with the data set it was phased from"
        )
    if len(items) == 0 or items.min() < 0 or items.max() >= len(data):
        raise InputError(f"{where}: does not hold items of {data.store.path}; phase the data again")
    if len(np.unique(items)) != len(items):
        raise InputError(f"{where}: holds an item more than once; phase the data again")


def method_names(phased: Sequence[PhasedStore]) -> list[str]:
    """Name each store by its method, several of one method by their files; equals get a number."""
    names: list[str] = []
    for store in phased:
        others = {other.method for other in phased} - {store.method}
        same = [other for other in phased if other.method == store.method]
        told_apart = len({other.store.path.stem for other in same}) == len(same) > 1
        wanted = store.store.path.stem if told_apart else store.method
        name, number = wanted, 2
        while name in names or (told_apart and name in others):
            name, number = f"{wanted}-{number}", number + 1
        names.append(name)
    return names


def check_images(stores: Mapping[str, PhasedStore], found: Judged) -> None:
    """Make sure that a result has images.

    Raises
    ------
    InputError : Every image of a store is the same everywhere.
    """
    for name, store in stores.items():
        flat = found.methods[name].all().flat
        if bool(flat.all()):
            raise InputError(
                f"{store.store.path}: every image is the same everywhere; phase the data again"
            )


def describe_data(data: TripletStore, judged: Sequence[int]) -> dict[str, Any]:
    """Say what the judged views are of, and how they were measured."""
    experiment = data.experiment
    owner = data.read("structure", judged)
    entries = data.store.attributes["structures"]
    dose, snr = (data.read(n, judged) for n in ("low_resolution_dose", "low_resolution_snr"))
    return {
        "molecules": [
            {"name": entries[i]["name"], "mass_kda": entries[i]["mass_kda"]}
            for i in sorted({int(index) for index in owner})
        ],
        "views": len(judged),
        "preset": experiment.preset,
        "experiment": experiment.model_dump(mode="json"),
        "low_resolution_dose_e_per_a2": [float(dose.min()), float(dose.max())],
        "low_resolution_snr": [float(snr.min()), float(snr.max())],
        "identity": data.identity,
    }
