"""How sure a mean over views is: intervals from resampling the views."""

import numpy as np
import torch

from diffragan.typing import Float, Tensor

DRAWS = 2000
SEED = 0
CONFIDENCE = 0.95
INTERVAL_WORDS = (
    f"{100 * CONFIDENCE:.0f} % percentile bootstrap over views, {DRAWS} resamplings, seed {SEED}"
)


def resampled_means(values: Float[Tensor, "view column"]) -> Float[Tensor, "draw column"]:
    """Means over as many views drawn with replacement, again and again, always the same ones.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), ch. 13.
    """
    views = len(values)
    generator = np.random.default_rng(SEED)
    counts = generator.multinomial(views, np.full(views, 1 / views), size=DRAWS)
    return torch.from_numpy(counts / views).to(values.dtype) @ values.cpu()


def mean_interval(
    values: Float[Tensor, "view column"],
) -> tuple[Float[Tensor, " column"], Float[Tensor, " column"]] | None:
    """Interval that holds the mean of each column; `None` for a single view."""
    if len(values) < 2:
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = torch.quantile(
        resampled_means(values), torch.tensor([tail, 1 - tail], dtype=values.dtype), dim=0
    )
    return low, high
