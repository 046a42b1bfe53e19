"""Shift and hand of an image are found and undone; chance moves nothing."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.alignment import align, half_turn, translate
from diffragan.fourier import fourier, inverse_fourier
from diffragan.io.triplets import TripletStore
from diffragan.rings import ring_distance

few = settings(max_examples=15)
seeds = st.integers(0, 10_000)
sizes = st.sampled_from([32, 33])
shifts = st.floats(-12, 12)


def images(seed: int, size: int, views: int = 2) -> torch.Tensor:
    """Noise without its highest frequencies, which no shift by a part of a pixel keeps."""
    noise = torch.randn(views, size, size, generator=torch.Generator().manual_seed(seed))
    return inverse_fourier(fourier(noise) * (ring_distance((size, size)) < 12)).real.float()


def waves(seed: int, size: int) -> torch.Tensor:
    return torch.complex(images(seed, size), images(seed + 1, size))


@few
@given(seed=seeds, size=sizes, y=shifts, x=shifts, twin=st.booleans(), real=st.booleans())
def test_any_shift_and_hand_is_found_and_undone(
    seed: int, size: int, y: float, x: float, twin: bool, real: bool
) -> None:
    true = images(seed, size) if real else waves(seed, size)
    moved = translate(true, torch.tensor([[y, x], [-x, y]]) / size)
    found = align(half_turn(moved) if twin else moved, true)
    assert found.twin.tolist() == [twin, twin]
    expected = torch.tensor([[-y, -x], [x, -y]])
    torch.testing.assert_close(found.shift * size, expected, atol=0.011, rtol=0)
    torch.testing.assert_close(found.shift_angstrom(2.0 * size), expected * 2, atol=0.022, rtol=0)
    assert (found.correlation > 0.999).all()
    undone = found.apply(half_turn(moved) if twin else moved)
    scale = float(true.abs().max())
    torch.testing.assert_close(undone, true, atol=0.02 * scale, rtol=0)


@few
@given(seed=seeds, size=sizes)
def test_what_lies_right_is_left_untouched(seed: int, size: int) -> None:
    true = images(seed, size)
    recovered = true + 0.1 * images(seed + 1, size)
    found = align(recovered, true)
    assert not found.twin.any()
    assert not found.shift.any()
    assert torch.equal(found.correlation, found.correlation_before)
    assert torch.equal(found.apply(recovered), recovered)


@few
@given(seed=seeds, size=sizes, turn=st.booleans())
def test_each_item_is_aligned_by_itself(seed: int, size: int, turn: bool) -> None:
    true = images(seed, size)
    recovered = torch.stack([true[0], torch.roll(true[1], (3, -4), (0, 1))])
    recovered[1:] = half_turn(recovered[1:]) if turn else recovered[1:]
    found = align(recovered, true)
    assert found.twin.tolist() == [False, turn]
    assert torch.equal(found.apply(recovered)[0], true[0])
    # The shift is that of the image turned back.
    torch.testing.assert_close(found.shift[1] * size, torch.tensor([-3.0, 4.0]), atol=0.011, rtol=0)


@few
@given(seed=seeds, size=sizes, y=st.integers(-5, 5), x=st.integers(-5, 5))
def test_whole_pixels_are_rolled_and_moves_add_up(seed: int, size: int, y: int, x: int) -> None:
    true = waves(seed, size)
    moved = translate(true, torch.tensor([[y, x], [y, x]]) / size)
    torch.testing.assert_close(moved, torch.roll(true, (y, x), (-2, -1)), atol=1e-5, rtol=0)
    half = torch.tensor([[y, x], [y, x]]) / (2 * size)
    torch.testing.assert_close(translate(translate(true, half), half), moved, atol=1e-5, rtol=0)


@few
@given(seed=seeds, size=sizes)
def test_two_half_turns_are_none_and_keep_the_middle(seed: int, size: int) -> None:
    true = images(seed, size)
    turned = half_turn(true)
    assert torch.equal(half_turn(turned), true)
    assert torch.equal(turned[:, size // 2, size // 2], true[:, size // 2, size // 2])
    assert turned[0, size // 2 + 3, size // 2 - 2] == true[0, size // 2 - 3, size // 2 + 2]


@pytest.fixture
def data(villin_data: Path) -> TripletStore:
    return TripletStore(villin_data)


def test_images_and_waves_of_other_sampling_move_alike(data: TripletStore) -> None:
    """What is found on images holds for the waves of the same items, on their own grid."""
    true = torch.from_numpy(data.read("high_resolution"))
    true_waves = torch.from_numpy(data.read("exit_wave"))
    shift = torch.tensor([[0.4, -1.3]]) / data.experiment.box_angstrom
    recovered = half_turn(translate(true, shift.expand(len(true), 2)))
    found = align(recovered, true)
    assert found.twin.all()
    expected = torch.tensor([-0.4, 1.3]).expand(len(true), 2)
    angstrom = found.shift_angstrom(data.experiment.box_angstrom)
    torch.testing.assert_close(angstrom, expected, atol=0.01, rtol=0)
    moved = half_turn(translate(true_waves, shift.expand(len(true), 2)))
    assert (found.apply(moved) - true_waves).abs().max() < 0.03 * true_waves.abs().max()


@few
@given(seed=seeds, size=sizes, real=st.booleans())
def test_chance_resemblance_moves_nothing(seed: int, size: int, real: bool) -> None:
    make = images if real else waves
    found = align(make(seed, size), make(seed + 7, size))
    assert not found.clear.any()
    assert not found.twin.any()
    assert not found.shift.any()


@few
@given(seed=seeds, noise=st.floats(0, 1))
def test_a_shift_is_found_under_as_much_noise_as_signal(seed: int, noise: float) -> None:
    true = images(seed, 64)
    recovered = torch.roll(true, (5, -3), (-2, -1)) + noise * images(seed + 7, 64)
    found = align(recovered, true)
    assert found.clear.all()
    torch.testing.assert_close(found.shift * 64, torch.tensor([[-5.0, 3.0]] * 2), atol=0.3, rtol=0)


def test_another_view_of_a_molecule_is_not_laid_on_this_one(data: TripletStore) -> None:
    true = torch.from_numpy(data.read("high_resolution"))
    found = align(true.roll(1, 0), true)
    assert not found.shift.any()
    assert torch.equal(found.correlation, found.correlation_before)


def test_flat_images_are_left_where_they_are() -> None:
    found = align(torch.ones(1, 16, 16), images(0, 16, 1))
    assert not found.shift.any()
    assert found.correlation.tolist() == pytest.approx([0], abs=1e-6)
