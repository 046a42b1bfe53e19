import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.evaluation.difference import (
    difference_mask,
    grey_difference,
    grey_levels,
    mask_edges,
)

seeds = st.integers(0, 10_000)
few = settings(max_examples=20)


def images(seed: int) -> torch.Tensor:
    return torch.rand(2, 24, 30, generator=torch.Generator().manual_seed(seed))


@few
@given(seed=seeds, scale=st.floats(0.1, 50), constant=st.floats(-5, 5))
def test_grey_levels_take_no_notice_of_brightness_and_contrast(
    seed: int, scale: float, constant: float
) -> None:
    true = images(seed)
    levels = grey_levels(true)
    assert levels.amin() == 0
    torch.testing.assert_close(levels.amax((-2, -1)), torch.full((2,), 255.0))
    torch.testing.assert_close(grey_levels(scale * true + constant), levels, atol=0.05, rtol=0)
    assert not difference_mask(scale * true + constant, true).any()


@few
@given(seed=seeds, y=st.integers(8, 15), x=st.integers(8, 20))
def test_a_change_is_found_where_it_is(seed: int, y: int, x: int) -> None:
    true = images(seed)
    true[:, 0, 0], true[:, 0, 1] = 0.0, 1.0  # the changed place is neither darkest nor brightest
    true[:, y - 1 : y + 2, x - 1 : x + 2] = 0.2
    found = true.clone()
    found[:, y - 1 : y + 2, x - 1 : x + 2] = 0.8
    mask = difference_mask(found, true)
    assert mask[:, y, x].all()
    far = torch.ones(24, 30, dtype=torch.bool)
    far[max(0, y - 7) : y + 8, max(0, x - 7) : x + 8] = False
    assert not mask[:, far].any()
    # The smoothed difference holds what was changed: 9 pixels by 0.6 of the grey scale.
    total = grey_difference(found, true).sum((-2, -1))
    torch.testing.assert_close(total, torch.full((2,), 9 * 0.6 * 255), atol=5, rtol=0)


@few
@given(seed=seeds)
def test_edges_are_the_pixels_of_a_mask_next_to_others(seed: int) -> None:
    mask = images(seed) > 0.4
    edges = mask_edges(mask)
    for view in range(2):
        for y in range(24):
            for x in range(30):
                near = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
                outside = any(
                    not bool(mask[view, b, a]) for b, a in near if 0 <= b < 24 and 0 <= a < 30
                )
                assert bool(edges[view, y, x]) == (bool(mask[view, y, x]) and outside)


def test_edges_of_a_square_are_its_outline_and_of_everything_none() -> None:
    mask = torch.zeros(1, 12, 12, dtype=torch.bool)
    mask[:, 3:8, 4:9] = True
    assert int(mask_edges(mask).sum()) == 16
    assert not mask_edges(mask)[:, 4:7, 5:8].any()
    assert not mask_edges(torch.ones(1, 5, 5, dtype=torch.bool)).any()


def test_a_flat_image_is_black() -> None:
    assert not grey_levels(torch.full((1, 8, 8), 3.0)).any()
