"""What a scan's frames look like that hit no molecule: rings, and the direct beam."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.classes import Conditions
from diffragan.acquisition.hits.direct_beam import BeamModel, learn_beam
from diffragan.acquisition.hits.hologram import read_hologram
from diffragan.acquisition.hits.ring_background import RingBackground, fit_rings, subtract
from diffragan.acquisition.hits.scan_map import lay_together
from diffragan.acquisition.hits.statistics import StatisticsMaker
from diffragan.io.scans.scan import Frames

LEARNED_FRAMES = 600
"""Frames over which a scan is sampled: a ring's mean is then known to a part in some thousand."""
LEVEL_QUANTILE = 0.3
"""Of peak and misfit of the holograms: of frames without a molecule, where 3 in 10 have none."""


@dataclass(frozen=True, slots=True)
class HitBackground:
    """The background of a scan, which every frame is compared with."""

    rings: RingBackground
    beam: BeamModel
    peak: float
    """Significance that the hologram of a frame without a molecule has."""
    misfit: float
    """Misfit that it has."""


def spread_frames(frames: int, most: int = LEARNED_FRAMES) -> NDArray[np.intp]:
    """Numbers of at most `most` frames, evenly spread over a scan, to learn its background from."""
    return np.unique(np.linspace(0, frames - 1, min(frames, most)).round().astype(np.intp))


def learn_background(
    frames: Frames, centres: NDArray[np.floating[Any]], conditions: Conditions
) -> HitBackground:
    """Learn the background from some frames of a scan, of which most hit no molecule.

    Parameters
    ----------
    frames : `(frame, q_y, q_x)` [counts]; `spread_frames` chooses them.
    centres : `(frame, 2)`, y and x of each direct beam [pixels].
    conditions : How they were taken.

    Raises
    ------
    InputError : There are too few, or all are saturated or without a count.
    """
    statistics = StatisticsMaker(conditions).statistics(frames, centres)
    rings = fit_rings(statistics, conditions)
    chosen, middles = frames[rings.kept], centres[rings.kept]
    thickness = subtract(statistics[rings.kept], rings, conditions).thickness
    beam = learn_beam(chosen, middles, thickness, conditions)
    hologram = read_hologram(chosen, middles, beam, conditions)
    alone = lay_together(
        hologram.scores, hologram.information, hologram.misfit, None, beam.diameter_angstrom
    )
    peak, misfit = (float(np.quantile(v, LEVEL_QUANTILE)) for v in (alone.peak, hologram.misfit))
    return HitBackground(rings, beam, peak, misfit)
