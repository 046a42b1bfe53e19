"""What a method is run again with: its own phaser, and views whose data are wrong for it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diffragan.errors import InputError
from diffragan.io.phased import PhasedStore
from diffragan.io.provenance import sha256_of
from diffragan.io.triplets import TripletStore
from diffragan.phasing.free_set import WithholdingPhaser, recorded_free_set
from diffragan.phasing.protocol import Phaser
from diffragan.phasing.registry import make_phaser
from diffragan.phasing.weights import packaged_weights
from diffragan.rotations import matrix_from_quaternion

ANOTHER_MOLECULE = "another molecule"
ANOTHER_ORIENTATION = "another orientation of the same molecule"


def wrong_items(data: TripletStore, items: Sequence[int]) -> tuple[list[int], str] | None:
    """Choose for each item one whose pattern is wrong for it, and say what it is of.

    A view of the next molecule; with one molecule only, the view whose beam is nearest to
    perpendicular. `None` when the data set has one item.
    """
    owner = data.read("structure")
    molecules = np.unique(owner)
    if len(molecules) > 1:
        of = {int(molecule): np.flatnonzero(owner == molecule) for molecule in molecules}
        following = dict(zip(of, [*list(of)[1:], next(iter(of))], strict=True))
        views = [of[following[int(owner[item])]] for item in items]
        return [int(v[i % len(v)]) for i, v in zip(items, views, strict=True)], ANOTHER_MOLECULE
    if len(owner) == 1:
        return None
    beams = matrix_from_quaternion(data.read("orientation"))[:, 2]
    along = np.abs(beams[list(items)] @ beams.T)
    # Were all views along one beam, any other would do, but never the item itself.
    along[range(len(items)), list(items)] = np.inf
    return [int(other) for other in along.argmin(1)], ANOTHER_ORIENTATION


def phaser_of(phased: PhasedStore, device: str = "cpu") -> Phaser:
    """Make the phaser again that made a store, from what the store recorded.

    Raises
    ------
    ConfigError : The method or one of its settings is not known.
    InputError : The store does not say how it was made, it was phased by a map of many views, or
        its weights are missing or changed.
    """
    recorded = phased.store.attributes.get("provenance", {}).get("settings", {})
    if "settings" not in recorded:
        raise InputError(f"{phased.store.path}: does not record the settings of its method")
    if recorded.get("map"):
        raise InputError(
            "its map was made of all patterns, so that those of some say nothing of it; phase "
            "extension has a control of its own, with the patterns of another molecule"
        )
    weights = Path(recorded["weights"]) if recorded.get("weights") else None
    folder = weights or packaged_weights()
    for name, digest in (recorded.get("weights_sha256") or {}).items():
        if not (folder / name).is_file() or sha256_of(folder / name) != digest:
            raise InputError(f"{folder}: the weights that {phased.store.path} names have changed")
    phaser = make_phaser(phased.method, recorded["settings"], weights, device)
    free = recorded_free_set(recorded)
    return phaser if free is None else WithholdingPhaser(phaser, free)
