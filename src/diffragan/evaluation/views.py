"""Pictures and curves of some views, and the direction of all: what the page's gallery shows.

They are written beside `metrics.json`, so that the page can be made again without the stores.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffragan.alignment import align
from diffragan.evaluation.gallery import molecule_half_width
from diffragan.evaluation.metrics import image_frc, measured_limit
from diffragan.evaluation.view_pictures import (
    Grey,
    image_picture,
    pattern_picture,
    scale_bar_angstrom,
)
from diffragan.io.files import read_json, write_json
from diffragan.io.phased import PhasedStore
from diffragan.io.pictures import grey_webp
from diffragan.io.triplets import TripletStore
from diffragan.rotations import matrix_from_quaternion

FILE = "views.json"
MOST_VIEWS_OF_A_MOLECULE = 8
MOST_VIEWS = 112
"""14 molecules with 8 views each; of more molecules there are fewer views each."""
MOST_BYTES = 9_000_000
"""Of all pictures together, so that the page goes through a mail server."""
STEPS = ((256, 82), (256, 65), (224, 60), (192, 60), (160, 60), (128, 55), (96, 50), (64, 40))
"""Side [pixels] and quality of pictures; the first that fits is taken."""
SAMPLED_VIEWS = 8
"""Whose pictures are encoded to find that step."""
SAFETY = 1.05
"""What others may take more than the sample, on average."""
RING_CHOICES_ANGSTROM = (5.0, 2.0)
DIGITS = 4


@dataclass(frozen=True, slots=True)
class View:
    """One view: its pictures by name, and the curve of every method that phased it."""

    item: int
    molecule: int
    side_angstrom: float
    """Side of all pictures but the pattern's [Å]."""
    pictures: Mapping[str, Grey]
    frc: Mapping[str, Sequence[float]]


def write_views(
    data: TripletStore, phased: Sequence[PhasedStore], metrics: Mapping[str, Any], out: Path
) -> Path:
    """Write `views.json` into the folder `out`.

    Parameters
    ----------
    phased : The stores that `evaluate` judged, in the order of `metrics["methods"]`.
    metrics : What `evaluate` returned.
    """
    names = list(metrics["methods"])
    items = {name: [int(item) for item in metrics["methods"][name]["items"]] for name in names}
    judged = sorted({item for of_method in items.values() for item in of_method})
    owner = data.read("structure", judged)
    chosen = chosen_items(items, dict(zip(judged, owner.tolist(), strict=True)))
    views = [
        view
        for molecule, of_molecule in chosen.items()
        for view in views_of(data, dict(zip(names, phased, strict=True)), molecule, of_molecule)
    ]
    turned = matrix_from_quaternion(data.read("orientation", judged))
    box = data.experiment.box_angstrom
    limit = measured_limit(data.experiment)
    half_side = data.experiment.diffraction_pixels // 2 / box
    rings = [r for r in RING_CHOICES_ANGSTROM if r > 1 / half_side] + [limit.axis_angstrom]
    path = out / FILE
    write_json(
        path,
        {
            "items": judged,
            "molecule_of_item": owner,
            # The beam runs along z; R p = z gives its direction in the frame of the molecule.
            "beam_direction": np.round(turned[:, 2, :], DIGITS),
            "molecules": [entry["name"] for entry in data.store.attributes["structures"]],
            "frequency_per_angstrom": limit.frequency_per_angstrom,
            "rings": [{"angstrom": r, "radius": 1 / r / (2 * half_side)} for r in rings],
            "views": list(embedded(views)),
        },
    )
    return path


def read_views(folder: Path) -> dict[str, Any] | None:
    """Read `views.json`; an evaluation without it has none."""
    path = folder / FILE
    return dict(read_json(path)) if path.exists() else None


def chosen_items(
    items_of_methods: Mapping[str, Sequence[int]], molecule_of_item: Mapping[int, int]
) -> dict[int, list[int]]:
    """Choose views of every molecule, evenly among those that all methods phased.

    Where no view of a molecule is shared by all methods, any that one of them phased will do.
    """
    sets = [set(items) for items in items_of_methods.values()]
    shared, any_of = set.intersection(*sets), set.union(*sets)
    molecules = sorted({molecule_of_item[item] for item in any_of})
    kept = molecules[:: -(-len(molecules) // MOST_VIEWS)]
    most = min(MOST_VIEWS_OF_A_MOLECULE, MOST_VIEWS // len(kept))
    chosen = {}
    for molecule in kept:
        own = [item for item in sorted(any_of) if molecule_of_item[item] == molecule]
        pool = [item for item in own if item in shared] or own
        count = min(most, len(pool))
        chosen[molecule] = [pool[i * len(pool) // count] for i in range(count)]
    return chosen


def views_of(
    data: TripletStore, stores: Mapping[str, PhasedStore], molecule: int, items: Sequence[int]
) -> Iterator[View]:
    """Make pictures and curves of some views of one molecule."""
    rings = measured_limit(data.experiment).rings
    true = data.read("high_resolution", items)
    truth = torch.from_numpy(true)
    patterns, low = data.patterns(items), data.read("low_resolution", items)
    measured = data.read("measured").astype(bool)
    half = molecule_half_width(true.astype(np.float64))
    rows = {name: _rows(store) for name, store in stores.items()}
    for index, item in enumerate(items):
        pictures = {
            "diffraction": pattern_picture(patterns[index], measured),
            "low resolution": image_picture(low[index], half, 1),
        }
        frc = {}
        for name, store in stores.items():
            if item not in rows[name]:
                continue
            recovered = torch.from_numpy(store.read("image", [rows[name][item]]))
            # As it was judged: laid on its truth, where that needs a shift or a half turn.
            image = align(recovered, truth[[index]]).apply(recovered)
            pictures[f"method {name}"] = image_picture(image[0].numpy(), half, 0.1)
            curve = image_frc(image, truth[[index]], rings)[0]
            frc[name] = [round(float(value), DIGITS) for value in curve]
        pictures["truth"] = image_picture(true[index], half, 0.1)
        side = 2 * half * data.experiment.box_angstrom / true.shape[-1]
        yield View(item, molecule, side, pictures, frc)


def embedded(views: Sequence[View], most_bytes: int = MOST_BYTES) -> Iterator[dict[str, Any]]:
    """Encode views for the page, all pictures as large and as good as fit into `most_bytes`."""
    step = fitting_step(views, most_bytes)
    for view in views:
        files = _encoded(view, step)
        yield {
            "item": view.item,
            "molecule": view.molecule,
            "bar": {
                "angstrom": scale_bar_angstrom(view.side_angstrom),
                "share": scale_bar_angstrom(view.side_angstrom) / view.side_angstrom,
            },
            "pictures": {name: b64encode(file).decode() for name, file in files.items()},
            "frc": dict(view.frc),
        }


def fitting_step(views: Sequence[View], most_bytes: int) -> tuple[int, int]:
    """Choose side [pixels] and quality by the pictures of a few views, evenly chosen."""
    sample = views[:: max(1, len(views) // SAMPLED_VIEWS)]
    for step in STEPS:
        taken = sum(len(file) for view in sample for file in _encoded(view, step).values())
        if taken * len(views) / len(sample) * SAFETY <= most_bytes:
            return step
    return STEPS[-1]


def _encoded(view: View, step: tuple[int, int]) -> dict[str, bytes]:
    most_pixels, quality = step
    return {name: grey_webp(grey, quality, most_pixels) for name, grey in view.pictures.items()}


def _rows(store: PhasedStore) -> dict[int, int]:
    """Row of each item in a phased store."""
    return {int(item): row for row, item in enumerate(store.read("source_item"))}
