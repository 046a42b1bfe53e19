"""Finding molecules in an overview image."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import pi

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from diffragan.acquisition.overview.centring import Centring
from diffragan.acquisition.overview.contrast import Contrast, prepare
from diffragan.acquisition.overview.defocus import Defocus
from diffragan.acquisition.overview.exclusion import at_pixels, spread
from diffragan.acquisition.overview.frames import ImageFrame, Points
from diffragan.acquisition.overview.matched_filter import (
    Filters,
    ball_radius_angstrom,
    filtered,
    filters_for,
)
from diffragan.config.acquisition import OverviewSettings
from diffragan.electron import Electron
from diffragan.io.overview_image import OverviewImage
from diffragan.robust import MAD_TO_SIGMA

Map = NDArray[np.float32]

FALSE_PICKS = 1.0
"""How many sure picks of the whole image noise alone may make; sets their lowest score."""
FAINT_AREA_ANGSTROM2, FALSE_FAINT_PICKS = 10_000.0, 0.1
"""How many faint ones in an area, about that of a narrow beam."""
RIM_ANGSTROM = 30.0
"""Nearer to the image's edge, a filter sees what is not there."""
NOISE_CELL_ANGSTROM = 400.0
"""Side of the cells whose noise is measured: wide beside a molecule, narrow beside the ice."""
EVIDENCE_SIGMAS = 2.5
EVIDENCE_CELL_ANGSTROM = 25.0
LEAST_MEAN = 0.05
"""Of the typical mean: darker is as good as opaque."""
RINGING = ((120.0, 0.25), (60.0, 0.4))
"""Nearer than that to a stronger pick [Å], one of less than that share of its score is its fringe:
of any, and of the first ones, which are higher."""
ONE_MOLECULE_ANGSTROM = 25.0
"""Picks whose centres come nearer to each other than that are lobes of one molecule, which lies at
their mean, weighed by their scores."""


NOTHING = -1
"""In place of a pick's number, where there is none."""


@dataclass(frozen=True, slots=True)
class Picks:
    """Molecules found in an image, the surest first."""

    centre_angstrom: Points
    """`(pick, 2)`, x and y in the image's frame, see `frames` [Å]."""
    diameter_angstrom: NDArray[np.float64]
    """`(pick,)`, of the ball that fits best [Å]."""
    score: NDArray[np.float64]
    """`(pick,)`, height over the local noise [standard deviations]."""
    sure: NDArray[np.bool_]
    """`(pick,)`, whether noise alone hardly makes such a pick anywhere in the image; the others
    count only where a pattern says that there is a molecule."""
    excluded: NDArray[np.bool_]
    """`(cell_y, cell_x)`: regions of carbon, crystals and dirt, where nothing was sought."""
    excluded_pixel_angstrom: float
    """Side of those cells [Å]."""
    evidence: Map
    """`(cell_y, cell_x)`, rows as in the image: by how much filters rise over `EVIDENCE_SIGMAS`,
    squared and added up, molecules too faint to be picked included."""
    darkness: Map
    """`(cell_y, cell_x)`, the same cells: -ln of the mean over that of the image, what thickness,
    aperture and filter took away."""
    evidence_pixel_angstrom: float
    """Side of the cells of both [Å]."""
    frame: ImageFrame
    """Of the image."""

    def __len__(self) -> int:
        return len(self.score)


def pick(
    image: OverviewImage, defocus: Defocus, settings: OverviewSettings, electron: Electron
) -> Picks:
    """Find molecules of 5 to 100 kDa by matched filters on several scales.

    Each filter's response is measured in standard deviations of its surroundings; a molecule is
    a place and a scale where it is highest, and higher than noise would be anywhere.

    Parameters
    ----------
    image : The overview image.
    defocus : Of its lens.
    settings : For its aperture and orientation.
    electron : The beam's electron.
    """
    contrast, lens = prepare(image), defocus.optics(settings)
    pixel, factor = contrast.pixel_angstrom, contrast.binning
    filters = filters_for(contrast, lens, electron)
    height, scale = _highest(contrast, filters)
    rows, columns = _peaks(height, scale, filters, pixel)
    rim = RIM_ANGSTROM / pixel
    inside = ~at_pixels(contrast.excluded, contrast.cell_pixels, rows, columns)
    inside &= (np.minimum(rows, columns) >= rim) & (rows < height.shape[0] - rim)
    inside &= columns < height.shape[1] - rim
    rows, columns = rows[inside], columns[inside]
    masses = np.array(filters.masses_kda)[scale[rows, columns]]
    centring = Centring(contrast, lens, electron)
    found = [
        centring.centre(float(x), float(y), float(mass))
        for y, x, mass in zip(rows, columns, masses, strict=True)
    ]
    centres = np.array(found).reshape(-1, 2)
    single, centres = _lobes_joined(centres, height[rows, columns], ONE_MOLECULE_ANGSTROM / pixel)
    rows, columns, masses = rows[single], columns[single], masses[single]
    frame = ImageFrame(
        (image.electrons.shape[0], image.electrons.shape[1]),
        image.pixel_angstrom,
        settings.image_flipped_y,
    )
    # A binned pixel's middle is that of the pixels it is made of.
    points = frame.to_angstrom(centres * factor + (factor - 1) / 2)
    score = height[rows, columns].astype(np.float64)
    lowest_sure = lowest_score(FALSE_PICKS / (height.size * pixel**2), filters.slopes_per_angstrom2)
    side = max(1, round(EVIDENCE_CELL_ANGSTROM / pixel))
    return Picks(
        centre_angstrom=points,
        diameter_angstrom=2 * np.array([ball_radius_angstrom(float(mass)) for mass in masses]),
        score=score,
        sure=score > lowest_sure,
        excluded=contrast.excluded,
        excluded_pixel_angstrom=contrast.cell_pixels * pixel,
        evidence=_summed(np.maximum(height - EVIDENCE_SIGMAS, 0) ** 2, side),
        darkness=_darkness(image.electrons, side * factor),
        evidence_pixel_angstrom=side * pixel,
        frame=frame,
    )


def _lobes_joined(
    centres: NDArray[np.float64], heights: Map, nearest: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Tell which picks, highest first, have none within `nearest` before them; centre each.

    The others belong to the nearest of these; a centre is the mean of all, weighed by height.
    """
    owner = np.arange(len(centres))
    for number, centre in enumerate(centres):
        before = np.flatnonzero(owner[:number] == np.arange(number))
        distance = np.linalg.norm(centres[before] - centre, axis=-1)
        if (distance < nearest).any():
            owner[number] = before[distance.argmin()]
    single, group = np.unique(owner, return_inverse=True)
    weight = np.bincount(group, heights)
    sums = [np.bincount(group, heights * along) for along in centres.T]
    return single, np.stack(sums, axis=-1) / weight[:, None]


def _summed(values: Map, side: int) -> Map:
    """Sum over cells of `side` pixels; the last ones are part empty."""
    rows, columns = (-(-n // side) for n in values.shape)
    whole = np.zeros((rows * side, columns * side), dtype=np.float32)
    whole[: values.shape[0], : values.shape[1]] = values
    return np.asarray(whole.reshape(rows, side, columns, side).sum((1, 3)))


def _darkness(electrons: Map, side: int) -> Map:
    mean = _summed(electrons, side) / _summed(np.ones_like(electrons), side)
    typical = max(float(np.median(mean)), 1e-6)
    return np.asarray(-np.log(np.maximum(mean / typical, LEAST_MEAN)), dtype=np.float32)


def _highest(contrast: Contrast, filters: Filters) -> tuple[Map, NDArray[np.int8]]:
    """Highest response of all scales at every pixel [local standard deviations], and its scale."""
    height = np.full(contrast.values.shape, -np.inf, dtype=np.float32)
    scale = np.zeros(contrast.values.shape, dtype=np.int8)
    for index, transfer in enumerate(filters.transfer):
        response = filtered(contrast.values, transfer)
        _divide_by_noise(response, contrast)
        better = response > height
        height[better] = response[better]
        scale[better] = index
    return height, scale


def _divide_by_noise(response: Map, contrast: Contrast) -> None:
    """Divide by the robust standard deviation of each cell, smooth between them.

    It is taken to be at least half that of the image.
    """
    shape, pixel = response.shape, contrast.pixel_angstrom
    number = [max(1, round(n * pixel / NOISE_CELL_ANGSTROM)) for n in shape]
    rows, columns = (
        np.linspace(0, n, k + 1).astype(int) for n, k in zip(shape, number, strict=True)
    )
    used = ~spread(contrast.excluded, contrast.cell_pixels, shape)
    cells = np.zeros(number)
    for i, (top, bottom) in enumerate(pairwise(rows)):
        for j, (left, right) in enumerate(pairwise(columns)):
            place = slice(top, bottom, 2), slice(left, right, 2)
            values = np.abs(response[place][used[place]])
            cells[i, j] = np.median(values) if values.size else 0.0
    cells *= MAD_TO_SIGMA
    positive = cells[cells > 0]
    floor = 0.5 * float(np.median(positive)) if positive.size else 1.0
    cells = scipy.ndimage.median_filter(np.maximum(cells, floor), 3, mode="nearest")
    where = [
        np.clip((np.arange(n) + 0.5) * k / n - 0.5, 0, k - 1).astype(np.float32)
        for n, k in zip(shape, number, strict=True)
    ]
    low_y, low_x = (np.floor(w).astype(int) for w in where)
    high_y, high_x = (np.minimum(i + 1, k - 1) for i, k in zip((low_y, low_x), number, strict=True))
    share_y, share_x = where[0] - low_y, where[1] - low_x
    cells = cells.astype(np.float32)
    along = cells[:, low_x] * (1 - share_x) + cells[:, high_x] * share_x
    for row, share in enumerate(share_y):
        response[row] /= along[low_y[row]] * (1 - share) + along[high_y[row]] * share


def lowest_score(per_area_angstrom2: float, slopes_per_angstrom2: Iterable[float]) -> float:
    """Score that peaks of noise exceed at a given rate.

    Peaks of a Gaussian field above u: (2 pi)^(-3/2) slope u exp(-u^2 / 2) an area, summed over
    the filters.

    Parameters
    ----------
    per_area_angstrom2 : How many peaks an area [1/Å2].
    slopes_per_angstrom2 : Of each filter.

    Source: Adler, The Geometry of Random Fields (1981), theorem 6.9.3.
    """
    levels = np.arange(3.0, 10.0, 0.01)
    expected = sum(slopes_per_angstrom2) / (2 * pi) ** 1.5 * levels * np.exp(-(levels**2) / 2)
    return float(levels[min(int((expected > per_area_angstrom2).sum()), len(levels) - 1)])


def _peaks(
    height: Map, scale: NDArray[np.int8], filters: Filters, pixel_angstrom: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the peaks, highest first, none within another's reach."""
    radii = np.array([ball_radius_angstrom(m) for m in filters.masses_kda]) / pixel_angstrom
    width = 2 * max(1, round(radii[0] / 2)) + 1
    highest = scipy.ndimage.maximum_filter(height, width)
    lowest = lowest_score(FALSE_FAINT_PICKS / FAINT_AREA_ANGSTROM2, filters.slopes_per_angstrom2)
    found = (height == highest) & (height > lowest)
    rows, columns = np.nonzero(found)
    order = np.argsort(-height[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    kept: list[int] = []
    for i, (row, column) in enumerate(zip(rows, columns, strict=True)):
        here = height[row, column]
        before = np.array(kept, dtype=int)
        distance = np.hypot(rows[before] - row, columns[before] - column)
        reach = np.maximum(radii[scale[rows[before], columns[before]]], radii[scale[row, column]])
        ratio = here / height[rows[before], columns[before]]
        fringe = [(distance * pixel_angstrom < near) & (ratio < share) for near, share in RINGING]
        if not np.any([*fringe, distance < 1.5 * reach]):
            kept.append(i)
    return rows[kept], columns[kept]
