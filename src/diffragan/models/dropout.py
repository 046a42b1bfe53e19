"""Dropout whose masks belong to an item, not to a batch, a process or a moment."""

from collections.abc import Sequence

import numpy as np
import torch

from diffragan.typing import Float, Tensor

Key = tuple[int, ...]
"""Whole numbers, none negative and the last above zero, from which an item's masks are drawn."""


def drop_features(
    features: Float[Tensor, "item channel y x"], rate: float, keys: Sequence[Key], layer: int
) -> Float[Tensor, "item channel y x"]:
    """Set a share of each item's features to zero and scale the rest, so that the mean stays.

    Each mask comes from (layer, key) alone. So the number of processes, micro-batches or restarts
    changes no mask, and neither does the device.

    Parameters
    ----------
    features : `(item, channel, y, x)`.
    rate : Share to drop, 0 to below 1.
    keys : One per item.
    layer : Number of the layer, so that layers drop independently.

    Source: Srivastava et al., J. Mach. Learn. Res. 15 (2014) 1929, with the scale in training.
    """
    shape = tuple(features.shape[1:])
    chances = np.stack(
        [np.random.default_rng([layer, *key]).random(shape, np.float32) for key in keys]
    )
    kept = torch.from_numpy(chances >= rate).to(features.device)
    return features * kept / (1 - rate)
