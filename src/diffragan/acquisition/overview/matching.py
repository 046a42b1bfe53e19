"""Which molecule of the image each hit shows."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from diffragan.acquisition.overview.exclusion import at_cells
from diffragan.acquisition.overview.frames import Points, turn
from diffragan.acquisition.overview.picking import NOTHING, Picks
from diffragan.acquisition.overview.registration import Registration
from diffragan.acquisition.overview.weighed_places import HologramPlaces, weighed_places
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.errors import InputError

CONFIRMED_SHARE = 0.5
LIT = 0.6
"""A molecule is in a beam as soon as its middle is no farther outside than this share of its
radius: a tenth of a ball lies beyond a cut there, and less does not count as lit."""
UNLIT = 0.17
"""A molecule is wholly lit as long as its ball reaches out of the beam by no more than this share
of its radius: a fiftieth of a ball lies beyond a cut there."""


class Reason(Enum):
    """What became of a hit; the value is for people."""

    KEPT = "kept"
    OUTSIDE = "its place is not in the image"
    EXCLUDED = "its place in the image shows carbon, crystals or dirt"
    EMPTY = "the image shows no molecule in its beam"
    SEVERAL = "the image shows several molecules in its beam"
    OFF_CENTRE = "its molecule lies too far from the middle of the beam"


@dataclass(frozen=True, slots=True)
class Matches:
    """One row for each hit."""

    frame: NDArray[np.int64]
    """Number of the frame in the scan, row by row."""
    molecule: NDArray[np.int64]
    """Number of the pick; `NOTHING` where there is not exactly one."""
    view: NDArray[np.int64]
    """Number, from 0, of this frame among those kept of the same molecule, the best centred
    first; `NOTHING` where it is not kept."""
    offset_angstrom: Points
    """`(hit, 2)`, x and y in the detector's frame from the beam's middle to the molecule [Å];
    not a number without one."""
    position_angstrom: Points
    """`(hit, 2)`, the molecule's centre in the image's frame, or the beam's without one [Å]."""
    reason: tuple[Reason, ...]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which hits show one molecule, well inside the beam."""
        return np.array([reason is Reason.KEPT for reason in self.reason], dtype=np.bool_)

    def counts(self) -> dict[Reason, int]:
        """Count the hits that met each fate."""
        return {reason: self.reason.count(reason) for reason in Reason}


def match(
    hits: ArrayLike,
    registration: Registration,
    picks: Picks,
    settings: AcquisitionSettings,
    holograms: HologramPlaces | None = None,
) -> Matches:
    """Find the molecule that each hit shows.

    A molecule is in the beam as soon as a tenth of it is; a hit is kept when only one is, and its
    centre is no farther from the beam's than `hits.largest_offset_angstrom`, or where that is
    left out, all but a fiftieth of its ball lies within the beam. A faint pick counts only where
    there is no sure one, and where at least half of the frames that hold it whole are hits: these
    say that there is something.

    Parameters
    ----------
    hits : `(hit,)`, numbers of the frames that are hits.
    registration : Where the scan lies on the image.
    picks : Of the image.
    settings : For the beam, the largest offset and the detector's orientation.
    holograms : Of all frames: they help to place molecules.

    Raises
    ------
    InputError : The beam's diameter is not known.
    """
    diameter = settings.scan.beam_diameter_angstrom
    if diameter is None:
        raise InputError("hits are matched within the beam; give scan.beam_diameter_angstrom")
    frames = np.array(hits, dtype=np.int64)
    beams = registration.positions_angstrom.reshape(-1, 2)[frames]
    inside = picks.frame.holds(beams)
    odd = at_cells(picks.excluded, picks.excluded_pixel_angstrom, picks.frame, beams)
    likely = _likely(frames, registration, picks, diameter)
    near = _near(beams, picks, likely, diameter)
    alone = np.array([others[0] if len(others) == 1 else NOTHING for others in near], np.int64)
    centres = weighed_places(picks, alone, frames, registration, diameter, holograms)
    molecule = np.full(len(frames), NOTHING)
    offset = np.full((len(frames), 2), np.nan)
    reasons = []
    to_detector = turn(registration.scan_to_image_deg - settings.scan.scan_to_detector_deg)
    for hit, others in enumerate(near):
        reason = _judged(others, bool(inside[hit]), bool(odd[hit]))
        if len(others) == 1:
            molecule[hit] = others[0]
            away = centres[others[0]] - beams[hit]
            # From the image to the scan by R(b), from there to the detector by R(a)^-1.
            offset[hit] = to_detector @ away
            if reason is Reason.KEPT and np.hypot(*away) > _allowed(
                picks, others[0], diameter, settings
            ):
                reason = Reason.OFF_CENTRE
        reasons.append(reason)
    position = np.where(
        molecule[:, None] == NOTHING,
        beams,
        centres[molecule] if len(picks) else beams,
    )
    kept = np.array([reason is Reason.KEPT for reason in reasons], dtype=np.bool_)
    return Matches(
        frames, molecule, _views(molecule, offset, kept), offset, position, tuple(reasons)
    )


def _judged(others: list[int], inside: bool, odd: bool) -> Reason:
    if not inside:
        return Reason.OUTSIDE
    if odd:
        return Reason.EXCLUDED
    if not others:
        return Reason.EMPTY
    return Reason.SEVERAL if len(others) > 1 else Reason.KEPT


def _likely(
    frames: NDArray[np.int64], registration: Registration, picks: Picks, diameter: float
) -> NDArray[np.bool_]:
    """Tell which picks hits confirm: sure ones, and those that most frames on them do."""
    everywhere = registration.positions_angstrom.reshape(-1, 2)
    is_hit = np.zeros(len(everywhere), dtype=np.bool_)
    is_hit[frames] = True
    tree, likely = cKDTree(everywhere), picks.sure.copy()
    for number in np.flatnonzero(~picks.sure):
        # A beam that hardly holds a molecule whole is the least that can be asked for.
        reach = max((diameter - picks.diameter_angstrom[number]) / 2, diameter / 4)
        over = tree.query_ball_point(picks.centre_angstrom[number], reach)
        likely[number] = bool(over) and bool(is_hit[over].mean() >= CONFIRMED_SHARE)
    return likely


def _near(
    beams: Points, picks: Picks, likely: NDArray[np.bool_], diameter: float
) -> list[list[int]]:
    """Find what each beam lights: the sure picks, or else the highest faint one."""
    if len(picks) == 0:
        return [[] for _ in beams]
    radii = picks.diameter_angstrom / 2
    found = cKDTree(picks.centre_angstrom).query_ball_point(beams, (diameter + 2 * radii.max()) / 2)
    near = []
    for beam, candidates in zip(beams, found, strict=True):
        index = np.array(sorted(candidates), dtype=np.int64)
        distance = np.linalg.norm(picks.centre_angstrom[index] - beam, axis=-1)
        index = index[(distance < diameter / 2 + LIT * radii[index]) & likely[index]]
        sure = index[picks.sure[index]]
        # Picks are sorted by score.
        near.append((sure if len(sure) else index[:1]).tolist())
    return near


def _allowed(picks: Picks, molecule: int, diameter: float, settings: AcquisitionSettings) -> float:
    given = settings.hits.largest_offset_angstrom
    if given is not None:
        return given
    return (diameter - (1 - UNLIT) * float(picks.diameter_angstrom[molecule])) / 2


def _views(
    molecule: NDArray[np.int64], offset: Points, kept: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Give numbers to each molecule's kept frames by their distance from the middle of the beam."""
    views = np.full(len(molecule), NOTHING)
    distance = np.linalg.norm(offset, axis=-1)
    for number in np.unique(molecule[kept]):
        of_it = np.flatnonzero(kept & (molecule == number))
        views[of_it[np.argsort(distance[of_it], kind="stable")]] = np.arange(len(of_it))
    return views
