"""A pattern that is known between the pixels, too, because a narrow beam makes it.

A beam of the diameter D makes no details finer than 1 / D in its wave, so the pattern's transform
ends at the distance D: a Fourier series with so few terms holds it at any place. Frames whose beams
fall elsewhere on the pixels sample it elsewhere, and together they determine it even where one
frame alone has too few pixels for its fringes.

Source: C. E. Shannon, Proc. IRE 37 (1949) 10 (sampling); the beam's autocorrelation ends at D.
"""

from dataclasses import dataclass
from math import ceil, pi

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from diffragan.acquisition.hits.inner_window import Floats, InnerWindow

GUARD_PIXELS = 3
"""Beyond the window until the series repeats."""
RIDGE = 1e-9
"""Of the mean information: holds terms of which no frame knows anything at zero."""

Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A real pattern over the distance from the direct beam."""

    terms: Complex
    """`(k_y, k_x)`, the middle one constant."""
    period: int
    """After which the series repeats [pixels]."""


def fit_patterns(
    window: InnerWindow,
    share: Floats,
    weight: Floats,
    level: Floats,
    reach: tuple[float, float],
) -> tuple[Pattern, Pattern]:
    """Fit a pattern, and what is added to it in proportion to a level, by least squares.

    Parameters
    ----------
    window : Of the frames; where their beams lie.
    share : `(frame, y, x)` what is fitted.
    weight : `(frame, y, x)` one over its variance; 0 where nothing was measured.
    level : `(frame)`.
    reach : Where the transforms of both patterns end [cycles/pixel]; the second not beyond the
        first.
    """
    period = 2 * window.half + 1 + GUARD_PIXELS
    first, second = (_half_disc(end * period) for end in reach)
    widest = int(first.max())
    scale = weight.sum()
    levels = level[:, None, None]
    sums = [_sums(window, weight * levels**power / scale, 2 * widest, period) for power in range(3)]
    aims = [
        _sums(window, weight * share * levels**power / scale, widest, period) for power in range(2)
    ]
    cross = _products(sums[1], first, second)
    matrix = np.block(
        [[_products(sums[0], first, first), cross], [cross.T, _products(sums[2], second, second)]]
    )
    right = np.concatenate([_aims(aims[0], first), _aims(aims[1], second)])
    diagonal = np.einsum("kk->k", matrix)
    diagonal += RIDGE * diagonal.mean()
    found = cho_solve(cho_factor(matrix, lower=True, overwrite_a=True), right)
    split = 2 * len(first)
    return (
        Pattern(_terms(found[:split], first, widest), period),
        Pattern(_terms(found[split:], second, widest), period),
    )


def at_pixels(patterns: list[Pattern], window: InnerWindow) -> Floats:
    """Return patterns of one size at the pixels of windows, `(pattern, frame, y, x)`."""
    widest = len(patterns[0].terms) // 2
    along_y, along_x = _waves(window, widest, patterns[0].period)
    terms = np.stack([pattern.terms for pattern in patterns])
    frames, pixels, orders = along_y.shape
    half = along_y.reshape(-1, orders) @ terms[:, None].reshape(len(terms), orders, orders)
    return np.asarray((half.reshape(-1, frames, pixels, orders) @ along_x.swapaxes(1, 2)).real)


def slopes(pattern: Pattern) -> tuple[Pattern, Pattern]:
    """How a pattern at fixed pixels changes as its beam moves along y and x [1/pixel]."""
    orders = np.arange(len(pattern.terms)) - len(pattern.terms) // 2
    turn = -2j * pi / pattern.period * orders
    return (
        Pattern(pattern.terms * turn[:, None], pattern.period),
        Pattern(pattern.terms * turn[None, :], pattern.period),
    )


def _half_disc(radius: float) -> NDArray[np.intp]:
    """Orders `(term, 2)` in half a disc: those in the other half follow, as patterns are real."""
    most = ceil(radius)
    y, x = np.indices((most + 1, 2 * most + 1)).reshape(2, -1)
    x = x - most
    inside = (np.hypot(y, x) <= max(radius, 1.0)) & ((y > 0) | (x >= 0))
    return np.stack([y, x], axis=1)[inside]


def _waves(window: InnerWindow, widest: int, period: int) -> tuple[Complex, Complex]:
    """Waves along y and x of orders up to `widest`, `(frame, pixel, order)`."""
    orders = np.arange(-widest, widest + 1)
    y, x = (np.exp(2j * pi / period * away[..., None] * orders) for away in window.offsets())
    return y, x


def _sums(window: InnerWindow, values: Floats, widest: int, period: int) -> Complex:
    """Sum of values times waves over all pixels of all frames, `(k_y, k_x)`."""
    along_y, along_x = _waves(window, widest, period)
    rows = values @ along_x
    orders = 2 * widest + 1
    return np.asarray(along_y.reshape(-1, orders).T @ rows.reshape(-1, orders))


def _products(sums: Complex, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
    """Weighted products of the cosines and sines of two sets of orders."""
    middle = len(sums) // 2
    minus = _picked(sums, first[:, None] - second[None], middle)
    plus = _picked(sums, first[:, None] + second[None], middle)
    return (
        np.block(
            [
                [minus.real + plus.real, plus.imag - minus.imag],
                [plus.imag + minus.imag, minus.real - plus.real],
            ]
        )
        / 2
    )


def _picked(sums: Complex, orders: NDArray[np.intp], middle: int) -> Complex:
    return np.asarray(sums[orders[..., 0] + middle, orders[..., 1] + middle])


def _aims(sums: Complex, orders: NDArray[np.intp]) -> Floats:
    found = _picked(sums, orders, len(sums) // 2)
    return np.concatenate([found.real, found.imag])


def _terms(found: Floats, orders: NDArray[np.intp], widest: int) -> Complex:
    """Put cosines and sines together to a whole disc of complex terms."""
    cosine, sine = np.split(found, 2)
    terms = np.zeros((2 * widest + 1, 2 * widest + 1), dtype=np.complex128)
    y, x = orders.T
    terms[widest + y, widest + x] += (cosine - 1j * sine) / 2
    terms[widest - y, widest - x] += (cosine + 1j * sine) / 2
    return terms
