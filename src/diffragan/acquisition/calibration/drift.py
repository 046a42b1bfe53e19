"""How the centre wanders over a scan: a smooth surface, and jitter about it."""

from dataclasses import dataclass
from math import log, pi

import numpy as np
from numpy.polynomial.legendre import legvander
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.robust import MAD_TO_SIGMA

Rows = NDArray[np.float64]

LARGEST_DEGREE = 9
OUTLIER_SIGMAS = 3.0
FRAMES_PER_TERM = 5
"""Frames that each term of the surface needs at least."""


@dataclass(frozen=True, slots=True)
class SmoothCentres:
    """The centre as a polynomial of the place in the scan, and how far frames stray from it."""

    shape: tuple[int, int]
    """Positions of the scan along y and x that the polynomial spans."""
    degree: int
    coefficients: Rows
    """`(2, term)` of products of Legendre polynomials in y and x, for row and column [pixels]."""
    covariance: Rows
    """`(2, term, term)` of the coefficients [pixels^2]."""
    jitter_variance: Rows
    """`(2,)`, of frames about the surface beyond the error of each [pixels^2]."""
    last_row: int
    """Last row of the scan that was looked at; beyond it the surface goes on as there."""

    def at(self, frames: NDArray[np.int64]) -> tuple[Rows, Rows]:
        """Return the surface at frames by their numbers, `(frame, 2)`, and its variance."""
        row, column = np.divmod(frames, self.shape[1])
        seen = np.minimum(row, self.last_row) * self.shape[1] + column
        basis = _basis(seen, self.shape, self.degree)
        variance = np.einsum("ft,atu,fu->fa", basis, self.covariance, basis)
        return basis @ self.coefficients.T, variance.clip(min=0)


def fit_drift(
    frames: NDArray[np.int64], centres: Rows, variances: Rows, shape: tuple[int, int]
) -> SmoothCentres:
    """Fit surfaces of growing degree and keep the one that explains most for its terms.

    Each frame weighs by the inverse of its own variance plus the jitter's, which is found with
    the surface by maximum likelihood; strays are pulled in (Huber). Degrees are compared by the
    Bayesian information criterion.

    Parameters
    ----------
    frames : `(frame,)`, their numbers in the scan.
    centres, variances : `(frame, 2)`, each frame's own estimate [pixels, pixels^2]; infinite
        variances are left out.
    shape : Positions along y and x.

    Raises
    ------
    InputError : Fewer than three frames show where their centre is.

    Source: Schwarz, Ann. Stat. 6 (1978) 461 (the criterion); Huber, Ann. Math. Stat. 35 (1964) 73.
    """
    known = np.isfinite(variances).all(1)
    if known.sum() < 3:
        raise InputError(
            f"only {int(known.sum())} of {len(frames)} frames show where the direct beam is; "
            "exposures are too short, or a beam stop leaves no pair of opposite pixels"
        )
    where, values, errors = frames[known], centres[known], variances[known]
    best: tuple[float, SmoothCentres] | None = None
    for degree in range(LARGEST_DEGREE + 1):
        basis = _basis(where, shape, degree)
        if degree and basis.shape[1] * FRAMES_PER_TERM > len(where):
            break
        if degree and np.linalg.matrix_rank(basis) < basis.shape[1]:
            break
        fits = [_fit(basis, values[:, axis], errors[:, axis]) for axis in (0, 1)]
        worth = sum(2 * fit[3] + basis.shape[1] * log(len(where)) for fit in fits)
        if best is None or worth < best[0]:
            parts = [np.stack([fit[i] for fit in fits]) for i in (0, 1)]
            jitter = np.array([fit[2] for fit in fits])
            last = int(where.max()) // shape[1]
            best = (worth, SmoothCentres(shape, degree, parts[0], parts[1], jitter, last))
    assert best is not None  # degree 0 always fits
    return best[1]


def combine(
    own: Rows, own_variance: Rows, smooth: Rows, smooth_variance: Rows
) -> tuple[Rows, Rows]:
    """Weigh each frame's own centre against the surface by their variances (empirical Bayes).

    Parameters
    ----------
    own, own_variance : `(frame, 2)`; an infinite variance counts nothing.
    smooth, smooth_variance : The surface, and its variance with the jitter's.

    Returns
    -------
    Centres and their variances.

    Source: Efron and Morris, J. Am. Stat. Assoc. 68 (1973) 117.
    """
    share = smooth_variance / np.maximum(smooth_variance + own_variance, 1e-12)
    share = np.where(np.isfinite(own_variance), share, 0.0)
    values = smooth + share * (own - smooth)
    return values, (1 - share) * smooth_variance


def _fit(basis: Rows, values: Rows, errors: Rows) -> tuple[Rows, Rows, float, float]:
    """Coefficients, covariance, jitter's variance and minus the logarithm of the likelihood."""
    middle = np.median(values)
    jitter = max(float((MAD_TO_SIGMA * np.median(np.abs(values - middle))) ** 2), 1e-8)
    found = np.zeros(basis.shape[1])
    pull = np.ones(len(values))
    for _ in range(12):
        weight = pull / (errors + jitter)
        weighted = basis * weight[:, None]
        covariance = np.linalg.pinv(weighted.T @ basis)
        found = covariance @ (weighted.T @ values)
        residual = values - basis @ found
        sigma = np.sqrt(errors + jitter)
        pull = np.minimum(1, OUTLIER_SIGMAS * sigma / np.maximum(np.abs(residual), 1e-12))
        jitter = _jitter(residual, errors, jitter, basis.shape[1])
    total = errors + jitter
    pulled = np.minimum(residual**2, OUTLIER_SIGMAS**2 * total)
    cost = 0.5 * float((pulled / total + np.log(2 * pi * total)).sum())
    return found, np.asarray(covariance, dtype=np.float64), jitter, cost


def _jitter(residual: Rows, errors: Rows, jitter: float, terms: int) -> float:
    """Variance that explains the residuals beyond their errors: one step of EM, robust."""
    total = errors + jitter
    pulled = np.minimum(residual**2, (OUTLIER_SIGMAS**2) * total)
    share = jitter / total
    freedom = len(residual) / max(len(residual) - terms, 1)
    expected = share**2 * pulled * freedom + share * errors
    return max(float(expected.mean()), 1e-8)


def _basis(frames: NDArray[np.int64], shape: tuple[int, int], degree: int) -> Rows:
    """Products of Legendre polynomials up to a total degree at frames, `(frame, term)`."""
    row, column = np.divmod(frames, shape[1])
    y, x = (
        2 * place / max(size - 1, 1) - 1 for place, size in zip((row, column), shape, strict=True)
    )
    if max(shape) == 1:
        degree = 0
    by_y, by_x = (legvander(v, degree) for v in (y, x))
    terms = [
        by_y[:, i] * by_x[:, j]
        for i in range(degree + 1)
        for j in range(degree + 1 - i)
        if (i == 0 or shape[0] > 1) and (j == 0 or shape[1] > 1)
    ]
    return np.stack(terms, 1)
