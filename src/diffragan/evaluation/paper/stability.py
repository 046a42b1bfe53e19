"""Stability: how far the output moves when the input is changed a little. The paper's S4.

The output under a change, with the change taken back, is compared with that of the unchanged input;
and each output with its own truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.evaluation.metrics import MeasuredLimit, image_frc
from diffragan.evaluation.paper.changes import (
    CHANGES,
    UNCHANGED,
    Change,
    changed_inputs,
    taken_back,
    view_of,
)
from diffragan.evaluation.paper.judged import Numbers
from diffragan.io.triplets import TripletStore
from diffragan.phasing.protocol import Observations, Phaser
from diffragan.physics.illumination import beam_area_angstrom2
from diffragan.progress import progress_bar
from diffragan.simulation.triplet import Triplet
from diffragan.threads import one_thread
from diffragan.typing import Images, Mask


@dataclass(frozen=True, slots=True)
class Stability:
    """FRC curves of the views under one change."""

    change: Change
    with_truth: Numbers
    """`(view, ring)`, of each output with its own truth."""
    with_unchanged: Numbers
    """`(view, ring)`, of each output, the change taken back, with that of the unchanged input."""


def measure_stability(
    data: TripletStore, items: Sequence[int], phaser: Phaser, limit: MeasuredLimit, seed: int
) -> list[Stability]:
    """Phase some views under every change, the unchanged one first.

    Parameters
    ----------
    items : Views, whose molecules stand as the data set says.
    seed : Of the counts and of the directions of the shifts.

    Raises
    ------
    InputError : The phaser does not take such data.
    """
    changes = (UNCHANGED, *CHANGES)
    curves: dict[Change, tuple[list[Numbers], list[Numbers]]] = {c: ([], []) for c in changes}
    entries = data.structures()
    measured = torch.from_numpy(data.read("measured"))
    with progress_bar(len(items), "stability") as bar:
        for item in items:
            entry = entries[int(data.read("structure", [item])[0])]
            view = view_of(data, item, entry, seed)
            with one_thread():
                made = changed_inputs(view, changes)
            outputs = phaser.phase(_observations(made, measured, data.experiment)).images.cpu()
            for change, one, output in zip(changes, made, outputs, strict=True):
                back = taken_back(output[None], view, change)[0]
                curves[change][0].append(_frc(output, one.high_resolution, limit))
                curves[change][1].append(_frc(back, outputs[0], limit))
            bar.advance()
    return [Stability(c, np.stack(own), np.stack(other)) for c, (own, other) in curves.items()]


def _frc(first: Images, second: Images, limit: MeasuredLimit) -> Numbers:
    return np.asarray(image_frc(first, second, limit.rings).double().numpy())


def _observations(made: Sequence[Triplet], measured: Mask, experiment: Experiment) -> Observations:
    exposure = experiment.detector.exposure_e_per_a2
    incident = 1.0
    if exposure is not None:
        incident = exposure * beam_area_angstrom2(experiment.beam, experiment.simulation_grid)
    return Observations(
        torch.stack([one.diffraction for one in made]).float() / incident,
        measured,
        torch.stack([one.low_resolution for one in made]).float(),
        torch.tensor([one.low_resolution_dose_e_per_a2 for one in made]),
        experiment,
    )
