"""A pattern of a few waves, seen by frames whose beams fall anywhere on the pixels."""

import numpy as np
import pytest
from numpy.typing import NDArray

from diffragan.acquisition.hits.band_limited import at_pixels, fit_patterns, slopes
from diffragan.acquisition.hits.inner_window import InnerWindow

HALF, FRAMES = 6, 60
PERIOD = 2 * HALF + 1 + 3
Floats = NDArray[np.float64]


def _window(shift: Floats) -> InnerWindow:
    side = 2 * HALF + 1
    size = (len(shift), side, side)
    return InnerWindow(
        np.zeros(size), np.ones(size, dtype=bool), np.zeros((len(shift), 2), dtype=np.intp), shift
    )


def _pattern(window: InnerWindow) -> Floats:
    """Finer along y than a pixel resolves: 0.7 cycles a pixel."""
    y, x = (2 * np.pi / PERIOD * away for away in window.offsets())
    fine = np.cos(11 * y[:, :, None] + 2 * x[:, None, :])
    return np.asarray(2 + fine + 0.5 * np.sin(4 * y[:, :, None] - 5 * x[:, None, :]))


@pytest.fixture(scope="module")
def shifts() -> Floats:
    return np.random.default_rng(6).uniform(-0.5, 0.5, (FRAMES, 2))


def test_a_pattern_finer_than_the_pixels_and_what_is_added_to_it_are_found(shifts: Floats) -> None:
    window = _window(shifts)
    level = np.linspace(-1, 1, FRAMES)
    x = 2 * np.pi / PERIOD * window.offsets()[1]
    added = 0.3 * np.cos(2 * x)[:, None, :]
    share = _pattern(window) + level[:, None, None] * added
    beam, ice = fit_patterns(window, share, np.ones_like(share), level, (12 / 16, 4 / 16))
    elsewhere = _window(np.array([[0.5, -0.4], [0.13, 0.41]]))
    found, more = at_pixels([beam, ice], elsewhere)
    np.testing.assert_allclose(found, _pattern(elsewhere), atol=1e-4)
    x = 2 * np.pi / PERIOD * elsewhere.offsets()[1]
    np.testing.assert_allclose(
        more, np.broadcast_to(0.3 * np.cos(2 * x)[:, None], more.shape), atol=1e-4
    )


def test_pixels_without_weight_say_nothing(shifts: Floats) -> None:
    window = _window(shifts)
    share, weight = _pattern(window), np.ones((FRAMES, 2 * HALF + 1, 2 * HALF + 1))
    share[:, 3, 4], weight[:, 3, 4] = 1e6, 0.0
    beam, _ = fit_patterns(window, share, weight, np.zeros(FRAMES), (12 / 16, 4 / 16))
    (found,) = at_pixels([beam], window)
    np.testing.assert_allclose(found, _pattern(window), atol=1e-4)


def test_slopes_are_differences_of_moved_beams(shifts: Floats) -> None:
    window = _window(shifts)
    share = _pattern(window)
    beam, _ = fit_patterns(window, share, np.ones_like(share), np.zeros(FRAMES), (12 / 16, 4 / 16))
    for axis, slope in enumerate(slopes(beam)):
        step = 1e-4 * np.eye(2)[axis]
        (more,), (less,) = (at_pixels([beam], _window(shifts + way * step)) for way in (1, -1))
        (told,) = at_pixels([slope], window)
        np.testing.assert_allclose(told, (more - less) / 2e-4, atol=1e-4)
