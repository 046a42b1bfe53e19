"""The beam stop and the gaps between modules: connected regions where nothing is counted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_dilation,
    binary_fill_holes,
    generate_binary_structure,
    label,
    uniform_filter,
)

from diffragan.acquisition.calibration.rings import Map, ring_medians, spread_over

Flags = NDArray[np.bool_]

LEAST_EXPECTED_COUNTS = 40.0
"""Counts that a pixel should have collected before its darkness means anything: chance leaves less
than a tenth of 40 to one pixel in 10^12."""
DARK_SHARE = 0.1
"""A pixel that collects less than this share of what is expected is dark."""
SHADOWED_SHARE = 0.6
"""Beside a shadow, one that collects less than this share lies in its rim."""
LEAST_REGION_PIXELS = 12
"""Smaller dark regions are dead pixels."""
LEAST_RING_PIXELS = 24
"""Of a ring that says anything of those farther in."""
REACH_PIXELS = 4
"""How near to the centre a region must come to be the beam stop."""


@dataclass(frozen=True, slots=True)
class Shadows:
    """Where the detector cannot count, and single pixels that do not."""

    beam_stop: Flags
    """`(q_y, q_x)`."""
    gaps: Flags
    """`(q_y, q_x)`."""
    dead: Flags
    """`(q_y, q_x)`, pixels that do not count while their ring does."""


def find_shadows(sums: Map, radius: Map, constant: Flags, excess: Map | None = None) -> Shadows:
    """Tell shadows and dead pixels from places that are dark because little is scattered there.

    Scattering falls off with angle: a pixel should collect about as much as the median of its own
    ring and, where most of a ring is hidden, no less than those farther out, up to the bump of a
    halo. What no ring farther out exceeds is dark by itself.

    Parameters
    ----------
    sums : `(q_y, q_x)`, counts of all frames, offset taken off.
    radius : `(q_y, q_x)`, distance from the centre [pixels].
    constant : `(q_y, q_x)`, pixels that held one value in all frames.
    excess : Standard deviation of a sum at each pixel, for detectors with read noise; Poisson's
        when left out.
    """
    use = ~constant | (sums > 0)
    own, _ = ring_medians(sums, radius, use)
    own = np.nan_to_num(own, nan=0.0)
    # In a corner a ring is a few pixels, and a hot one among them would be its median.
    pixels = np.bincount(np.round(radius[use]).astype(np.int64), minlength=len(own))
    outward = np.where(pixels >= LEAST_RING_PIXELS, own, 0.0)
    outward = np.maximum.accumulate(outward[::-1])[::-1]
    ring_value = spread_over(own, radius)
    # Half: the inside of a halo is darker than the halo.
    expected = np.maximum(ring_value, 0.5 * spread_over(outward, radius))
    certain = expected > LEAST_EXPECTED_COUNTS
    if excess is not None:
        certain &= expected > 10 * excess
    little = (sums < DARK_SHARE * expected) | constant
    dark = certain & little
    # Where single pixels have too few counts to tell, squares of nine tell regions.
    nine, nine_expected = (9 * uniform_filter(v, 3, mode="nearest") for v in (sums, expected))
    clear = nine_expected > LEAST_EXPECTED_COUNTS
    if excess is not None:
        clear &= nine_expected > 10 * 3 * excess
    dark |= binary_dilation(clear & (nine < DARK_SHARE * nine_expected), iterations=1) & little
    regions, count = label(dark, generate_binary_structure(2, 2))
    sizes = np.bincount(regions.ravel(), minlength=count + 1)
    nearest = np.full(count + 1, np.inf)
    np.minimum.at(nearest, regions.ravel(), radius.ravel())
    large = sizes >= LEAST_REGION_PIXELS
    large[0] = False
    central = large & (nearest <= REACH_PIXELS)
    crossing = _crosses(regions, count)
    stop = _whole(central[regions], sums, expected, certain)
    gaps = _whole((large & ~central)[regions], sums, expected, certain) & ~stop
    # A stop's holder may meet a gap and join it: lines across the whole detector are gaps.
    if (central & crossing).any():
        lines = _lines(dark)
        gaps |= stop & lines
        stop &= ~lines
    return Shadows(stop, gaps, dark & certain & ~stop & ~gaps)


def _crosses(regions: NDArray[np.int32], count: int) -> Flags:
    """Whether each region reaches from one edge to the opposite one."""
    found = np.zeros(count + 1, dtype=bool)
    for first, last in ((regions[0], regions[-1]), (regions[:, 0], regions[:, -1])):
        found[np.intersect1d(first, last)] = True
    found[0] = False
    return found


def _lines(dark: Flags) -> Flags:
    """Rows and columns that are dark throughout, but for places too dark to tell."""
    rows = dark.mean(1) > 0.8
    columns = dark.mean(0) > 0.8
    return np.asarray(dark & (rows[:, None] | columns[None, :]))


def _whole(region: Flags, sums: Map, expected: Map, certain: Flags) -> Flags:
    """Fill the holes of a region (hot pixels in it) and add its half-shadowed rim."""
    if not region.any():
        return region
    rim = binary_dilation(region, iterations=2) & certain & (sums < SHADOWED_SHARE * expected)
    return np.asarray(binary_fill_holes(region | rim))
