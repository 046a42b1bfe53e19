"""Adapt probabilities to a scan in which the classes are not as frequent as in training."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDS = 200
CONVERGED = 1e-6
PSEUDO_FRAMES = 2.0
"""Frames that training's priors weigh: a class that a short scan seems to lack stays possible."""


def adapt_priors(
    probability: NDArray[np.floating[Any]], training_priors: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]:
    """Estimate how frequent the classes are in a scan, and probabilities under that.

    Expectation maximisation: the mean of the posteriors is the next prior.

    Parameters
    ----------
    probability : `(frame, class)` under training's priors.
    training_priors : `(class)`, with a sum of 1.

    Returns
    -------
    Probabilities `(frame, class)` and priors `(class)` of the scan.

    Source: M. Saerens, P. Latinne and C. Decaestecker, Neural Comput. 14 (2002) 21, eqs. 2.8-2.9.
    """
    priors = training_priors.copy()
    adapted = probability
    for _ in range(ROUNDS):
        adapted = probability * (priors / np.maximum(training_priors, 1e-12))
        adapted = adapted / np.maximum(adapted.sum(1, keepdims=True), 1e-300)
        total = adapted.sum(0) + PSEUDO_FRAMES * training_priors
        updated = total / total.sum()
        moved = float(np.abs(updated - priors).max())
        priors = updated
        if moved < CONVERGED:
            break
    return adapted, priors
