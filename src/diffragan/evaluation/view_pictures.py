"""Grey pictures of one view, as the page's gallery shows them: 8 bits, the first row on top."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.floating]
Grey = NDArray[np.uint8]

DECADES = 4.5
"""Of intensity that a pattern's grey scale spans."""
LEAST_RANGE = 10.0
NOT_MEASURED_GREY = 205
BRIGHTEST_PERCENT = 99.8
BAR_CHOICES_ANGSTROM = (1, 2, 5, 10, 20, 50, 100, 200)
BAR_SHARE = 1 / 3
"""Of a picture's side that a scale bar takes at most."""


def pattern_picture(pattern: Picture, measured: NDArray[np.bool_], least: float = 0.0) -> Grey:
    """Show a pattern `(y, x)` on a logarithmic scale, dark where electrons arrive.

    The direct beam and everything else that was not measured are one light grey.

    Parameters
    ----------
    least : What is as white as nothing; of counts less than one, so that one is not as dark as
        many.
    """
    seen = pattern[measured].astype(np.float64)
    brightest = float(np.percentile(seen, BRIGHTEST_PERCENT)) if seen.size else 0.0
    brightest = max(brightest, LEAST_RANGE * least)
    if brightest <= 0:
        share = np.zeros(pattern.shape)
    else:
        floor = max(brightest * 10**-DECADES, least)
        decades = np.log10(brightest / floor)
        share = 1 + np.log10(np.clip(pattern, floor, brightest) / brightest) / decades
    grey = _grey(1 - share)
    grey[~measured] = NOT_MEASURED_GREY
    return np.ascontiguousarray(grey[::-1])


def image_picture(image: Picture, half_width: int, percent: float) -> Grey:
    """Show the middle of an image `(y, x)`, black and white at its own outermost percentiles.

    Each picture has its own scale, as FRC takes no notice of contrast: at that of the truth a
    blurred picture would be plain grey.
    """
    low, high = np.percentile(image, [percent, 100 - percent])
    middle = image.shape[-1] // 2
    part = slice(max(middle - half_width, 0), middle + half_width)
    span = high - low if high > low else 1.0
    return np.ascontiguousarray(_grey((image[part, part] - low) / span)[::-1])


def scale_bar_angstrom(side_angstrom: float, choices: Sequence[int] = BAR_CHOICES_ANGSTROM) -> int:
    """Choose a round length [Å] for a scale bar, a third of the picture's side or less."""
    return max((c for c in choices if c <= side_angstrom * BAR_SHARE), default=choices[0])


def _grey(share: Picture) -> Grey:
    values: Picture = 255 * np.clip(share, 0, 1)
    return values.round().astype(np.uint8)
