"""Classify the frames of a scan.

First every frame is measured by itself, in blocks (`FrameMeasurer`); what that gives is some
kilobytes a frame. Then all of them are looked at together (`classify_measured`), since beams
overlap.
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.background import HitBackground, learn_background, spread_frames
from diffragan.acquisition.hits.classes import SATURATED, Conditions
from diffragan.acquisition.hits.features import frame_features, scattered_fraction
from diffragan.acquisition.hits.hologram import Maps, read_hologram
from diffragan.acquisition.hits.network import HitNetwork, read_network
from diffragan.acquisition.hits.ring_background import is_saturated
from diffragan.acquisition.hits.scan_map import InBeam, lay_together
from diffragan.acquisition.hits.statistics import FrameStatistics, StatisticsMaker, join_statistics
from diffragan.errors import InputError
from diffragan.io.scans.scan import Frames

BLOCK_FRAMES = 64


@dataclass(frozen=True, slots=True)
class MeasuredFrames:
    """What each frame says by itself."""

    statistics: FrameStatistics
    scores: Maps
    """`(frame, y, x)`, see `hologram.Hologram`."""
    information: Maps
    misfit: NDArray[np.floating[Any]]
    """`(frame)`."""
    centre: NDArray[np.floating[Any]]
    """`(frame, 2)` y and x of the direct beam, refined [pixels]."""

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.misfit)


@dataclass(frozen=True, slots=True)
class FrameClasses:
    """What frames show."""

    probability: NDArray[np.floating[Any]]
    """`(frame, class)` of `classes.CLASSES`, under the priors of the network's training."""
    features: NDArray[np.float32]
    """`(frame, feature)` of `features.FEATURES`."""
    scattered_fraction: NDArray[np.float32]
    """`(frame)` share of the incident electrons that is counted beyond the direct beam."""
    position_angstrom: NDArray[np.float32]
    """`(frame, 2)` where the likeliest molecule lies, x and y from the beam's middle, in the axes
    of the detector [Å]; means nothing where nothing is."""
    phase_rad_angstrom2: NDArray[np.float32]
    """`(frame)` its total phase shift against the ice it displaces [rad Å2]."""
    centre: NDArray[np.float32]
    """`(frame, 2)` y and x of the direct beam, refined by its rim [pixels]."""

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.probability)


class FrameMeasurer:
    """Measures frames of one scan; no frame's result depends on the block it comes in."""

    def __init__(self, conditions: Conditions, background: HitBackground) -> None:
        self._conditions = conditions
        self._background = background
        self._statistics = StatisticsMaker(conditions)

    def measure(self, frames: Frames, centres: NDArray[np.floating[Any]]) -> MeasuredFrames:
        """Measure frames `(frame, q_y, q_x)` with centres `(frame, 2)` y, x [pixels]."""
        return join_measured(
            [
                self._block(
                    frames[first : first + BLOCK_FRAMES], centres[first : first + BLOCK_FRAMES]
                )
                for first in range(0, len(frames), BLOCK_FRAMES)
            ]
        )

    def _block(self, frames: Frames, centres: NDArray[np.floating[Any]]) -> MeasuredFrames:
        statistics = self._statistics.statistics(frames, centres)
        hologram = read_hologram(frames, centres, self._background.beam, self._conditions)
        return MeasuredFrames(
            statistics, hologram.scores, hologram.information, hologram.misfit, hologram.centre
        )


def join_measured(parts: list[MeasuredFrames]) -> MeasuredFrames:
    """Join what blocks of frames gave, in order."""
    return MeasuredFrames(
        join_statistics([part.statistics for part in parts]),
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(MeasuredFrames)[1:]
        ),
    )


def classify_measured(
    measured: MeasuredFrames,
    conditions: Conditions,
    background: HitBackground,
    *,
    positions: NDArray[np.floating[Any]] | None = None,
    network: HitNetwork | None = None,
) -> FrameClasses:
    """Classify measured frames, those whose beams overlap together.

    Parameters
    ----------
    measured : All frames of a scan, or those that there are by now.
    positions : `(frame, 2)`, x and y of each beam's middle, turned into the axes of the detector
        [Å]; each frame is judged by itself when left out.
    network : The package's own when left out.
    """
    if positions is not None and positions.shape != (len(measured), 2):
        raise InputError(
            f"{len(measured)} frames need as many positions x, y; they have the shape "
            f"{positions.shape}"
        )
    features, in_beam = features_of(measured, conditions, background, positions)
    probability = (network or _packaged()).probabilities(features)
    # Saturation is seen, not guessed: a chance of it would grow with every adapted prior.
    probability[:, SATURATED] = 0
    probability /= probability.sum(1, keepdims=True)
    probability[is_saturated(measured.statistics)] = np.eye(probability.shape[1])[SATURATED]
    return FrameClasses(
        probability,
        features,
        scattered_fraction(measured.statistics, conditions),
        in_beam.position.astype(np.float32),
        in_beam.phase.astype(np.float32),
        measured.centre.astype(np.float32),
    )


def features_of(
    measured: MeasuredFrames,
    conditions: Conditions,
    background: HitBackground,
    positions: NDArray[np.floating[Any]] | None,
) -> tuple[NDArray[np.float32], InBeam]:
    """Make the features of measured frames, and say what lies in each beam."""
    diameter = background.beam.diameter_angstrom
    maps = (measured.scores, measured.information, measured.misfit)
    alone = lay_together(*maps, None, diameter)
    together = alone if positions is None else lay_together(*maps, positions, diameter)
    features = frame_features(
        measured.statistics, alone, together, measured.misfit, background, conditions
    )
    # By itself a frame knows best where in its beam a molecule is; the map, how sure that is.
    return features, alone


def classify(
    frames: Frames,
    centres: NDArray[np.floating[Any]],
    conditions: Conditions,
    *,
    positions: NDArray[np.floating[Any]] | None = None,
    background: HitBackground | None = None,
    network: HitNetwork | None = None,
) -> FrameClasses:
    """Classify frames of a scan that all fit in memory.

    Parameters
    ----------
    frames : `(frame, q_y, q_x)`, upright, as counted [counts].
    centres : `(frame, 2)`, y and x of each direct beam, to 0.3 pixels or so [pixels].
    conditions : How they were taken: mask, angles, energy, exposure, beam.
    positions : See `classify_measured`.
    background : Of their scan, `learn_background`; learned from these frames when left out, so
        that they must be many and most of them without a molecule.
    network : The package's own when left out.

    Raises
    ------
    InputError : Frames, mask and centres do not fit each other; or the background is left out and
        there are too few frames, or all of them are saturated or without a count.
    """
    if background is None:
        chosen = spread_frames(len(frames))
        background = learn_background(frames[chosen], centres[chosen], conditions)
    measured = FrameMeasurer(conditions, background).measure(frames, centres)
    return classify_measured(measured, conditions, background, positions=positions, network=network)


@lru_cache(maxsize=1)
def _packaged() -> HitNetwork:
    return read_network()
