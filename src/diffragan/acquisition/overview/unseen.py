"""Molecules that patterns show, and the image does not: too faint there, or too near to noise.

The holograms of the frames that hit one say where it lies as well as a faint spot of the image
would.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from diffragan.acquisition.hits.classify import FrameClasses
from diffragan.acquisition.overview.frames import Points, turn
from diffragan.acquisition.overview.picking import Picks
from diffragan.acquisition.overview.registration import Registration
from diffragan.config.acquisition import AcquisitionSettings

SAME_ANGSTROM = 25.0
"""Places of two frames that lie nearer to each other are of one molecule: their errors, of some
8 Å each, and not the size of two."""
NO_SCORE = 0.0


def places_by_pattern(
    table: FrameClasses, registration: Registration, settings: AcquisitionSettings
) -> Points:
    """Where each frame's likeliest molecule lies by its hologram, `(frame, 2)` in the image [Å]."""
    to_image = turn(settings.scan.scan_to_detector_deg - registration.scan_to_image_deg)
    beams = registration.positions_angstrom.reshape(-1, 2)[: len(table)]
    return np.asarray(beams + table.position_angstrom.astype(np.float64) @ to_image.T)


def with_unseen(
    picks: Picks,
    registration: Registration,
    hits: NDArray[np.int64],
    places: Points,
    settings: AcquisitionSettings,
) -> Picks:
    """Add a faint pick for each molecule that hits show and the image does not.

    Parameters
    ----------
    hits : `(hit,)`, numbers of the frames that are hits.
    places : From `places_by_pattern`.
    """
    diameter = settings.scan.beam_diameter_angstrom
    if diameter is None or len(picks) == 0:
        return picks
    beams = registration.positions_angstrom.reshape(-1, 2)[hits]
    usual = float(np.median(picks.diameter_angstrom))
    away, _ = cKDTree(picks.centre_angstrom).query(beams)
    alone = places[hits[away > (diameter + usual) / 2]]
    if len(alone) == 0:
        return picks
    pairs = cKDTree(alone).query_pairs(SAME_ANGSTROM, output_type="ndarray")
    ones = np.ones(len(pairs))
    graph = csr_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(alone), len(alone)))
    count, member = connected_components(graph, directed=False)
    centres = np.array([alone[member == number].mean(0) for number in range(count)])
    more = np.full(count, usual)
    return replace(
        picks,
        centre_angstrom=np.concatenate([picks.centre_angstrom, centres]),
        diameter_angstrom=np.concatenate([picks.diameter_angstrom, more]),
        score=np.concatenate([picks.score, np.full(count, NO_SCORE)]),
        sure=np.concatenate([picks.sure, np.zeros(count, dtype=np.bool_)]),
    )
