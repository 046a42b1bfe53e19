"""What the beam would scatter at every place of an image, to be compared with what it did."""

from dataclasses import dataclass
from math import ceil

import numpy as np
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

from diffragan.acquisition.overview.frames import Points
from diffragan.acquisition.overview.picking import Picks
from diffragan.robust import MAD_TO_SIGMA

Map = NDArray[np.float64]

SMOOTH_DIAMETERS = 2.0
"""What varies over more beam diameters than that is taken out: ice, carbon's edge."""
NOISE_DIAMETERS = 0.2
"""A Gaussian of that standard deviation takes noise out that no molecule makes."""
CLIP_SIGMAS = 4.0
MOST_PIXELS = 256
"""Along a side: finer, a search costs more than it gains."""


@dataclass(frozen=True, slots=True)
class ScatteringMap:
    """The map, in the image's frame."""

    values: Map
    """`(y, x)`, rows along y, whichever way those of the image run."""
    known: NDArray[np.bool_]
    """`(y, x)`, false where the image shows something else than molecules in ice."""
    corner_angstrom: Points
    """Where the outer corner of pixel 0, 0 lies, x and y [Å]."""
    pixel_angstrom: float

    def at(self, points: Points) -> tuple[NDArray[np.float64], Points]:
        """Value and slope [1/Å] at points x, y of the image; 0 beyond its edges."""
        place = (points - self.corner_angstrom).T[::-1] / self.pixel_angstrom - 0.5
        value, slope_y, slope_x = (
            scipy.ndimage.map_coordinates(part, place, order=1, mode="constant")
            for part in (self.values, *np.gradient(self.values, self.pixel_angstrom))
        )
        return value, np.stack([slope_x, slope_y], axis=-1)


@dataclass(frozen=True, slots=True)
class ScatteringMaps:
    """Two signs of what scatters; which of them tells, depends on specimen, aperture and filter."""

    molecules: ScatteringMap
    """Evidence of molecules under the beam."""
    thickness: ScatteringMap
    """How dark the image is under the beam: ice, carbon, dirt."""
    darkness: ScatteringMap
    """The same with what varies slowly, and not clipped."""


def scattering_maps(
    picks: Picks, beam_diameter_angstrom: float, step_angstrom: float
) -> ScatteringMaps:
    """Return what the beam would scatter, by the image.

    Parameters
    ----------
    picks : Of the image.
    beam_diameter_angstrom : Of the illuminated disc [Å].
    step_angstrom : Of the scan [Å].
    """
    shape, beam = picks.evidence.shape, (beam_diameter_angstrom, step_angstrom)
    known, everywhere = _spread(~picks.excluded, picks, shape), np.ones(shape, dtype=np.bool_)
    return ScatteringMaps(
        _lit(picks.evidence, known, picks, *beam),
        _lit(picks.darkness, everywhere, picks, *beam),
        _lit(picks.darkness, everywhere, picks, *beam, flat=False),
    )


def _lit(
    cells: NDArray[np.float32], known: NDArray[np.bool_], picks: Picks, diameter: float,
    step: float, *, flat: bool = True,
) -> ScatteringMap:  # fmt: skip
    """Average cells over the beam, take out what varies slowly, and sample as the scan does."""
    cell, rows = picks.evidence_pixel_angstrom, cells.shape[0]
    values, first_row = cells.astype(np.float64), -0.5
    if picks.frame.flipped_y:
        values, known = values[::-1], known[::-1]
        first_row += rows * cell / picks.frame.pixel_angstrom
    corner = picks.frame.to_angstrom([[-0.5, first_row]])[0]
    disc = _disc(diameter / 2 / cell)
    lit, weight = (
        scipy.signal.fftconvolve(part, disc, mode="same")
        for part in (np.where(known, values, 0.0), known * 1.0)
    )
    even = lit / np.maximum(weight, 1e-3)
    shown = flattened(even, diameter / cell) if flat else even
    pixel = max(min(step, diameter / 4), max(cells.shape) * cell / MOST_PIXELS)
    axes = [(np.arange(ceil(n * cell / pixel)) + 0.5) * pixel / cell - 0.5 for n in cells.shape]
    points = np.meshgrid(*axes, indexing="ij")
    there = scipy.ndimage.map_coordinates(weight, points, order=1, mode="nearest") > 0.5
    return ScatteringMap(
        scipy.ndimage.map_coordinates(shown, points, order=1, mode="nearest"), there, corner, pixel
    )


def band(values: Map, diameter_pixels: float) -> Map:
    """Keep what varies neither slowly nor faster than a beam of that diameter can show."""
    fast, slow = (
        scipy.ndimage.gaussian_filter(values, share * diameter_pixels, mode="nearest")
        for share in (NOISE_DIAMETERS, SMOOTH_DIAMETERS)
    )
    return np.asarray(fast - slow)


def flattened(values: Map, diameter_pixels: float) -> Map:
    """Take out what varies slowly or faster than a beam can show, and clip what stands out.

    Parameters
    ----------
    values : `(y, x)`.
    diameter_pixels : Of the beam.

    Returns
    -------
    `(y, x)`, in robust standard deviations.
    """
    flat = band(values, diameter_pixels)
    sigma = MAD_TO_SIGMA * float(np.median(np.abs(flat - np.median(flat))))
    # Where most of a map is empty, its median deviation says nothing of what is not.
    sigma = max(sigma, 0.5 * float(flat.std())) or 1.0
    return np.asarray(np.clip(flat / sigma, -CLIP_SIGMAS, CLIP_SIGMAS))


def _spread(cells: NDArray[np.bool_], picks: Picks, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Read large cells at the middles of smaller ones."""
    index = [
        np.minimum(
            (
                (np.arange(n) + 0.5) * picks.evidence_pixel_angstrom / picks.excluded_pixel_angstrom
            ).astype(int),
            m - 1,
        )
        for n, m in zip(shape, cells.shape, strict=True)
    ]
    return np.asarray(cells[index[0][:, None], index[1][None, :]])


def _disc(radius: float) -> Map:
    """Disc with a sum of 1."""
    axis = np.arange(-ceil(radius), ceil(radius) + 1)
    disc = np.clip(radius + 0.5 - np.hypot(axis[:, None], axis[None, :]), 0, 1)
    return np.asarray(disc / disc.sum())
