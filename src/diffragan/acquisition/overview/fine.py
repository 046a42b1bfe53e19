"""The places of a scan's positions in an image, by every molecule that both show."""

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import scipy.ndimage
import scipy.sparse
import scipy.sparse.linalg
import scipy.special
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from diffragan.acquisition.overview.frames import Points, turn
from diffragan.acquisition.overview.scattering_map import NOISE_DIAMETERS, ScatteringMap, band
from diffragan.robust import MAD_TO_SIGMA

Values = NDArray[np.float64]

ROUNDS = 25
FIRST_BLUR = 0.3
"""Of the beam's diameter: the first profile is that soft, to draw in what is far off."""
BLUR_SHRINKS = 0.8
MOLECULE_BLUR_ANGSTROM = 10.0
"""Standard deviation that a molecule's own extent and the beam's edge give to the profile."""
BACKGROUND_DIAMETERS = 1.5
HUBER_SIGMAS = 1.5
DRIFT_ANGSTROM = 30.0
"""What a bend of the scan is expected to be at its ends, as a standard deviation."""
LINEAR_SHARE = 0.03
"""The same of a stretch or turn, beyond the rotation and scale that were found before."""


@dataclass(frozen=True, slots=True)
class Fine:
    """Places of the scan's positions and their errors."""

    positions_angstrom: Points
    """`(position, 2)`, x and y in the image [Å]."""
    standard_error_angstrom: Values
    """`(position,)`, of the distance from the true place [Å]."""
    matrix: Points
    """`(2, 2)`: the linear part, from the scan's frame to the image's."""
    shift_angstrom: Points
    """Where the middle of the scan lies [Å]."""
    rotation_error_deg: float
    scale_error: float
    drift_angstrom: float
    """Root mean square of what is not linear [Å]."""
    molecules: int
    """How many molecules decided it."""


def refine(
    intensity: Values,
    points: Points,
    molecules: Points,
    rotation_deg: float,
    scale: float,
    shift_angstrom: Points,
    beam_diameter_angstrom: float,
    darkness: ScatteringMap,
) -> Fine:
    """Fit the map of scattered intensity by the image's thickness and discs around its molecules.

    Each molecule adds its own strength wherever the beam covers it, and thickness adds in
    proportion. The places of the positions
    are a linear map and a smooth drift (second order, and third along the slow direction);
    residuals of other origin lose their weight (Huber), and molecules that the scan does not show
    get no strength. Errors are those of independent
    regions, two beams wide (cluster-robust).

    Parameters
    ----------
    intensity : `(scan_y, scan_x)`.
    points : `(scan_y * scan_x, 2)`, positions in the scan's own frame [Å].
    molecules : `(molecule, 2)`, centres in the image [Å].
    rotation_deg : From a coarse search, as the next two.
    scale : Of the scan's step.
    shift_angstrom : Where the middle of the scan lies [Å].
    beam_diameter_angstrom : Of the illuminated disc [Å].
    darkness : Of the image under the beam.

    Source: Huber, Robust Statistics (1981), sec. 7.8; Liang and Zeger, Biometrika 73 (1986) 13.
    """
    extent = np.maximum(np.abs(points).max(0), 1.0)
    terms = _terms(points / extent)
    start = np.zeros((terms.shape[1], 2))
    start[0] = shift_angstrom
    # Rows: (R^-1 v)^T = v^T R.
    start[1:3] = scale * np.diag(extent) @ turn(rotation_deg)
    tolerance = np.full_like(start, DRIFT_ANGSTROM)
    tolerance[0] = beam_diameter_angstrom
    tolerance[1:3] = LINEAR_SHARE * extent[:, None]
    coefficients = start.copy()
    radius, blur = beam_diameter_angstrom / 2, FIRST_BLUR * beam_diameter_angstrom
    step = _spacing(points)
    width = BACKGROUND_DIAMETERS * beam_diameter_angstrom / step
    # Both maps lose what varies slowly in the scan, whose rims would not be those of the image.
    wanted = band(intensity, beam_diameter_angstrom / step).ravel()
    background, strength, share = np.zeros(wanted.size), np.zeros(len(molecules)), 0.0
    weight = np.ones(wanted.size)
    for _ in range(ROUNDS):
        blur = max(BLUR_SHRINKS * blur, _least_blur(step, beam_diameter_angstrom))
        places = terms @ coefficients
        pairs = _pairs(places, molecules, radius, blur)
        cover = pairs.matrix(len(points), len(molecules), pairs.value)
        dark, dark_slope = darkness.at(places)
        thick = band(dark.reshape(intensity.shape), beam_diameter_angstrom / step).ravel()
        strength = _strengths(cover, wanted - background - share * thick, strength)
        left = wanted - background - cover @ strength
        weighed = weight * thick
        share = max(float(weighed @ left) / max(float(weighed @ thick), 1e-12), 0.0)
        background = background + _smooth(left - share * thick, intensity.shape, width)
        residual = wanted - background - cover @ strength - share * thick
        sigma = MAD_TO_SIGMA * float(np.median(np.abs(residual - np.median(residual)))) or 1.0
        weight = np.minimum(1, HUBER_SIGMAS * sigma / np.maximum(np.abs(residual), 1e-12 * sigma))
        slope = _slopes(pairs, strength, len(points)) + share * dark_slope
        jacobian = (terms[:, :, None] * slope[:, None, :]).reshape(len(terms), -1)
        weighted = jacobian * (weight / sigma**2)[:, None]
        prior = 1 / tolerance.ravel() ** 2
        pull = (start - coefficients).ravel() * prior
        normal = weighted.T @ jacobian + np.diag(prior)
        moved = np.linalg.solve(normal, weighted.T @ residual + pull)
        coefficients = coefficients + moved.reshape(coefficients.shape)
    regions = _regions((intensity.shape[0], intensity.shape[1]), 2 * radius * 2 / step)
    parts = np.zeros((int(regions.max()) + 1, jacobian.shape[1]))
    np.add.at(parts, regions, weighted * residual[:, None])
    clusters = parts.T @ parts
    inverse = np.linalg.inv(normal)
    covariance = inverse @ (clusters + np.diag(prior)) @ inverse
    return _result(terms, coefficients, covariance, extent, int((strength > 0).sum()))


def _least_blur(step_angstrom: float, diameter_angstrom: float) -> float:
    """Return the smallest blur of the profile: molecule, scan's step, and the map's own [Å]."""
    smooth = NOISE_DIAMETERS * diameter_angstrom
    return sqrt(MOLECULE_BLUR_ANGSTROM**2 + step_angstrom**2 / 12 + smooth**2)


def _terms(unit: Points) -> Values:
    """Polynomials `(position, term)` of the scan's coordinates between -1 and 1."""
    x, y = unit.T
    return np.stack([np.ones_like(x), x, y, x**2, x * y, y**2, y**3], axis=-1)


def _spacing(points: Points) -> float:
    return float(np.linalg.norm(points[1] - points[0])) if len(points) > 1 else 1.0


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Positions and molecules whose discs touch them."""

    position: NDArray[np.int64]
    molecule: NDArray[np.int64]
    value: Values
    """How much of the molecule's strength the position sees."""
    slope: Points
    """Its change with the place of the position, along x and y [1/Å]."""

    def matrix(self, rows: int, columns: int, values: Values) -> scipy.sparse.csr_array:
        """Return the sparse matrix of one value of each pair."""
        return scipy.sparse.csr_array(
            (values, (self.position, self.molecule)), shape=(rows, columns)
        )


def _pairs(places: Points, molecules: Points, radius: float, blur: float) -> _Pairs:
    near = cKDTree(places).query_ball_point(molecules, radius + 3 * blur)
    position = np.concatenate([np.array(n, dtype=np.int64) for n in near])
    molecule = np.repeat(np.arange(len(molecules)), [len(n) for n in near])
    away = places[position] - molecules[molecule]
    distance = np.maximum(np.linalg.norm(away, axis=-1), 1e-9)
    u = (distance - radius) / blur
    value = 0.5 * scipy.special.erfc(u / sqrt(2))
    fall = -np.exp(-(u**2) / 2) / (sqrt(2 * pi) * blur)
    return _Pairs(position, molecule, value, (fall / distance)[:, None] * away)


def _strengths(cover: scipy.sparse.csr_array, wanted: Values, before: Values) -> Values:
    """Non-negative strengths of molecules, a little ridge for those that are hardly seen."""
    ridge = 0.5 * scipy.sparse.eye_array(cover.shape[1])
    found = scipy.sparse.linalg.spsolve((cover.T @ cover + ridge).tocsc(), cover.T @ wanted)
    # Half the way: strengths and background share what they explain.
    return np.asarray(np.maximum(0.5 * before + 0.5 * np.atleast_1d(found), 0))


def _smooth(values: Values, shape: tuple[int, ...], width: float) -> Values:
    smooth = scipy.ndimage.gaussian_filter(values.reshape(shape), width, mode="nearest")
    return np.asarray(smooth).ravel()


def _slopes(pairs: _Pairs, strength: Values, count: int) -> Points:
    """Change of the model at every position with its place `(position, 2)`."""
    steep = pairs.slope * strength[pairs.molecule, None]
    return np.stack(
        [np.bincount(pairs.position, steep[:, i], minlength=count) for i in (0, 1)], axis=-1
    )


def _regions(shape: tuple[int, int], side: float) -> NDArray[np.int64]:
    """Give the number of its square region to every position."""
    rows, columns = (np.floor(np.arange(n) / max(side, 1.0)).astype(np.int64) for n in shape)
    return np.asarray((rows[:, None] * (columns[-1] + 1) + columns[None, :]).ravel())


def _result(
    terms: Values, coefficients: Values, covariance: Values, extent: Values, molecules: int
) -> Fine:
    linear = coefficients[1:3] / extent[:, None]
    # Each axis of a place is the same terms times its own coefficients.
    variance = sum(
        np.einsum("pi,ij,pj->p", terms, covariance[axis::2, axis::2], terms) for axis in (0, 1)
    )
    part = covariance[2:6, 2:6].diagonal().reshape(2, 2) / extent[:, None] ** 2
    bent = terms[:, 3:] @ coefficients[3:]
    bent = bent - bent.mean(0)
    error = float(np.sqrt(part.sum() / 4))
    return Fine(
        terms @ coefficients,
        np.sqrt(np.maximum(np.asarray(variance), 0)),
        linear.T,
        coefficients[0],
        float(np.rad2deg(error)),
        error,
        float(np.sqrt((bent**2).sum(-1).mean())),
        molecules,
    )
