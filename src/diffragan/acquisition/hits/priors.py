"""Adapt probabilities to a scan in which molecules are not as frequent as in training.

Only the share of frames with a molecule is estimated. If that of every class were, ice that looks
a little like crystals would draw its own prior there, round by round, and classes as rare as one
protein would die out.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.classes import CLASSES

ROUNDS = 300
CONVERGED = 1e-7
PSEUDO_FRAMES = 2.0
"""Frames that training's share weighs: what a short scan seems to lack stays possible."""
MOLECULES = np.isin(CLASSES, ("protein", "several", "damaged"))
WHOLE = 0.2
"""Of the frames in which a molecule is seen, the share that shows it whole; the others have it on
the beam's rim, which belongs to no class. On validation scans 0.1 to 0.3 are about as honest."""


def adapt_priors(
    probability: NDArray[np.floating[Any]], training_priors: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]:
    """Estimate how frequent molecules are in a scan, and probabilities under that.

    Expectation maximisation: the mean posterior of a molecule is the next share of them. Among
    themselves the classes with a molecule stay as frequent as in training, as do those without.

    Parameters
    ----------
    probability : `(frame, class)` under training's priors.
    training_priors : `(class)`, with a sum of 1.

    Returns
    -------
    Probabilities `(frame, class)` and priors `(class)` of the scan, molecules on the rim left out.

    Source: M. Saerens, P. Latinne and C. Decaestecker, Neural Comput. 14 (2002) 21, eqs. 2.8-2.9,
    of two classes.
    """
    trained = float(training_priors[MOLECULES].sum())
    molecule = probability[:, MOLECULES].sum(1)
    share = trained
    for _ in range(ROUNDS):
        with_one = molecule * (share / trained)
        without = (1 - molecule) * ((1 - share) / (1 - trained))
        posterior = with_one / np.maximum(with_one + without, 1e-300)
        updated = float(posterior.sum() + PSEUDO_FRAMES * trained) / (
            len(posterior) + PSEUDO_FRAMES
        )
        moved = abs(updated - share)
        share = updated
        if moved < CONVERGED:
            break
    share = share * WHOLE / (share * WHOLE + 1 - share)
    factor = np.where(MOLECULES, share / trained, (1 - share) / (1 - trained))
    adapted = probability * factor
    adapted /= np.maximum(adapted.sum(1, keepdims=True), 1e-300)
    return adapted, training_priors * factor
