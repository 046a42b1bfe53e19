"""More views from those there are: turned and shifted as the experiment itself could have been.

A quarter turn about the beam turns pattern and images alike; a shift of the molecule moves both
images and leaves the pattern as it is. Neither invents a molecule, as a mirror would.
"""

from collections.abc import Sequence

import numpy as np
import torch

from diffragan.training.data import Batch
from diffragan.typing import Float, Tensor

LARGEST_SHIFT = 1 / 16
"""Share of the box that a molecule is moved at most along an axis; most of a box is empty."""
AUGMENTATION_STREAM = 1
"""Keeps these random numbers apart from those of the order, which are seeded alike."""


def augment(batch: Batch, seed: int, step: int, first: int = 0) -> Batch:
    """Turn and shift each view of a batch.

    Parameters
    ----------
    batch : Some views of an effective batch.
    seed, step : With its place in the effective batch they decide what happens to a view, so that
        it matters not how many processes or pieces the batch is shared out to.
    first : Place of the first view.
    """
    reach = int(batch.truth.shape[-1] * LARGEST_SHIFT)
    pairs = [_turn_and_shift(seed, step, first + row, reach) for row in range(len(batch.truth))]
    pattern, low_resolution = batch.observed[:, :1], batch.observed[:, 1:]
    images = torch.cat([low_resolution, batch.truth], dim=1)
    turned = torch.stack([quarter_turns(p, t) for p, (t, _) in zip(pattern, pairs, strict=True)])
    moved = torch.stack(
        [shifted(quarter_turns(x, t), by) for x, (t, by) in zip(images, pairs, strict=True)]
    )
    return Batch(torch.cat([turned, moved[:, :1]], dim=1), moved[:, 1:])


def _turn_and_shift(seed: int, step: int, place: int, reach: int) -> tuple[int, Sequence[int]]:
    random = np.random.default_rng([seed, step, place, AUGMENTATION_STREAM])
    return int(random.integers(0, 4)), random.integers(-reach, reach + 1, 2).tolist()


def quarter_turns(images: Float[Tensor, "*batch y x"], turns: int) -> Float[Tensor, "*batch y x"]:
    """Turn images about their origin at n // 2 by quarter turns, x towards y."""
    for _ in range(turns % 4):
        # (y, x) goes to (x, -y): exchange the axes, then mirror x about n // 2.
        images = images.transpose(-2, -1).flip(-1)
        if images.shape[-1] % 2 == 0:
            images = images.roll(1, -1)
    return images


def shifted(images: Float[Tensor, "*batch y x"], by: Sequence[int]) -> Float[Tensor, "*batch y x"]:
    """Move images in their periodic box by whole pixels along y and x."""
    return images.roll((by[0], by[1]), (-2, -1))
