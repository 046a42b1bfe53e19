"""The direct beam as a scan shows it: its size, and its counts wherever it falls.

The tail of the beam has fringes finer than a pixel, blurred by the detector, of a pattern that is
not quite round. So it is not modelled but learned, as a band-limited pattern (`band_limited`), for
the beam itself and for what thicker ice adds.
"""

from dataclasses import dataclass, replace
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from scipy.special import j1

from diffragan.acquisition.hits.band_limited import Pattern, at_pixels, fit_patterns, slopes
from diffragan.acquisition.hits.classes import Conditions
from diffragan.acquisition.hits.inner_window import Floats, InnerWindow, inner_window
from diffragan.io.scans.scan import Frames

EDGES_ANGSTROM = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.5, 10.0, 14.0, 20.0, 30.0, 45.0)
DIAMETERS = np.linspace(0.9, 1.1, 41)
"""Of the true beam over the nominal one, as far as they are searched."""
RADIAL_STEPS_PER_PIXEL = 8
EDGES_BEYOND, MOST_BEYOND = 3.0, 0.25
"""The beam's autocorrelation ends that many rims beyond its diameter, at most that share of it."""
ICE_REACH = 0.5
"""Where the transform of what ice adds ends, over that of the beam: it is smoother."""
CENTRE_ROUNDS = 3
CENTRE_ERROR_PIXELS = 0.1
"""Standard error of the centres that are handed in: calibration's is 0.03 in frames of ice and
larger where a molecule pulls."""
FARTHEST = 5.0
"""How far a centre may move [standard errors]: beyond, a wrong fringe fits better than none."""
LEARNING_ROUNDS = 3
FIRST_KEPT = 0.9
"""Share of the frames, those of the thinnest ice, that the first round learns from."""
KEPT_OF_MEDIAN = 2.5
"""Frames whose difference from the model is that many times the usual one are left out."""
TRIMMED = 0.9
"""Share of the frames, those that fit best, which tell how wrong the model is."""
NEIGHBOURS_ERROR = 3e-4
"""Share of the brightest neighbour by which a pixel may be wrong: a dark fringe beside the middle
fills up with the least blur."""
FAINTEST = 0.3
"""Least variance of a pixel [electrons2]: where next to nothing is expected, one count is no
surprise."""


@dataclass(frozen=True, slots=True)
class BeamModel:
    """The direct beam."""

    diameter_angstrom: float
    edge_angstrom: float
    """Standard deviation of its Gaussian rim [Å]."""
    beam: Pattern
    """Counts for each count of the beam."""
    ice: Pattern
    """What ice that is thicker by the scan's usual thickness adds to that."""
    error: Floats
    """`(y, x)` of the window: how wrong the model is, for each count of the beam."""


@dataclass(frozen=True, slots=True)
class BeamFit:
    """The model laid on frames."""

    window: InnerWindow
    """Its shifts are refined."""
    expected: Floats
    """`(frame, y, x)` [electrons]."""
    weight: Floats
    """`(frame, y, x)` one over the variance; 0 where nothing was measured."""
    strength: Floats
    """`(frame)` counts of the whole window [electrons]."""


def probe_transform(q: Floats, diameter_angstrom: float, edge_angstrom: float) -> Floats:
    """Transform of a soft disc, 1 at zero: 2 J1(pi D q) / (pi D q) exp(-2 (pi w q)^2).

    Source: as `physics.illumination.probe_amplitude`.
    """
    argument = np.maximum(pi * diameter_angstrom * q, 1e-9)
    return np.asarray(2 * j1(argument) / argument * np.exp(-2 * (pi * edge_angstrom * q) ** 2))


def learn_beam(
    frames: Frames, centres: NDArray[np.floating[Any]], thickness: Floats, conditions: Conditions
) -> BeamModel:
    """Learn the beam from frames of which most hit no molecule.

    Parameters
    ----------
    frames : `(frame, q_y, q_x)` [counts].
    centres : `(frame, 2)`, y and x of each direct beam, with `CENTRE_ERROR_PIXELS` [pixels].
    thickness : `(frame)`, over the scan's usual one.
    conditions : How they were taken.
    """
    window = inner_window(frames, centres, conditions)
    diameter, edge = _size(window, conditions)
    beyond = min(EDGES_BEYOND * edge, MOST_BEYOND * diameter)
    reach = (diameter + beyond) * conditions.frequency_per_pixel
    level = thickness - np.median(thickness)
    kept = thickness <= np.quantile(thickness, FIRST_KEPT)
    strength = window.counts.sum((1, 2))
    expected = _round(window)
    found = window
    error: Floats = np.zeros(window.counts.shape[1:])
    for _ in range(LEARNING_ROUNDS):
        size = np.maximum(strength, 1.0)[:, None, None]
        weight = window.good * size**2 / _variance(expected, error, strength)
        beam, ice = fit_patterns(
            found[kept],
            window.counts[kept] / size[kept],
            weight[kept],
            level[kept],
            (reach, ICE_REACH * reach),
        )
        model = BeamModel(diameter, edge, beam, ice, error)
        fit = lay_on(window, model)
        found, expected, strength = fit.window, fit.expected, fit.strength
        chi2 = ((window.counts - expected) ** 2 * fit.weight).mean((1, 2))
        kept = chi2 <= KEPT_OF_MEDIAN * np.median(chi2)
        error = _error(found[kept], expected[kept], strength[kept])
    return replace(model, error=error)


def fit_beam(
    frames: Frames, centres: NDArray[np.floating[Any]], model: BeamModel, conditions: Conditions
) -> BeamFit:
    """Fit strength, ice and centre of the beam to each frame, its hologram left aside."""
    return lay_on(inner_window(frames, centres, conditions), model)


def lay_on(window: InnerWindow, model: BeamModel) -> BeamFit:
    """As `fit_beam`, for windows that were cut out."""
    given, good = window.shift, window.good
    patterns = [model.beam, model.ice, *slopes(model.beam)]
    shape = window.counts.shape
    best = BeamFit(window, np.zeros(shape), np.zeros(shape), np.zeros(len(given)))
    least = np.full(len(given), np.inf)
    precision = CENTRE_ERROR_PIXELS**-2
    farthest = FARTHEST * CENTRE_ERROR_PIXELS
    for _ in range(CENTRE_ROUNDS + 1):
        parts = np.moveaxis(at_pixels(patterns, window), 0, 3)
        beam = np.maximum(parts[..., 0], 0.0) * good
        strength = window.counts.sum((1, 2)) / np.maximum(beam.sum((1, 2)), 1e-9)
        parts = parts * strength[:, None, None, None]
        expected = np.maximum(parts[..., 0], 0.0)
        weight = good / _variance(expected, model.error, strength)
        away = window.shift - given
        # Centres are judged without the straight line that leads to the next one.
        factors = _least_squares(parts[..., :2], window.counts, weight)
        fitted = np.maximum((parts[..., :2] @ factors[:, None, :, None])[..., 0], 0.0)
        fit = BeamFit(
            window,
            fitted,
            good / _variance(fitted, model.error, strength),
            strength * factors[:, 0],
        )
        misfit = ((window.counts - fitted) ** 2 * fit.weight).sum((1, 2))
        misfit += precision * (away**2).sum(1)
        better = misfit < least
        least = np.where(better, misfit, least)
        best = _where(better, fit, best)
        step = _least_squares(parts, window.counts - expected, weight, precision, -precision * away)
        window = window.moved(given + (away + step[:, 2:]).clip(-farthest, farthest))
    return best


def _where(chosen: NDArray[np.bool_], one: BeamFit, other: BeamFit) -> BeamFit:
    here = chosen[:, None]
    return BeamFit(
        one.window.moved(np.where(here, one.window.shift, other.window.shift)),
        np.where(here[..., None], one.expected, other.expected),
        np.where(here[..., None], one.weight, other.weight),
        np.where(chosen, one.strength, other.strength),
    )


def _variance(expected: Floats, error: Floats, strength: Floats) -> Floats:
    """Of counting, and of what the model is wrong by, `(frame, y, x)`."""
    brightest = maximum_filter(expected, size=(1, 3, 3))
    wrong = (error * strength[:, None, None]) ** 2 + (NEIGHBOURS_ERROR * brightest) ** 2
    return np.asarray(np.maximum(expected, FAINTEST) + wrong)


def _error(window: InnerWindow, expected: Floats, strength: Floats) -> Floats:
    """Find by how much more than counting frames differ from the model, pixel by pixel."""
    excess = (window.counts - expected) ** 2 - np.maximum(expected, FAINTEST)
    share = np.where(window.good, excess, 0) / np.maximum(strength, 1.0)[:, None, None] ** 2
    kept = max(1, round(TRIMMED * len(share)))
    return np.asarray(np.sqrt(np.maximum(np.sort(share, axis=0)[:kept].mean(0), 0.0)))


def _radial_mean(window: InnerWindow) -> tuple[NDArray[np.intp], Floats, NDArray[np.intp]]:
    """Step of every pixel along the radius, mean counts at each step, and steps with pixels."""
    y, x = window.offsets()
    radius = np.hypot(y[:, :, None], x[:, None, :])
    length = window.half * RADIAL_STEPS_PER_PIXEL
    steps = np.minimum(np.round(radius * RADIAL_STEPS_PER_PIXEL).astype(int), length)
    total = np.bincount(steps.ravel(), window.counts.ravel(), minlength=length + 1)
    pixels = np.bincount(steps.ravel(), window.good.ravel(), minlength=length + 1)
    return steps, total / np.maximum(pixels, 1), np.flatnonzero(pixels[:length])


def _round(window: InnerWindow) -> Floats:
    """Return the counts of a round beam, to begin with, `(frame, y, x)`."""
    steps, mean, _ = _radial_mean(window)
    return mean[steps]


def _size(window: InnerWindow, conditions: Conditions) -> tuple[float, float]:
    """Find the diameter and the rim [Å] that explain the radial mean best."""
    _, means, used = _radial_mean(window)
    mean, length = means[used], window.half * RADIAL_STEPS_PER_PIXEL
    diameter, edge = conditions.beam_diameter_angstrom, EDGES_ANGSTROM[3]
    if mean.sum() <= 0:  # behind a beam stop
        return diameter, edge
    q = used * (conditions.frequency_per_pixel / RADIAL_STEPS_PER_PIXEL)
    # Where the model is wrong, it is wrong by a share of the counts.
    root = np.sqrt(q + q[-1] / length) / np.maximum(mean, mean.max() * 1e-6)
    best = np.inf
    for width in DIAMETERS * conditions.beam_diameter_angstrom:
        for rim in EDGES_ANGSTROM:
            profile = probe_transform(q, width, rim) ** 2
            basis = np.stack([profile, 1 / (1 + (q * width) ** 2), np.ones_like(q)], axis=1)
            basis = basis * root[:, None]
            factors, *_ = np.linalg.lstsq(basis, mean * root, rcond=None)
            miss = float(((basis @ factors - mean * root) ** 2).sum())
            if miss < best:
                best, diameter, edge = miss, float(width), rim
    return diameter, edge


def _least_squares(
    basis: Floats,
    values: Floats,
    weight: Floats,
    precision: float = 0.0,
    pull: Floats | None = None,
) -> Floats:
    """Solve small weighted least squares `(frame, y, x, k)`, one for each frame: `(frame, k)`.

    The last two unknowns are known beforehand, with a precision and the `pull` that this makes.
    """
    frames, terms = len(basis), basis.shape[-1]
    flat = basis.reshape(frames, -1, terms)
    turned = np.swapaxes(flat * weight.reshape(frames, -1, 1), 1, 2)
    matrix = turned @ flat
    right = (turned @ values.reshape(frames, -1, 1))[..., 0]
    if pull is not None:
        matrix[:, [-2, -1], [-2, -1]] += precision
        right[:, -2:] += pull
    root = np.sqrt(np.maximum(np.einsum("fkk->fk", matrix), 1e-30))
    even = matrix / (root[:, :, None] * root[:, None, :]) + 1e-9 * np.eye(terms)
    return np.asarray(np.linalg.solve(even, (right / root)[..., None])[..., 0] / root)
