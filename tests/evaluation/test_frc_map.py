import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.errors import InputError
from diffragan.evaluation.frc_map import frc_map, frc_map_sums, frc_mask
from diffragan.evaluation.metrics import image_frc
from diffragan.fourier import decentred, fourier, inverse_fourier
from diffragan.rings import ring_distance, ring_index, ring_sum

few = settings(max_examples=15)
sizes = st.sampled_from([24, 25])
seeds = st.integers(0, 10_000)


def images(seed: int, size: int, views: int = 6) -> torch.Tensor:
    return torch.randn(views, size, size, generator=torch.Generator().manual_seed(seed))


@few
@given(seed=seeds, size=sizes)
def test_the_map_of_copies_is_one_but_at_zero_frequency(seed: int, size: int) -> None:
    true = images(seed, size)
    found = frc_map(frc_map_sums(2 * true + 3, true))
    expected = torch.ones(size, size, dtype=torch.float64)
    expected[size // 2, size // 2] = 0
    torch.testing.assert_close(found, expected)
    assert int(frc_mask(found).sum()) == size**2 - 1


@few
@given(seed=seeds, size=sizes, split=st.integers(1, 5))
def test_sums_of_parts_are_those_of_the_whole(seed: int, size: int, split: int) -> None:
    true, found = images(seed, size), images(seed, size) + images(seed + 1, size)
    parts = frc_map_sums(found[:split], true[:split]) + frc_map_sums(found[split:], true[split:])
    whole = frc_map_sums(found, true)
    assert parts.views == whole.views == 6
    torch.testing.assert_close(frc_map(parts), frc_map(whole))


@few
@given(seed=seeds, size=sizes)
def test_the_sums_over_a_ring_give_the_frc_of_one_view(seed: int, size: int) -> None:
    true, found = images(seed, size, 1), images(seed, size, 1) + images(seed + 1, size, 1)
    sums, rings = frc_map_sums(found, true), ring_index((size, size))
    cross, first, second = (
        ring_sum(decentred(part), rings, 10)[1:]
        for part in (sums.cross, sums.recovered_power, sums.true_power)
    )
    expected = image_frc(found, true, 10)[0].double()
    torch.testing.assert_close(cross / (first * second).sqrt(), expected, atol=1e-5, rtol=0)


@few
@given(seed=seeds)
def test_the_mask_shows_which_direction_was_recovered(seed: int) -> None:
    true = images(seed, 32, 150).to(torch.complex64)
    along_x = torch.fft.fftfreq(32)[None, :].abs() > torch.fft.fftfreq(32)[:, None].abs()
    turns = torch.rand(true.shape, generator=torch.Generator().manual_seed(seed + 1))
    wrong = torch.polar(torch.ones_like(turns), 2 * torch.pi * turns * along_x)
    mask = decentred(frc_mask(frc_map(frc_map_sums(inverse_fourier(fourier(true) * wrong), true))))
    judged = ring_distance((32, 32)) > 0
    # 150 views of random phases correlate by 0.06 on average; 0.5 is far away.
    assert torch.equal(mask[judged], ~along_x[judged])


def test_a_cropped_map_is_the_middle_of_the_whole() -> None:
    true, found = images(0, 24), images(1, 24)
    whole, part = frc_map(frc_map_sums(found, true)), frc_map(frc_map_sums(found, true, 11))
    assert torch.equal(part, whole[12 - 5 : 12 + 6, 12 - 5 : 12 + 6])


def test_maps_of_different_sizes_do_not_add_up() -> None:
    true = images(0, 24)
    with pytest.raises(InputError, match="11 and 24 pixels"):
        frc_map_sums(true, true, 11) + frc_map_sums(true, true)
