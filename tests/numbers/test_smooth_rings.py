import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.rings import (
    ring_distance,
    ring_index,
    ring_sum,
    smooth_ring_correlation,
    smooth_ring_sum,
)
from diffragan.typing import Tensor

seeds = st.integers(0, 2**31 - 1)
shapes = st.sampled_from([(6, 6), (7, 7), (8, 6), (4, 4, 4), (5, 5, 5)])


def noise(shape: tuple[int, ...], seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@given(shapes, seeds)
def test_smooth_ring_sums_are_the_naive_sums(shape: tuple[int, ...], seed: int) -> None:
    values, distance = noise((2, *shape), seed), ring_distance(shape)
    naive = [
        (values * (1 - (distance - ring).abs()).clamp(min=0)).flatten(1).sum(1) for ring in range(4)
    ]
    found = smooth_ring_sum(values, distance, 4)
    torch.testing.assert_close(found, torch.stack(naive, dim=-1))


@given(shapes, seeds)
def test_smooth_rings_together_hold_everything(shape: tuple[int, ...], seed: int) -> None:
    values, distance = noise(shape, seed), ring_distance(shape)
    count = int(distance.max()) + 2
    torch.testing.assert_close(smooth_ring_sum(values, distance, count).sum(), values.sum())


@given(shapes)
def test_rings_are_rounded_distances_and_smooth_ones_hold_as_much_on_the_axes(
    shape: tuple[int, ...],
) -> None:
    distance = ring_distance(shape)
    assert torch.equal(torch.round(distance).long(), ring_index(shape))
    on_axes = (distance == distance.round()).double()
    hard = ring_sum(on_axes, ring_index(shape), 3)
    torch.testing.assert_close(smooth_ring_sum(on_axes, distance, 3), hard)


@given(shapes, seeds, st.floats(0.01, 100))
def test_a_copy_correlates_fully_in_smooth_rings(
    shape: tuple[int, ...], seed: int, scale: float
) -> None:
    wave, distance = torch.fft.fftn(noise(shape, seed)), ring_distance(shape)
    correlation = smooth_ring_correlation(wave, scale * wave, distance, 3)
    torch.testing.assert_close(correlation, torch.ones(3, dtype=torch.float64))
