"""Weights of the frame classifier: safetensors with JSON beside them, nothing is ever unpickled."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.acquisition.hits.classes import CLASSES
from diffragan.acquisition.hits.features import FEATURES
from diffragan.errors import InputError
from diffragan.io.checkpoints import fill_module, read_checkpoint
from diffragan.models.frame_classifier import FrameClassifier
from diffragan.threads import one_thread

KIND = "frame-classifier"
PART = "classifier"


@dataclass(frozen=True, slots=True)
class HitNetwork:
    """A trained classifier, and what shares of the classes it was trained on."""

    module: FrameClassifier
    priors: NDArray[np.floating[Any]]
    """`(class)`, with a sum of 1."""

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
        """Probability of every class of `CLASSES` under training's priors, `(frame, class)`."""
        with torch.inference_mode(), one_thread():
            logits = self.module(torch.from_numpy(np.ascontiguousarray(features))).double()
            return np.asarray(torch.softmax(logits, dim=1).numpy())


def packaged_network() -> Path:
    """Folder of the weights that come with the package."""
    return Path(str(resources.files("diffragan.weights"))) / "frames"


def read_network(place: Path | None = None) -> HitNetwork:
    """Read a classifier; the package's own when left out.

    Raises
    ------
    InputError : There is none, it is damaged, or it was trained on other features or classes.
    """
    folder = place or packaged_network()
    checkpoint = read_checkpoint(folder, (PART,))
    described = checkpoint.description
    if described.get("kind") != KIND:
        raise InputError(f"{folder}: holds weights of another kind of network")
    if described.get("features") != list(FEATURES) or described.get("classes") != list(CLASSES):
        raise InputError(
            f"{folder}: was trained on other features or classes than this program's; train it "
            "again with benchmarks/train_frame_classifier.py"
        )
    module = FrameClassifier(len(FEATURES), len(CLASSES), int(described["width"]))
    fill_module(module, dict(checkpoint.tensors[PART]), folder)
    return HitNetwork(module.eval(), np.array(described["priors"], dtype=np.float64))
