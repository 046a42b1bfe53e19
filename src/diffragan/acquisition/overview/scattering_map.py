"""What the beam would scatter at every place of an image, to be compared with what it did."""

from dataclasses import dataclass
from math import ceil

import numpy as np
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

from diffragan.acquisition.overview.frames import Points
from diffragan.acquisition.overview.picking import Picks

Map = NDArray[np.float64]

SMOOTH_DIAMETERS = 2.0
"""What varies over more beam diameters than that is taken out: ice, carbon's edge."""
NOISE_DIAMETERS = 0.2
"""A Gaussian of that standard deviation takes noise out that no molecule makes."""
CLIP_SIGMAS = 4.0
MAD_TO_SIGMA = 1.4826
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


def scattering_map(
    picks: Picks, beam_diameter_angstrom: float, step_angstrom: float
) -> ScatteringMap:
    """Add up the evidence of molecules under the beam.

    Parameters
    ----------
    picks : Of the image.
    beam_diameter_angstrom : Of the illuminated disc [Å].
    step_angstrom : Of the scan [Å].
    """
    cell = picks.evidence_pixel_angstrom
    evidence = picks.evidence.astype(np.float64)
    known = _spread(~picks.excluded, picks, evidence.shape)
    rows, _ = evidence.shape
    first_row = -0.5
    if picks.frame.flipped_y:
        evidence, known = evidence[::-1], known[::-1]
        first_row += rows * cell / picks.frame.pixel_angstrom
    corner = picks.frame.to_angstrom([[-0.5, first_row]])[0]
    disc = _disc(beam_diameter_angstrom / 2 / cell)
    lit, weight = (
        scipy.signal.fftconvolve(part, disc, mode="same")
        for part in (np.where(known, evidence, 0.0), known * 1.0)
    )
    even = lit / np.maximum(weight, 1e-3)
    flat = flattened(even, beam_diameter_angstrom / cell)
    pixel = max(
        min(step_angstrom, beam_diameter_angstrom / 4), max(evidence.shape) * cell / MOST_PIXELS
    )
    axes = [(np.arange(ceil(n * cell / pixel)) + 0.5) * pixel / cell - 0.5 for n in evidence.shape]
    points = np.meshgrid(*axes, indexing="ij")
    values = scipy.ndimage.map_coordinates(flat, points, order=1, mode="nearest")
    there = scipy.ndimage.map_coordinates(weight, points, order=1, mode="nearest")
    return ScatteringMap(values, there > 0.5, corner, pixel)


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
    fast, slow = (
        scipy.ndimage.gaussian_filter(values, share * diameter_pixels, mode="nearest")
        for share in (NOISE_DIAMETERS, SMOOTH_DIAMETERS)
    )
    flat = fast - slow
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
