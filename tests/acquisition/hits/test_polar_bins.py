import numpy as np

from diffragan.acquisition.hits.polar_bins import (
    ARCS,
    BINS,
    FIRST_BIN,
    RING_EDGES_PER_ANGSTROM,
    BinMaker,
)

STEP = 1 / 150


def test_every_pixel_lies_in_the_ring_of_its_distance_from_the_centre() -> None:
    good = np.ones((60, 80), dtype=bool)
    centre = np.array([31.25, 37.5])
    index = BinMaker(good, STEP).bins(centre).index.reshape(good.shape)
    y, x = np.indices(good.shape)
    q = np.hypot(y - centre[0], x - centre[1]) * STEP
    ring = np.searchsorted(FIRST_BIN, index, side="right") - 1
    assert (ring == np.searchsorted(RING_EDGES_PER_ANGSTROM, q, side="right") - 1).all()


def test_pixels_opposite_each_other_lie_in_opposite_bins() -> None:
    good = np.ones((61, 61), dtype=bool)
    index = BinMaker(good, STEP).bins(np.array([30.0, 30.0])).index.reshape(good.shape)
    ring = np.searchsorted(FIRST_BIN, index, side="right") - 1
    arc = index - FIRST_BIN[ring]
    opposite = FIRST_BIN[ring] + (arc + ARCS[ring] // 2) % ARCS[ring]
    elsewhere = np.indices(good.shape) - 30 != 0
    off_axes = elsewhere.all(0)  # on an axis rounding decides
    assert (index[::-1, ::-1] == opposite)[off_axes].mean() > 0.99


def test_masked_pixels_count_nowhere() -> None:
    good = np.ones((50, 50), dtype=bool)
    good[20:25] = False
    bins = BinMaker(good, STEP).bins(np.array([25.0, 25.0]))
    assert (bins.index.reshape(good.shape)[20:25] == BINS).all()
    assert bins.pixels.sum() == good.sum()
