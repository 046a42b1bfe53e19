"""The direct beam as a scan shows it: its size, and each pixel's counts wherever it falls.

The tail of the beam has fringes finer than a pixel, blurred by the detector, of a pattern that is
not quite round. So it is not modelled but learned: the counts of each pixel are a polynomial in the
part of a pixel by which the beam lies off the window's middle, for the beam itself and for what
thicker ice adds.
"""

from dataclasses import dataclass, replace
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1

from diffragan.acquisition.hits.classes import Conditions
from diffragan.acquisition.hits.inner_window import Floats, InnerWindow, inner_window, join_windows
from diffragan.io.scans.scan import Frames

EDGES_ANGSTROM = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.5, 10.0, 14.0, 20.0, 30.0, 45.0)
DIAMETERS = np.linspace(0.9, 1.1, 41)
"""Of the true beam over the nominal one, as far as they are searched."""
RADIAL_STEPS_PER_PIXEL = 8
CENTRE_ROUNDS = 3
LARGEST_SHIFT = 0.65
"""Of a direct beam from the middle of its window: half a pixel, and what the centre may be wrong by
[pixels]."""
LARGEST_STEP = 0.2
MARGIN = 0.2
"""How far beyond half a pixel the polynomials hold [pixels]."""
LEARNING_ROUNDS = 4
BEAM_DEGREE, ICE_DEGREE = 5, 1
KEPT_OF_MEDIAN = 2.5
"""Frames whose difference from the model is that many times the usual one are left out."""
RIDGE = 1e-7
FAINTEST = 0.3
"""Least variance of a pixel [electrons2]: where next to nothing is expected, one count is no
surprise."""
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class BeamModel:
    """The direct beam."""

    diameter_angstrom: float
    edge_angstrom: float
    """Standard deviation of its Gaussian rim [Å]."""
    beam: Floats
    """`(term, pixel)`: counts for each count of the beam, see `_terms`."""
    ice: Floats
    """`(term, pixel)`: what ice that is thicker by the scan's usual thickness adds to that."""
    spread: Floats
    """`(pixel)` standard deviation of frames over that of counting."""


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
    centres : `(frame, 2)`, y and x of each direct beam, to a few tenths of a pixel [pixels].
    thickness : `(frame)`, over the scan's usual one.
    conditions : How they were taken.
    """
    window = inner_window(frames, centres, conditions)
    diameter, edge = _size(window, conditions)
    level = thickness - np.median(thickness)
    kept = np.ones(len(thickness), dtype=bool)
    strength = window.counts.sum((1, 2))
    for again in range(LEARNING_ROUNDS):
        beam, ice = _learned(
            frames[kept], window.centre[kept], level[kept], strength[kept], conditions
        )
        model = BeamModel(diameter, edge, beam, ice, np.ones(beam.shape[1]))
        fit = lay_on(window, model)
        z = (window.counts - fit.expected) * np.sqrt(fit.weight)
        spread = MAD_TO_SIGMA * np.median(np.abs(z[kept]), axis=0)
        model = replace(model, spread=np.maximum(1.0, spread.ravel()))
        # What is learned holds within half a pixel of a window's middle.
        window = inner_window(frames, fit.window.centre, conditions)
        strength = fit.strength
        chi2 = (z**2).mean((1, 2))
        if again + 1 < LEARNING_ROUNDS:
            kept = chi2 <= KEPT_OF_MEDIAN * np.median(chi2)
    return model


def fit_beam(
    frames: Frames, centres: NDArray[np.floating[Any]], model: BeamModel, conditions: Conditions
) -> BeamFit:
    """Fit strength, ice and centre of the beam to each frame, its hologram left aside."""
    first = lay_on(inner_window(frames, centres, conditions), model, rounds=1)
    return lay_on(inner_window(frames, first.window.centre, conditions), model)


def lay_on(window: InnerWindow, model: BeamModel, rounds: int = CENTRE_ROUNDS) -> BeamFit:
    """As `fit_beam`, for windows that are about where they belong."""
    shift = window.shift.copy()
    frames = len(window.counts)
    counts, good = window.counts.reshape(frames, -1), window.good.reshape(frames, -1)
    expected: Floats = np.zeros_like(counts)
    total: Floats = np.zeros(frames)
    best = np.full(frames, np.inf)
    best_shift, best_expected, best_total = shift.copy(), expected.copy(), total.copy()
    for _ in range(rounds + 1):
        beam_terms, ice_terms = _terms(shift, BEAM_DEGREE), _terms(shift, ICE_DEGREE)
        beam = np.maximum(beam_terms @ model.beam, 0.0)
        total = np.where(good, counts, 0).sum(1) / np.maximum(np.where(good, beam, 0).sum(1), 1e-9)
        expected = beam * total[:, None]
        variance = np.maximum(expected, FAINTEST) * model.spread**2
        ice = (ice_terms @ model.ice) * total[:, None]
        down, right = (terms @ model.beam * total[:, None] for terms in _slopes(shift, BEAM_DEGREE))
        parts = np.stack([expected, ice, down, right], axis=2)
        weight = good / variance
        factors = _least_squares(parts, counts - expected, weight)
        fitted = np.maximum(expected + (parts @ factors[..., None])[..., 0], 0.0)
        # Far from the best centre a straight line is no guide: the best of all rounds counts.
        variance = np.maximum(fitted, FAINTEST) * model.spread**2
        chi2 = ((counts - fitted) ** 2 * good / variance).sum(1)
        step = factors[:, 2:].clip(-LARGEST_STEP, LARGEST_STEP)
        better = chi2 < best
        best = np.where(better, chi2, best)
        best_expected[better] = fitted[better]
        best_total[better] = (total * (1 + factors[:, 0]))[better]
        shift = (shift + step).clip(-LARGEST_SHIFT, LARGEST_SHIFT)
        best_shift[better] = shift[better]
    variance = np.maximum(best_expected, FAINTEST) * model.spread**2
    shape = window.counts.shape
    return BeamFit(
        window.moved(best_shift),
        best_expected.reshape(shape),
        (good / variance).reshape(shape),
        best_total,
    )


def _terms(shift: Floats, degree: int) -> Floats:
    """Monomials of the shift `(frame, 2)` up to a degree, `(frame, term)`."""
    y, x = shift.T
    return np.stack(
        [
            y**a * x**b
            for total in range(degree + 1)
            for a in range(total, -1, -1)
            for b in (total - a,)
        ],
        axis=1,
    )


def _slopes(shift: Floats, degree: int) -> tuple[Floats, Floats]:
    """Return the derivatives of `_terms` along y and x."""
    y, x = shift.T
    zero = np.zeros_like(y)
    powers = [(a, total - a) for total in range(degree + 1) for a in range(total, -1, -1)]
    return (
        np.stack([a * y ** (a - 1) * x**b if a else zero for a, b in powers], axis=1),
        np.stack([b * y**a * x ** (b - 1) if b else zero for a, b in powers], axis=1),
    )


def _learned(
    frames: Frames, centres: Floats, level: Floats, strength: Floats, conditions: Conditions
) -> tuple[Floats, Floats]:
    """Fit the polynomials to frames, those near a pixel's rim as seen from the next one, too.

    What is learned then holds a little beyond half a pixel, where a centre that is not yet refined
    may lie.
    """
    parts = []
    middle = np.round(centres)
    for moved in ((0.0, 0.0), *((y, x) for y in (-MARGIN, MARGIN) for x in (-MARGIN, MARGIN))):
        elsewhere = (np.round(centres + np.array(moved)) != middle).any(1)
        chosen = elsewhere if any(moved) else np.ones(len(centres), dtype=bool)
        if chosen.any():
            window = inner_window(frames[chosen], centres[chosen], conditions, moved)
            parts.append((window, level[chosen], strength[chosen]))
    windows, levels, strengths = zip(*parts, strict=True)
    return _polynomials(join_windows(windows), np.concatenate(levels), np.concatenate(strengths))


def _polynomials(window: InnerWindow, level: Floats, strength: Floats) -> tuple[Floats, Floats]:
    """Fit the polynomials of every pixel to frames whose centres are about known."""
    frames = len(strength)
    counts, good = window.counts.reshape(frames, -1), window.good.reshape(frames, -1)
    beam_terms = _terms(window.shift, BEAM_DEGREE)
    terms = np.concatenate([beam_terms, _terms(window.shift, ICE_DEGREE) * level[:, None]], axis=1)
    share = counts / np.maximum(strength, 1.0)[:, None]
    # Counting leaves shares that are as exact as the frame is bright; dead pixels are left out.
    weight = good * strength[:, None]
    products = (terms[:, :, None] * terms[:, None, :]).reshape(frames, -1)
    matrix = (weight.T @ products).reshape(-1, terms.shape[1], terms.shape[1])
    right = (share * weight).T @ terms
    size = np.maximum(weight.sum(0), 1e-12)
    matrix = matrix / size[:, None, None] + RIDGE * np.eye(terms.shape[1])
    found = np.linalg.solve(matrix, (right / size[:, None])[..., None])[..., 0].T
    return found[: beam_terms.shape[1]], found[beam_terms.shape[1] :]


def _size(window: InnerWindow, conditions: Conditions) -> tuple[float, float]:
    """Find the diameter and the rim [Å] that explain the radial mean best."""
    y, x = window.offsets()
    radius = np.hypot(y[:, :, None], x[:, None, :])
    length = window.half * RADIAL_STEPS_PER_PIXEL
    steps = np.minimum(np.round(radius * RADIAL_STEPS_PER_PIXEL).astype(int), length).ravel()
    total = np.bincount(steps, window.counts.ravel(), minlength=length + 1)[:length]
    pixels = np.bincount(steps, window.good.ravel(), minlength=length + 1)[:length]
    used = pixels > 0
    diameter, edge = conditions.beam_diameter_angstrom, EDGES_ANGSTROM[3]
    if total[used].sum() <= 0:  # behind a beam stop
        return diameter, edge
    mean = total[used] / pixels[used]
    q = np.flatnonzero(used) * (conditions.frequency_per_pixel / RADIAL_STEPS_PER_PIXEL)
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


def _least_squares(basis: Floats, values: Floats, weight: Floats) -> Floats:
    """Solve small weighted least squares `(frame, pixel, k)`, one for each frame: `(frame, k)`."""
    turned = np.swapaxes(basis * weight[..., None], 1, 2)
    matrix = turned @ basis
    right = (turned @ values[..., None])[..., 0]
    root = np.sqrt(np.maximum(np.einsum("fkk->fk", matrix), 1e-30))
    even = matrix / (root[:, :, None] * root[:, None, :]) + 1e-9 * np.eye(basis.shape[-1])
    return np.asarray(np.linalg.solve(even, (right / root)[..., None])[..., 0] / root)
