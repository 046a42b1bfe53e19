"""Inputs of the paper's tests: views, molecules, and networks with how far they were trained."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import ConfigError
from diffragan.evaluation.paper.judged import Draw
from diffragan.io.checkpoints import BEST, LAST, read_checkpoint
from diffragan.io.triplets import TripletStore
from diffragan.phasing.protocol import Phaser, read_observations
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.prepared import PreparedStructure
from diffragan.typing import Images

PAPER_STEPS = 269_400
PAPER_VIEWS = 200 * 21_560
"""200 epochs of 20 proteins with 1,078 orientations each."""


def describe_run(run: Path) -> dict[str, Any]:
    """Say what a run was, how many steps it has seen, and what share of the paper's that is."""
    best, last = (read_checkpoint(run / which, ("average",)).description for which in (BEST, LAST))
    return {
        "path": str(run),
        "steps": last["position"]["step"],
        "steps_of_used_weights": best["position"]["step"],
        "views_seen": last["views_seen"],
        "share_of_the_papers_steps": last["position"]["step"] / PAPER_STEPS,
        "share_of_the_papers_views": last["views_seen"] / PAPER_VIEWS,
        "settings": last["settings"],
        "data_identity": last["data_identity"],
    }


def first_views(data: TripletStore, count: int | None) -> list[int]:
    """Items of the first views of each molecule; all when no number is given."""
    owner = data.read("structure")
    if count is None:
        return list(range(len(owner)))
    if count < 1:
        raise ConfigError(f"--views is {count}; use 1 or more")
    chosen = [np.flatnonzero(owner == index)[:count] for index in np.unique(owner)]
    return sorted(int(item) for of_one in chosen for item in of_one)


def drawn_by(phaser: Phaser, data: TripletStore, like: Experiment | None) -> Draw:
    """Draw images of a data set by a network or another method.

    Parameters
    ----------
    like : The experiment to tell the network, where it is to be tried on another than its own.
    """

    def draw(items: Sequence[int]) -> Images:
        given = read_observations(data, items)
        if like is not None:
            given = replace(given, experiment=like)
        return phaser.phase(given).images

    return draw


def stored_structures(data: TripletStore) -> list[PreparedStructure]:
    """Molecules of a data set, as they were before they were turned."""
    return [
        PreparedStructure(
            entry.name,
            AtomicModel(
                torch.from_numpy(entry.positions).float(),
                torch.from_numpy(entry.atomic_numbers).long(),
            ),
            entry.mass_kda,
            entry.sha256,
            {},
            Path(f"{entry.name}.pdb"),
        )
        for entry in data.structures()
    ]
