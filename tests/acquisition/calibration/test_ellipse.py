"""The ellipse of rings that are not round by themselves."""

from math import exp

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.ndimage import gaussian_filter

from diffragan.acquisition.calibration import ellipse
from diffragan.acquisition.calibration.aligned import AlignedSums
from diffragan.acquisition.calibration.ellipse import Ellipse, find_ellipse, round_radius
from diffragan.config.acquisition import ScanSettings

PIXELS, PARTS, SEEDS = 121, 6, 6
SPECKLED_PIXELS = 35
"""Within these rings few molecules' speckle does not average out."""
TRUE = Ellipse(1.01, 30.0, 0.0)


def speckled(seed: int) -> AlignedSums:
    """A falling pattern, stretched; a tenth of its middle is speckle, alike at q and -q."""
    rng = np.random.default_rng(seed)
    centre = np.full(2, PIXELS // 2, dtype=float)
    radius = round_radius((PIXELS, PIXELS), centre, TRUE.matrix())
    smooth = gaussian_filter(rng.normal(size=(PARTS, PIXELS, PIXELS)), (0, 3, 3))
    smooth = smooth + smooth[:, ::-1, ::-1]
    smooth *= np.sqrt(PARTS) * 0.1 / smooth.std()
    pattern = 1e4 * np.exp(-radius / 15) * (1 + smooth * (radius < SPECKLED_PIXELS))
    sums = rng.poisson(pattern.clip(min=0)).astype(float)
    return AlignedSums(sums, sums**2, np.full(sums.shape, 10.0), centre)


def errors() -> NDArray[np.float64]:
    found = [find_ellipse(speckled(seed), 15, 60) for seed in range(SEEDS)]
    return np.array([one.ratio_to(TRUE) - 1 for one in found])


def test_rings_whose_speckle_is_strong_count_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    weighed = errors()
    assert np.sqrt(np.mean(weighed**2)) < 0.003
    flat = lambda deviation, weight, angle, ring: np.ones(int(ring.max()) + 1)  # noqa: ARG005, E731
    monkeypatch.setattr(ellipse, "_noise", flat)
    assert np.sqrt(np.mean(errors() ** 2)) > 1.5 * np.sqrt(np.mean(weighed**2))


def test_the_error_is_about_as_large_as_stated() -> None:
    stated = [find_ellipse(speckled(seed), 15, 60).ratio_error for seed in range(SEEDS)]
    # Of each of the two components; the ratio is off by both.
    assert 0.5 < np.sqrt(np.mean(errors() ** 2) / 2) / np.sqrt(np.mean(np.square(stated))) < 2


def test_what_is_left_of_an_ellipse_does_not_depend_on_names() -> None:
    assert Ellipse(1.02, 90.0, 0.0).ratio_to(Ellipse(1.02, -90.0, 0.0)) == pytest.approx(1)
    assert Ellipse(1.02, 0.0, 0.0).ratio_to(Ellipse(1.03, 90.0, 0.0)) == pytest.approx(1.02 * 1.03)
    assert Ellipse(1.0, 17.0, 0.0).ratio_to(Ellipse(exp(0.1), 5.0, 0.0)) == pytest.approx(exp(0.1))


def test_a_given_ellipticity_needs_its_direction() -> None:
    with pytest.raises(ValidationError, match="ellipticity_angle_deg go together"):
        ScanSettings(ellipticity=0.01)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (0.002, "1.0123 ± 0.0020 at 30°"),
        (float("inf"), "1.0123 ± unknown at 30°"),
        (0.0, "1.0123 as given at 30°"),
    ],
)
def test_words_say_how_it_is_known(error: float, words: str) -> None:
    assert Ellipse(1.0123, 30.2, error).words() == words
