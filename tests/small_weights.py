"""A small unrolled network that learned nothing, and a calibration that says what it is told."""

import json
from pathlib import Path

import torch

from diffragan.config.unrolled import UnrolledSettings
from diffragan.config.unrolled_training import ConditionSettings, UnrolledTraining
from diffragan.io.checkpoints import Checkpoint, write_checkpoint
from diffragan.models.unrolled import UnrolledNetwork
from diffragan.phasing.confidence import FILE, OUTPUTS, Calibration
from diffragan.phasing.evidence import FEATURES
from diffragan.phasing.weights import PART

QUICK = {"restarts": 2, "iterations": 12, "coarse_iterations": 4}
"""Settings of a hybrid phaser that is done in a blink."""
SHARES = (0.8, 1.5)
"""Ends of the interval that the calibration states, over the predicted resolution."""


def small_weights(folder: Path, *, calibrated: bool = True) -> Path:
    """Write weights of the smallest network into `folder`, with or without a calibration."""
    torch.manual_seed(0)
    settings = UnrolledTraining(
        network=UnrolledSettings(stages=1, width=8, depth=2, memory=0),
        conditions=ConditionSettings(box_angstrom=(20.0, 200.0)),
        preset="small",
    )
    network = UnrolledNetwork(settings.network)
    tensors = {PART: {name: value.clone() for name, value in network.state_dict().items()}}
    description = {
        "kind": "unrolled",
        "settings": settings.model_dump(mode="json"),
        "energy_kev": 200.0,
        "molecules": ["alpha", "beta", "gamma"],
        "position": {"step": 7},
    }
    write_checkpoint(folder, Checkpoint(tensors, description))
    if calibrated:
        (folder / FILE).write_text(json.dumps(falling_calibration().as_json()), encoding="utf-8")
    return folder


def falling_calibration() -> Calibration:
    """Curves that fall with frequency alone: those of iterations and blend through 0.5 at 2 Å."""
    slopes = torch.zeros(len(OUTPUTS), len(FEATURES))
    slopes[:, FEATURES.index("frequency")] = -10.0
    layers = ((torch.eye(len(FEATURES)), torch.zeros(len(FEATURES))), (slopes, torch.zeros(3)))
    # Through the layer's bend a frequency f is worth f / (1 + exp(-f)).
    bent = 0.5 / (1 + 2.718281828**-0.5)
    layers[1][1][:] = 10 * bent
    layers[1][1][OUTPUTS.index("network")] = -2.0
    zeros, ones = torch.zeros(len(FEATURES)), torch.ones(len(FEATURES))
    return Calibration(layers, zeros, ones, ((3.0, *SHARES), (100.0, 0.5, 3.0)))
