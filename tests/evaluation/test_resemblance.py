"""What images look like besides their own truth."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.evaluation.resemblance import Pictures, resemblance, thumbnails

ITEMS = list(range(6))


def noise(seed: int, pixels: int = 80) -> torch.Tensor:
    return torch.randn(len(ITEMS), pixels, pixels, generator=torch.Generator().manual_seed(seed))


def pictures(images: torch.Tensor) -> Pictures:
    made = Pictures(ITEMS)
    made.keep(made.made(ITEMS, images))
    return made


@given(scale=st.floats(1e-6, 1e3), offset=st.floats(-10, 10), pixels=st.sampled_from([40, 64, 90]))
def test_scale_and_background_do_not_count(scale: float, offset: float, pixels: int) -> None:
    images = noise(0, pixels).double()
    first, second = thumbnails(images), thumbnails(images * scale + offset)
    assert torch.allclose(torch.linalg.vector_norm(first, dim=1), torch.ones(len(ITEMS)), atol=1e-5)
    if abs(offset) < 100 * scale:
        assert torch.allclose(first, second, atol=1e-3)


def test_a_constant_image_is_like_nothing() -> None:
    assert not thumbnails(torch.full((2, 80, 80), 0.7)).any()


def test_each_likeness_is_found() -> None:
    truth, low = noise(1), noise(2)
    own = resemblance(pictures(truth), pictures(truth), [pictures(low)])
    assert own.own_truth == pytest.approx(1, abs=1e-5)
    assert max(own.other_truth, own.low_resolution, abs(own.each_other)) < 0.2
    other = resemblance(pictures(truth.roll(1, 0)), pictures(truth), [pictures(low)])
    assert other.other_truth == pytest.approx(1, abs=1e-5)
    assert abs(other.own_truth) < 0.2
    same = resemblance(pictures(truth.mean(0).expand_as(truth)), pictures(truth), [pictures(low)])
    assert same.each_other == pytest.approx(1, abs=1e-5)
    assert abs(same.truths_each_other) < 0.2
    # Inverted contrast is the same picture.
    copied = resemblance(pictures(-low), pictures(truth), [pictures(noise(3)), pictures(low)])
    assert copied.low_resolution == pytest.approx(1, abs=1e-5)


def test_only_what_is_wanted_is_kept() -> None:
    wanted = Pictures([2, 4])
    made = wanted.made(ITEMS, noise(0))
    assert list(made) == [2, 4]
    assert wanted.made([0, 1], noise(0)[:2]) == {}
    wanted.keep(made)
    assert wanted.items == [2, 4]
    assert torch.equal(wanted.of([4, 2]), torch.stack([made[4], made[2]]))
