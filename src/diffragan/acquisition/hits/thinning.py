"""Frames of very many electrons, thinned to as many as tell classes best.

The classifier's errors at long exposures are not those of counting: small errors of the learned
beam and of the rings behind molecules stand out by many standard errors, and 1,000 e/Å2 tell fewer
hits than 100 (docs/scan-hits.md has the curve). A random share of Poisson's counts is Poisson's.
"""

from typing import Any

import numpy as np

from diffragan.acquisition.hits.classes import Conditions
from diffragan.io.scans.scan import Frames

MOST_E_PER_A2 = 300.0
"""Exposure to which frames are thinned [e/Å2]."""
THINNING_STREAM = 11
"""Keeps these random numbers apart from all others of a frame."""


def share_looked_at(conditions: Conditions, dtype: np.dtype[Any]) -> float:
    """Share of the electrons by which frames are judged; 1 where values are no electrons.

    Parameters
    ----------
    dtype : Of the frames: only whole numbers can be thinned.
    """
    electrons = conditions.counts_per_electron == 1 and conditions.offset_counts == 0
    counted = electrons and np.issubdtype(dtype, np.integer)
    return min(1.0, MOST_E_PER_A2 / conditions.exposure_e_per_a2) if counted else 1.0


def thinned(
    frames: Frames, first_number: int, share: float, saturation_counts: float | None
) -> Frames:
    """Keep each electron with a chance; the same ones of a frame in whatever block it comes.

    Parameters
    ----------
    frames : `(frame, q_y, q_x)`, neighbours in the scan, of whole numbers unless all is kept.
    first_number : Number of the first of them in the scan.
    saturation_counts : Pixels of at least so many stay as they are.
    """
    if share >= 1:
        return frames
    kept = np.zeros_like(frames)
    # NumPy draws from 64 bits with a sign.
    most = frames.dtype.type(min(np.iinfo(frames.dtype).max, np.iinfo(np.int64).max))
    for place, frame in enumerate(frames):
        random = np.random.default_rng([first_number + place, THINNING_STREAM])
        some = frame > 0
        full = np.minimum(frame[some], most).astype(np.int64)
        drawn = random.binomial(full, share).astype(frames.dtype)
        if saturation_counts is not None:
            drawn = np.where(full >= saturation_counts, full, drawn)
        kept[place][some] = drawn
    return kept
