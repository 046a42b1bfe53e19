"""Slight changes of a view's input: moved, turned about the beam, counted again, fewer electrons.

The molecule is changed and its data are made again, so that pattern and images stay those of one
molecule.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from diffragan.alignment import translate
from diffragan.config.experiment import Experiment
from diffragan.evaluation.paper.judged import Numbers
from diffragan.evaluation.paper.turning import turn_images
from diffragan.fourier import resize_centred
from diffragan.io.triplets import StructureEntry, TripletStore
from diffragan.physics.multislice import mid_plane_wave
from diffragan.rotations import matrix_from_quaternion
from diffragan.simulation.orientations import largest_extent
from diffragan.simulation.triplet import Specimen, Triplet, expose, set_up
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Images, Waves

Kind = Literal["counts", "shift", "turn", "dose"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the input."""

    kind: Kind
    amount: float
    """Shift [Å], turn about the beam [degrees], or share of the dose that is left."""


UNCHANGED = Change("counts", 0.0)
COUNTED_AGAIN = Change("counts", 1.0)
CHANGES = (
    COUNTED_AGAIN,
    *(Change("shift", angstrom) for angstrom in (0.5, 1.0, 2.0, 4.0)),
    *(Change("turn", degrees) for degrees in (1.0, 3.0, 10.0)),
    *(Change("dose", share) for share in (0.5, 0.25)),
)


@dataclass(frozen=True, slots=True)
class View:
    """A molecule as it stands in the beam, and where a shift would move it."""

    model: AtomicModel
    experiment: Experiment
    direction: Numbers
    """Unit vector across the beam, `(3,)`."""
    seeds: tuple[int, int]
    """Of the counts."""


def view_of(data: TripletStore, item: int, entry: StructureEntry, seed: int) -> View:
    """Set up a view of a data set; the direction of its shifts is random."""
    turn = matrix_from_quaternion(data.read("orientation", [item])[0])
    places = entry.positions @ turn.T + data.read("shift", [item])[0]
    numbers = torch.from_numpy(entry.atomic_numbers).long()
    angle = np.random.default_rng([seed, item]).uniform(0, 2 * np.pi)
    return View(
        AtomicModel(torch.from_numpy(places).float(), numbers),
        data.experiment,
        np.array([np.cos(angle), np.sin(angle), 0.0]),
        (seed, item),
    )


@torch.no_grad()
def changed_inputs(view: View, changes: Sequence[Change]) -> list[Triplet]:
    """Make the data of a view under each change; its wave is computed once, and for each turn."""
    # Whatever is random about the specimen stays as it is.
    specimen = set_up(view.model, view.experiment, np.random.default_rng(view.seeds))
    at_rest = _waves(specimen, view)
    dose = _exposed(at_rest, specimen, view, UNCHANGED, None).low_resolution_dose_e_per_a2
    made = []
    for change in changes:
        waves = at_rest
        if change.kind == "turn":
            turned = tuple(_turned(m, change.amount) for m in specimen.configurations)
            waves = _waves(replace(specimen, configurations=turned), view)
        elif change.kind == "shift":
            share = _share(view, change.amount)
            waves = [translate(wave[None], share)[0] for wave in at_rest]
        made.append(_exposed(waves, specimen, view, change, dose))
    return made


def taken_back(images: Images, view: View, change: Change) -> Images:
    """Move or turn images `(item, y, x)` back to where they were before a change."""
    if change.kind == "turn":
        return turn_images(images, -change.amount)
    if change.kind == "shift":
        share = _share(view, -change.amount)
        return translate(images, share.expand(len(images), 2))
    return images


def _waves(specimen: Specimen, view: View) -> list[Waves]:
    """Mid-plane waves of a specimen in the whole box."""
    experiment = view.experiment
    part = experiment.grid_for(largest_extent(view.model))
    thickness = experiment.slice_thickness_angstrom
    return [
        resize_centred(
            mid_plane_wave(model, part, experiment.electron, thickness),
            experiment.simulation_grid.pixels,
        )
        for model in specimen.configurations
    ]


def _exposed(
    waves: Sequence[Waves], specimen: Specimen, view: View, change: Change, dose: float | None
) -> Triplet:
    """Record waves; counts are drawn alike unless they are to be drawn again."""
    experiment = view.experiment
    if change.kind == "dose" and dose is not None:
        low = experiment.low_resolution.model_copy(update={"dose_e_per_a2": change.amount * dose})
        experiment = experiment.model_copy(update={"low_resolution": low})
    again = change == COUNTED_AGAIN
    generator = np.random.default_rng([*view.seeds, again])
    return expose(waves, specimen.lost, experiment, generator)


def _turned(model: AtomicModel, degrees: float) -> AtomicModel:
    """Turn a molecule about the beam, x towards y."""
    angle = np.deg2rad(degrees)
    turn = torch.eye(3, dtype=torch.float64)
    turn[0, 0] = turn[1, 1] = float(np.cos(angle))
    turn[1, 0], turn[0, 1] = float(np.sin(angle)), -float(np.sin(angle))
    return model.rotated(turn)


def _share(view: View, angstrom: float) -> torch.Tensor:
    """Shift along y and x as a share of the box."""
    along = angstrom * view.direction[1::-1].copy() / view.experiment.box_angstrom
    return torch.from_numpy(along)[None]
