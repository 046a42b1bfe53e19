"""Pictures of observations: pattern, piece of the overview image, what phasing made of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from diffragan.evaluation.ingest.phased_hits import PhasedHit
from diffragan.evaluation.view_pictures import Grey, Picture, image_picture, pattern_picture
from diffragan.evaluation.views import View, embedded
from diffragan.io.observations import ObservationStore

MOST_PICTURED = 500
MOST_BYTES = 7_500_000
"""Of all pictures together, before they are written as text, which takes a third more."""
PATTERN, IMAGE, METHOD = "pattern", "image", "method "
READ = 64
SMOOTHED_ANGSTROM = 3.0
"""By how much pieces of the image are smoothed: their pixels count few electrons."""
WHITE_COUNTS = 0.3
"""Of a pattern; 0 counts are white and 1 is grey."""
RING_CHOICES_ANGSTROM = (10.0, 5.0, 3.0, 2.0)
DIGITS = 4


def pictured_items(count: int, most: int = MOST_PICTURED) -> list[int]:
    """Choose observations to show, evenly where there are more than a page can hold."""
    shown = min(count, most)
    return [at * count // shown for at in range(shown)]


def pictures_of(
    observations: ObservationStore,
    phased: Mapping[str, Mapping[int, PhasedHit]],
    items: Sequence[int],
    most_bytes: int = MOST_BYTES,
) -> dict[int, dict[str, Any]]:
    """Encode the pictures of some observations, all as large and as good as fit into the page.

    Parameters
    ----------
    phased : What each method made of them, by its name and by item.

    Returns
    -------
    For each item its pictures by name in base 64, and the scale bar of those that are images.
    """
    box, views = observations.experiment.box_angstrom, []
    measured = observations.read("measured").astype(bool)
    blur = SMOOTHED_ANGSTROM / observations.experiment.image_grid.pixel_angstrom
    for start in range(0, len(items), READ):
        some = list(items[start : start + READ])
        patterns = observations.read("diffraction", some)
        images = observations.read("low_resolution", some)
        for item, pattern, image in zip(some, patterns, images, strict=True):
            pictures: dict[str, Grey] = {
                PATTERN: pattern_picture(pattern.astype(np.float64), measured, WHITE_COUNTS),
                IMAGE: image_picture(
                    gaussian_filter(image.astype(np.float64), blur), _half(image), 1
                ),
            }
            for name, of_method in phased.items():
                if item in of_method:
                    found = of_method[item].image.astype(np.float64)
                    pictures[METHOD + name] = image_picture(found, _half(found), 0.1)
            views.append(View(item, 0, box, pictures, {}))
    return {
        one["item"]: {"bar": one["bar"], "sources": one["pictures"]}
        for one in embedded(views, most_bytes)
    }


def rings_of(observations: ObservationStore) -> list[dict[str, float]]:
    """Place circles of resolution on a pattern's picture; radii are shares of its side."""
    experiment = observations.experiment
    side, box = experiment.diffraction_pixels, experiment.box_angstrom
    half = side // 2 / box
    edge = [] if half <= 0 else [1 / half]
    kept = [d for d in RING_CHOICES_ANGSTROM if edge and d > 1.15 * edge[0]]
    return [{"angstrom": round(d, 3), "radius": round(box / d / side, DIGITS)} for d in kept + edge]


def _half(image: Picture) -> int:
    return -(-int(image.shape[-1]) // 2)
