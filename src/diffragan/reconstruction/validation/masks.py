"""Where a map holds the molecule, with an edge soft enough to make no detail of its own."""

from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.validation.checks import check_contrast, check_volume
from diffragan.reconstruction.validation.shells import low_passed
from diffragan.typing import Float, Tensor, Volume

LOWPASS_ANGSTROM = 12.0
"""At it a protein is one body without holes, and noise is weak."""
GROW_ANGSTROM = 3.0
EDGE_ANGSTROM = 6.0
LEAST_PART = 0.1
"""Of the largest body; smaller ones are noise, or a grid's corner."""


def soft_mask(
    volume: Volume,
    grid: Grid,
    *,
    threshold: float | None = None,
    lowpass_angstrom: float = LOWPASS_ANGSTROM,
    grow_angstrom: float = GROW_ANGSTROM,
    edge_angstrom: float = EDGE_ANGSTROM,
) -> Volume:
    """Make a mask `(z, y, x)` of a map: threshold, grow, and a cosine edge outside.

    Parameters
    ----------
    volume : `(z, y, x)`; for half maps their mean, so that the mask favours neither.
    grid : Its sampling.
    threshold : Of the low-passed map; Otsu's between molecule and surroundings when not given.
    lowpass_angstrom : Resolution to which the map is smoothed before [Å].
    grow_angstrom : How far the mask reaches beyond the threshold's surface [Å].
    edge_angstrom : Over which it then falls from one to zero [Å].

    Raises
    ------
    InputError : The map is flat or not finite, or nothing of it lies above the threshold.

    Source: the threshold, Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979) 62.
    """
    check_volume(volume, grid)
    check_contrast(volume)
    smooth = low_passed(volume, grid, max(lowpass_angstrom, 2 * grid.pixel_angstrom)).numpy()
    level = otsu_threshold(smooth) if threshold is None else threshold
    body = _main_bodies(smooth > level)
    if not body.any():
        raise InputError(
            f"nothing of the map lies above the mask's threshold {level:.3g} (its highest value, "
            f"smoothed, is {smooth.max():.3g}); give a lower one"
        )
    distance = distance_transform_edt(~body, sampling=grid.pixel_angstrom)
    return _cosine_edge(torch.from_numpy(distance), grow_angstrom, edge_angstrom)


def sphere_mask(grid: Grid, radius_angstrom: float, edge_angstrom: float = EDGE_ANGSTROM) -> Volume:
    """Make a ball about the origin, one inside the radius, with a cosine edge outside [Å]."""
    axis = (torch.arange(grid.pixels, dtype=torch.float64) - grid.pixels // 2) * grid.pixel_angstrom
    radius = torch.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    return _cosine_edge(radius, radius_angstrom, edge_angstrom)


def around_atoms(
    positions: NDArray[np.float64], grid: Grid, grow_angstrom: float, edge_angstrom: float
) -> Volume:
    """Make a mask of what lies near atoms `(atom, xyz)` [Å]."""
    far = np.ones((grid.pixels,) * 3, dtype=bool)
    nearest = np.rint(positions[:, ::-1] / grid.pixel_angstrom).astype(int) + grid.pixels // 2
    inside = ((nearest >= 0) & (nearest < grid.pixels)).all(1)
    far[tuple(nearest[inside].T)] = False
    distance = distance_transform_edt(far, sampling=grid.pixel_angstrom)
    return _cosine_edge(torch.from_numpy(distance), grow_angstrom, edge_angstrom)


def otsu_threshold(values: NDArray[np.float64], bins: int = 256) -> float:
    """Threshold between two classes of values that differ most.

    Source: Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979) 62, eq. 12.
    """
    counts, edges = np.histogram(values, bins)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    total = np.cumsum(counts * middles)
    mean_below = total[:-1] / np.maximum(below, 1)
    mean_above = (total[-1] - total[:-1]) / np.maximum(above, 1)
    between = below * above * (mean_above - mean_below) ** 2
    return float(edges[1 + int(np.argmax(between))])


def _main_bodies(above: NDArray[np.bool_]) -> NDArray[np.bool_]:
    bodies, count = label(above)
    if count == 0:
        return above
    sizes = np.bincount(bodies.ravel())
    sizes[0] = 0
    kept = sizes >= ceil(LEAST_PART * sizes.max())
    return np.asarray(kept[bodies])


def _cosine_edge(distance: Float[Tensor, "z y x"], start: float, width: float) -> Volume:
    """Fall from one to zero between `start` and `start + width` [Å]."""
    part = ((distance - start) / max(width, 1e-6)).clamp(0, 1)
    return (0.5 + 0.5 * torch.cos(torch.pi * part)).float()
