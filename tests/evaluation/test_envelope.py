import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.evaluation.envelope import HELD_SHARE, energy_outside_envelope, true_envelope
from diffragan.grid import Grid
from diffragan.io.triplets import TripletStore

GRID = Grid(64, 40.0)
few = settings(max_examples=15)
seeds = st.integers(0, 10_000)


def blobs(seed: int) -> torch.Tensor:
    """Twenty atoms within 8 Å of the middle, as scattered waves."""
    generator = torch.Generator().manual_seed(seed)
    places = 16 * torch.rand(2, 20, 2, generator=generator) - 8
    axis = (torch.arange(64) - 32) * GRID.pixel_angstrom
    y = axis[:, None] - places[..., 0, None, None]
    x = axis[None, :] - places[..., 1, None, None]
    return 1j * torch.exp(-(y**2 + x**2)).sum(1)


@few
@given(seed=seeds)
def test_the_truth_has_next_to_nothing_outside_its_own_envelope(seed: int) -> None:
    true = blobs(seed)
    envelope = true_envelope(true, GRID)
    assert (energy_outside_envelope(true, envelope) < 2 * (1 - HELD_SHARE)).all()
    assert (envelope.float().mean((-2, -1)) < 0.5).all()
    assert torch.equal(true_envelope(3 * true, GRID), envelope)


@few
@given(seed=seeds, share=st.floats(0.05, 0.9))
def test_a_hot_pixel_outside_counts_by_its_energy(seed: int, share: float) -> None:
    true = blobs(seed)
    envelope = true_envelope(true, GRID)
    inside = true * envelope
    energy = (inside.abs() ** 2).sum((-2, -1))
    hot = inside.clone()
    hot[:, 0, 0] = torch.sqrt(energy * share / (1 - share))
    found = energy_outside_envelope(hot, envelope)
    torch.testing.assert_close(found, torch.full((2,), share), atol=5e-3, rtol=0)


@few
@given(seed=seeds, constant=st.floats(-1, 1))
def test_a_constant_does_not_count(seed: int, constant: float) -> None:
    true = blobs(seed)
    envelope = true_envelope(true, GRID)
    found = energy_outside_envelope(true + constant, envelope)
    torch.testing.assert_close(found, energy_outside_envelope(true, envelope), atol=1e-4, rtol=1e-3)


def test_no_wave_and_no_outside_give_numbers() -> None:
    empty = torch.zeros(1, 8, 8, dtype=torch.complex64)
    everything = torch.ones(1, 8, 8, dtype=torch.bool)
    assert energy_outside_envelope(empty, everything).tolist() == [0]
    assert energy_outside_envelope(empty + 1, ~everything).tolist() == [0]


def test_a_real_molecule_fills_a_part_of_its_box(data: TripletStore) -> None:
    true = torch.from_numpy(data.read("exit_wave"))
    envelope = true_envelope(true, data.experiment.wave_grid)
    share = envelope.float().mean((-2, -1))
    assert (share > 0.05).all()
    assert (share < 0.4).all()
    outside = energy_outside_envelope(true, envelope)
    assert (outside < 0.02).all()
    # Another view of the same molecule reaches beyond this one's outline.
    assert (energy_outside_envelope(true.roll(1, 0), envelope) > 2 * outside).all()
