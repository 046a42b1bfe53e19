"""Where the molecules of hits lie, by all that tells of it, each with its weight.

The image shows a molecule; beams that hit one lie evenly about it; and in each of them its hologram
says where it is. Beams and holograms share the errors of the scan's own places in the image.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.overview.frames import Points
from diffragan.acquisition.overview.picking import NOTHING, Picks
from diffragan.acquisition.overview.registration import Registration
from diffragan.robust import MAD_TO_SIGMA

LEAST_BEAMS = 3
PLACE_ERROR_ANGSTROM = 20.0
"""Standard deviation of a pick's centre along an axis, times its score: 5 Å at a score of 4."""
LEAST_SCORE = 2.5
"""As well as a pick of that score do holograms say where a molecule lies that the image hides."""
LEAST_PEAK = 4.0
"""Significance of a hologram from which its place is trusted [standard errors]."""
LEAST_ERROR_ANGSTROM = 1.5
"""A hologram is not taken to be surer of a place, along an axis."""
USUAL_ERROR_ANGSTROM = 8.0
"""The same, where too few holograms are there to tell."""
FEWEST = 8
FAR_SIGMAS = 3.0
"""Holograms that point farther from where image and beams see a molecule show something else."""


@dataclass(frozen=True, slots=True)
class HologramPlaces:
    """Where each frame's own hologram sees its likeliest molecule."""

    points_angstrom: Points
    """`(frame, 2)`, x and y in the image [Å]."""
    peak: NDArray[np.floating]
    """`(frame,)`, its significance [standard errors of counting]."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A place and its variance along an axis [Å, Å2]."""

    point: Points
    variance: float

    def weighed(self, other: "_Place | None") -> "_Place":
        """Weigh two that err independently."""
        if other is None:
            return self
        share = self.variance / (self.variance + other.variance)
        return _Place(self.point + share * (other.point - self.point), share * other.variance)

    def less_sure(self, variance: float) -> "_Place":
        return _Place(self.point, self.variance + variance)


def weighed_places(
    picks: Picks,
    molecule: NDArray[np.int64],
    frames: NDArray[np.int64],
    registration: Registration,
    beam_diameter_angstrom: float,
    holograms: HologramPlaces | None,
) -> Points:
    """Centres of the picks `(pick, 2)` in the image [Å]; those without a hit stay.

    Parameters
    ----------
    picks : Of the image.
    molecule : `(hit,)`, the pick that each hit shows by itself, or `NOTHING`.
    frames : `(hit,)`, the hits' numbers in the scan.
    registration : Where the beams are.
    beam_diameter_angstrom : What they light.
    holograms : Of all frames; left out, image and beams decide alone.
    """
    shown = [int(number) for number in np.unique(molecule[molecule != NOTHING])]
    over = {number: np.flatnonzero(molecule == number) for number in shown}
    beams = registration.positions_angstrom.reshape(-1, 2)[frames]
    lasting = registration.standard_error_angstrom.ravel()[frames] ** 2 / 2
    border = _on_border(frames, registration)
    by_image, by_beams = {}, {}
    for number in shown:
        score = max(float(picks.score[number]), LEAST_SCORE)
        by_image[number] = _Place(
            picks.centre_angstrom[number], (PLACE_ERROR_ANGSTROM / score) ** 2
        )
        by_beams[number] = _middle(
            beams[over[number]], bool(border[over[number]].any()),
            beam_diameter_angstrom, float(picks.diameter_angstrom[number]),
        )  # fmt: skip

    def without_holograms(number: int) -> _Place:
        beams_say = by_beams[number]
        if beams_say is None:
            return by_image[number]
        return by_image[number].weighed(beams_say.less_sure(float(lasting[over[number]].mean())))

    places = {number: without_holograms(number) for number in shown}
    if holograms is not None:
        error = _hologram_error(places, over, frames, holograms)
        for number in shown:
            if picks.score[number] <= 0:
                continue  # holograms are all that is known of it already
            told = _by_holograms(places[number], frames[over[number]], holograms, error)
            if told is None:
                continue
            scan = told.weighed(by_beams[number]).less_sure(float(lasting[over[number]].mean()))
            places[number] = by_image[number].weighed(scan)
    centres = picks.centre_angstrom.copy()
    for number, place in places.items():
        centres[number] = place.point
    return centres


def _on_border(frames: NDArray[np.int64], registration: Registration) -> NDArray[np.bool_]:
    """Tell which frames the scan ends at: beams beyond them would have hit the molecule, too."""
    rows, columns = registration.positions_angstrom.shape[:2]
    row, column = np.divmod(frames, columns)
    return np.asarray((row == 0) | (row == rows - 1) | (column == 0) | (column == columns - 1))


def _middle(beams: Points, at_border: bool, beam_diameter: float, diameter: float) -> _Place | None:
    """Return the mean place of the beams that hit a molecule."""
    if len(beams) < LEAST_BEAMS or at_border:
        return None
    # Even in a disc of radius R, the variance along an axis is R^2 / 4.
    reach = max(beam_diameter - diameter, beam_diameter / 2) / 2
    return _Place(beams.mean(0), reach**2 / 4 / len(beams))


def _hologram_error(
    places: dict[int, _Place],
    over: dict[int, NDArray[np.int64]],
    frames: NDArray[np.int64],
    holograms: HologramPlaces,
) -> float:
    """Estimate how far holograms err along an axis, from the scan itself [Å]."""
    off, doubt = [], []
    for number, place in places.items():
        clear = _clear(frames[over[number]], holograms)
        off.append(holograms.points_angstrom[clear] - place.point)
        doubt += [place.variance] * len(clear)
    if len(doubt) < FEWEST:
        return USUAL_ERROR_ANGSTROM
    spread = MAD_TO_SIGMA * float(np.median(np.abs(np.concatenate(off))))
    own = max(spread**2 - float(np.median(doubt)), spread**2 / 4, LEAST_ERROR_ANGSTROM**2)
    return float(own**0.5)


def _by_holograms(
    place: _Place, frames: NDArray[np.int64], holograms: HologramPlaces, error: float
) -> _Place | None:
    """Mean place of a molecule by the holograms of its frames that point near where it is."""
    points = holograms.points_angstrom[_clear(frames, holograms)]
    away = np.linalg.norm(points - place.point, axis=-1)
    near = points[away < FAR_SIGMAS * (error**2 + place.variance) ** 0.5]
    return _Place(near.mean(0), error**2 / len(near)) if len(near) else None


def _clear(frames: NDArray[np.int64], holograms: HologramPlaces) -> NDArray[np.int64]:
    return frames[holograms.peak[frames] >= LEAST_PEAK]
