"""Counts on another grid: still counts, each where it belongs."""

import numpy as np
import pytest
from numpy.typing import NDArray

from diffragan.acquisition import spreading
from diffragan.acquisition.spreading import (
    Points,
    pixels_inside,
    pixels_reached,
    spread_counts,
    spread_values,
)

F = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]])


def by(row: float, column: float, scale: float = 1.0) -> spreading.Move:
    def move(places: Points) -> Points:
        return places * scale + np.array([row, column])

    return move


def counted(
    counts: NDArray[np.integer], move: spreading.Move, side: int = 24
) -> NDArray[np.uint32]:
    return spread_counts(counts, move, (side, side), np.random.default_rng(5))


def test_a_whole_shift_moves_an_f_as_it_is() -> None:
    moved = counted(7 * F, by(3, 2))
    assert (moved[3:8, 2:6] == 7 * F).all()
    assert moved.sum() == 7 * F.sum()


@pytest.mark.parametrize("electrons", [50_000, 40_000_000])
def test_a_part_of_a_pixel_divides_the_electrons_by_overlap(electrons: int) -> None:
    """One by one and by parts: 0.25 of a pixel is a whole number of parts."""
    pixel = np.zeros((3, 3), np.int64)
    pixel[1, 1] = electrons
    moved = counted(pixel, by(0.25, 0.0))
    assert moved.sum() == electrons
    assert moved[2, 1] / electrons == pytest.approx(0.25, abs=5 * (0.19 / electrons) ** 0.5)
    assert moved[1, 1] + moved[2, 1] == electrons


def test_bright_counts_that_are_stretched_stay_poisson() -> None:
    """An ellipse made round must not give some rows of pixels more than others."""
    generator = np.random.default_rng(4)
    counts = generator.poisson(1000.0, (120, 120))

    def stretched(places: Points) -> Points:
        return (places - 60) * np.array([1.005, 0.995]) + 60.3

    moved = spread_counts(counts, stretched, (120, 120), generator)[20:100, 20:100].astype(float)
    assert moved.mean() == pytest.approx(1000, rel=0.01)
    assert moved.var() / moved.mean() == pytest.approx(1, abs=0.1)


def test_poisson_counts_stay_poisson_and_independent() -> None:
    """Variance over mean is 1 and neighbours do not correlate, where interpolation blurs both."""
    generator = np.random.default_rng(1)
    counts = generator.poisson(4.0, (400, 400))
    turned = np.array([[0.8, -0.6], [0.6, 0.8]])
    moved = spread_counts(counts, lambda p: p @ turned.T + (250, 20), (500, 500), generator)
    patch = moved[220:320, 220:320].astype(float)
    assert patch.mean() == pytest.approx(4.0, abs=0.1)
    assert patch.var() / patch.mean() == pytest.approx(1.0, abs=0.06)
    neighbours = np.corrcoef(patch[:, 1:].ravel(), patch[:, :-1].ravel())[0, 1]
    assert abs(neighbours) < 0.05


def test_values_move_as_counts_do_on_average() -> None:
    move = by(2.3, 1.6, scale=0.7)
    mean = np.mean(
        [spread_counts(900 * F, move, (9, 9), np.random.default_rng(n)) for n in range(20)], 0
    )
    moved = spread_values(900.0 * F, move, (9, 9))
    assert moved.sum() == pytest.approx(900 * F.sum(), rel=1e-5)
    # Parts are an eighth of a pixel, and so is the error of a share.
    assert np.abs(mean - moved).max() < 900 / 8 + 20


def test_bad_pixels_spoil_all_that_they_reach() -> None:
    bad = np.zeros((5, 5), bool)
    bad[2, 2] = True
    reached = pixels_reached(bad, by(0.5, 0.0), (5, 5))
    assert np.argwhere(reached).tolist() == [[2, 2], [3, 2]]


def test_only_whole_pixels_lie_inside() -> None:
    inside = pixels_inside(by(-0.5, 0.0), (5, 5), (5, 5))
    assert not inside[0].any()
    assert inside[1:].all()


def test_the_same_generator_gives_the_same_counts() -> None:
    assert (counted(90 * F, by(1.4, 0.2)) == counted(90 * F, by(1.4, 0.2))).all()
