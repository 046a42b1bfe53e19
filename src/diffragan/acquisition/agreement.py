"""Whether a frame hits a molecule, by its pattern and by the image together.

A pattern of few electrons is seldom sure by itself, and neither is a faint spot of the image. But
they err for different reasons, so that where both say so there is hardly a doubt. How often the
image shows something in the beam of hits and of others is learned from the scan itself.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from diffragan.acquisition.overview.matching import LIT
from diffragan.acquisition.overview.picking import Picks
from diffragan.acquisition.overview.registration import Registration

ROUNDS = 200
CONVERGED = 1e-7
PSEUDO_FRAMES = 1.0
"""Frames of hits, and of others, in which evidence is taken to have been seen beforehand."""
SURELY = 1e-9
"""Probabilities are kept so far from 0 and 1."""


class Evidence(IntEnum):
    """What the image shows in the beam of a frame."""

    NOTHING = 0
    FAINT = 1
    """One molecule wholly in the beam that the image alone leaves open."""
    ONE = 2
    """One sure molecule, wholly in the beam."""
    OTHER = 3
    """Sure molecules on its rim, or several."""


def evidence_of(
    registration: Registration, picks: Picks, beam_diameter_angstrom: float
) -> NDArray[np.int64]:
    """Say what the image shows in every beam `(frame,)`, as `Evidence`.

    Parameters
    ----------
    registration : Where the beams are.
    picks : Molecules of the image.
    beam_diameter_angstrom : What a beam lights.
    """
    beams = registration.positions_angstrom.reshape(-1, 2)
    found = np.full(len(beams), Evidence.NOTHING, dtype=np.int64)
    if len(picks) == 0:
        return found
    radii, radius = picks.diameter_angstrom / 2, beam_diameter_angstrom / 2
    near = cKDTree(picks.centre_angstrom).query_ball_point(beams, radius + float(radii.max()))
    for frame, candidates in enumerate(near):
        if not candidates:
            continue
        index = np.array(candidates)
        distance = np.linalg.norm(picks.centre_angstrom[index] - beams[frame], axis=-1)
        touched = distance < radius + LIT * radii[index]
        whole = distance + radii[index] < radius
        sure = picks.sure[index]
        if (touched & sure).any():
            alone = (touched & sure).sum() == 1 and (whole & sure).any()
            found[frame] = Evidence.ONE if alone else Evidence.OTHER
        elif whole.sum() == 1:
            found[frame] = Evidence.FAINT
    return found


def agreed(probability: NDArray[np.floating], evidence: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probability `(frame,)` of a hit by pattern and image.

    Both are taken to err independently. How common hits are, and how often each kind of evidence
    is seen in hits and in others, are the most likely for the scan, by expectation maximisation.

    Parameters
    ----------
    probability : `(frame,)`, by the pattern alone.
    evidence : `(frame,)`, of the image.

    Source: Dawid and Skene, Appl. Stat. 28 (1979) 20.
    """
    alone = np.clip(np.asarray(probability, np.float64), SURELY, 1 - SURELY)
    share = float(alone.mean())
    by_pattern = np.log(alone / (1 - alone)) - np.log(share / (1 - share))
    kinds = len(Evidence)
    seen = np.bincount(evidence, minlength=kinds) / len(evidence)
    together = alone
    for _ in range(ROUNDS):
        shares = []
        for weights in (together, 1 - together):
            counts = np.bincount(evidence, weights=weights, minlength=kinds)
            shares.append((counts + PSEUDO_FRAMES * seen) / (weights.sum() + PSEUDO_FRAMES))
        with np.errstate(divide="ignore", invalid="ignore"):
            by_image = np.where(seen > 0, np.log(shares[0] / shares[1]), 0.0)
        share = float(np.clip(together.mean(), SURELY, 1 - SURELY))
        odds = by_pattern + by_image[evidence] + np.log(share / (1 - share))
        updated = 1 / (1 + np.exp(-odds))
        moved = float(np.abs(updated - together).max())
        together = updated
        if moved < CONVERGED:
            break
    return together
