"""Shadows of a detector whose patterns are dark."""

import numpy as np

from diffragan.acquisition.calibration.rings import radius_map
from diffragan.acquisition.calibration.shadows import find_shadows


def test_a_hot_pixel_in_the_corner_of_a_dark_detector_does_not_make_all_the_rest_a_gap() -> None:
    random = np.random.default_rng(1)
    radius = radius_map((96, 96), (48.0, 48.0))
    sums = random.poisson(1e6 * np.exp(-((radius / 2) ** 2)) + 2 * np.exp(-radius / 20)).astype(
        float
    )
    sums[0, 0] = 1e5
    found = find_shadows(sums, radius, sums == 0)
    assert found.gaps[radius < 60].sum() == 0
    assert not found.beam_stop.any()
