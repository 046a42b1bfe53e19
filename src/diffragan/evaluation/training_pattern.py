"""The mean pattern of the training data: a pattern that says nothing about any one view."""

import torch

from diffragan.io.triplets import TripletStore
from diffragan.typing import Float, Tensor

BATCH = 64
MOST_VIEWS = 2048
"""Views averaged, evenly spread over the data; more would change the mean by less than noise."""


def mean_pattern(training: TripletStore, device: str = "cpu") -> Float[Tensor, "q_y q_x"]:
    """Average patterns of training data, as fractions of the incident beam per pixel."""
    step = -(-len(training) // MOST_VIEWS)
    items = range(0, len(training), step)
    total: Tensor | None = None
    for start in range(0, len(items), BATCH):
        patterns = torch.from_numpy(training.patterns(items[start : start + BATCH])).double()
        total = patterns.sum(0) if total is None else total + patterns.sum(0)
    assert total is not None  # a data set has a view
    return (total / len(items)).float().to(device)
