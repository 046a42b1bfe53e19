import torch

from diffragan.fourier import centred, fourier
from diffragan.training.augmentation import augment, quarter_turns, shifted
from diffragan.training.data import Batch


def letter_f(pixels: int) -> torch.Tensor:
    """A phantom without symmetry."""
    image = torch.zeros(pixels, pixels)
    image[4:14, 5] = 1
    image[4, 5:11] = 1
    image[8, 5:9] = 1
    return image


def test_a_quarter_turn_keeps_the_origin_and_takes_x_to_y() -> None:
    for pixels in (16, 17):
        image = torch.zeros(pixels, pixels)
        middle = pixels // 2
        image[middle, middle] = 1
        image[middle, middle + 3] = 2
        turned = quarter_turns(image, 1)
        assert turned[middle, middle] == 1
        assert turned[middle + 3, middle] == 2


def test_four_quarter_turns_change_nothing_on_a_periodic_grid() -> None:
    image = torch.rand(16, 16)
    assert torch.equal(quarter_turns(quarter_turns(image, 3), 1), image)
    assert not torch.equal(quarter_turns(image, 2), image)


def test_the_pattern_of_a_turned_image_is_the_turned_pattern() -> None:
    image = letter_f(32)
    pattern = centred(fourier(quarter_turns(image, 1)).abs())
    expected = quarter_turns(centred(fourier(image).abs()), 1)
    torch.testing.assert_close(pattern, expected, rtol=1e-4, atol=1e-4)


def test_a_shift_leaves_the_pattern_alone() -> None:
    image = letter_f(32)
    moved = shifted(image, (3, -5))
    assert moved[7, 0] == image[4, 5] == 1
    torch.testing.assert_close(fourier(moved).abs(), fourier(image).abs(), rtol=1e-4, atol=1e-4)


def test_augmented_views_are_still_views_and_depend_on_the_step_alone() -> None:
    truth = letter_f(32).expand(6, 1, 32, 32)
    pattern = centred(fourier(truth).abs())
    batch = Batch(torch.cat([pattern, truth], dim=1), truth)
    made = augment(batch, seed=1, step=2)
    assert torch.equal(made.observed[:, 1], made.truth[:, 0])
    torch.testing.assert_close(
        made.observed[:, :1], centred(fourier(made.truth).abs()), rtol=1e-4, atol=1e-4
    )
    assert len({tuple(view.flatten().tolist()) for view in made.truth}) > 3
    assert torch.equal(augment(batch, 1, 2).truth, made.truth)
    assert not torch.equal(augment(batch, 1, 3).truth, made.truth)


def test_a_view_is_changed_by_its_place_in_the_batch_whatever_piece_it_comes_in() -> None:
    truth = torch.rand(8, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    batch = Batch(truth.expand(-1, 2, -1, -1), truth)
    whole = augment(batch, seed=1, step=2)
    for size in (1, 4):
        pieces = [
            augment(Batch(batch.observed[i : i + size], truth[i : i + size]), 1, 2, first=i)
            for i in range(0, 8, size)
        ]
        assert torch.equal(torch.cat([piece.truth for piece in pieces]), whole.truth)
        assert torch.equal(torch.cat([piece.observed for piece in pieces]), whole.observed)
