"""A view's reference holds what all others say of it, and nothing of itself."""

import pytest
import torch
from phantom import atoms, orientations, projections

from diffragan.grid import Grid
from diffragan.reconstruction.band import coefficients, half_disc, images_of
from diffragan.reconstruction.other_slices import Reference, SliceSums
from diffragan.typing import Complex, Tensor

GRID = Grid(32, 48.0)
BAND = half_disc(GRID.pixels).within(10)
TURNS = orientations(12)
TWOFOLD = torch.stack([torch.eye(3), torch.diag(torch.tensor([-1.0, -1.0, 1.0]))]).double()


def slices() -> Complex[Tensor, "view sample"]:
    images = projections(atoms(14.0), TURNS, torch.zeros(12, 3, dtype=torch.float64), GRID)
    return coefficients(images, BAND, GRID).to(torch.complex64)


def summed(views: range, turns: Tensor | None = None) -> SliceSums:
    sums, values = SliceSums(BAND, turns), slices()
    for view in views:
        sums.add(values[view], TURNS[view])
    return sums


def assert_same(first: Reference, second: Reference) -> None:
    torch.testing.assert_close(first.weight, second.weight, rtol=1e-4, atol=1e-3)
    scale = float(first.sums.abs().max())
    torch.testing.assert_close(first.sums, second.sums, rtol=0, atol=1e-3 * scale)


@pytest.mark.parametrize("turns", [None, TWOFOLD], ids=["C1", "C2"])
def test_others_are_all_that_were_added_but_the_view(turns: Tensor | None) -> None:
    everything, without = summed(range(12), turns), summed(range(1, 12), turns)
    # Twice, for the first time must leave nothing behind.
    for _ in range(2):
        assert_same(everything.others(slices()[0], TURNS[0]), without.seen(TURNS[0]))


def test_a_view_alone_has_no_reference() -> None:
    reference = summed(range(1)).others(slices()[0], TURNS[0])
    assert not reference.weight.any()
    assert not reference.sums.any()
    assert not reference.mean.any()


def test_what_others_say_is_near_what_the_view_shows() -> None:
    values, everything = slices(), summed(range(12))
    seen = everything.others(values[0], TURNS[0])
    near = seen.share > 0.3
    agreement = (values[0] * seen.mean.conj())[near].real.sum() / (
        values[0][near].norm() * seen.mean[near].norm()
    )
    assert near.float().mean() > 0.5
    assert agreement > 0.9


def test_images_of_samples_have_these_samples() -> None:
    values = slices()[:2].to(torch.complex128)
    again = coefficients(images_of(values, BAND, GRID.pixels), BAND, GRID)
    scale = GRID.box_angstrom * GRID.pixels**2
    torch.testing.assert_close(again * scale, values, rtol=1e-5, atol=1e-6)
