"""Laws of the narrow multislice whose atoms scatter beyond its band each for itself."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.electron import Electron
from diffragan.fourier import resample
from diffragan.grid import Grid
from diffragan.physics import own_scattering
from diffragan.physics.multislice import mid_plane_wave
from diffragan.physics.slices import all_atoms, at_slice_centres, atoms_by_slice
from diffragan.structures.atomic_model import AtomicModel
from random_atoms import difference, molecule

GRID = Grid(192, 32.0)  # a band of 2 1/Å
NARROW_PER_ANGSTROM = 1.0
ELECTRON = Electron(200.0)
seeds = st.integers(0, 2**31)


def full(model: AtomicModel, thickness: float = 2.0) -> torch.Tensor:
    return mid_plane_wave(model, GRID, ELECTRON, thickness)


def narrow(model: AtomicModel, thickness: float = 2.0, band: float = 1.0) -> torch.Tensor:
    return mid_plane_wave(model, GRID, ELECTRON, thickness, multiple_scattering_per_angstrom=band)


@pytest.mark.parametrize("number", [1, 6, 16])
@given(height=st.floats(-10.0, 10.0))
@settings(max_examples=2)
def test_an_atom_alone_scatters_to_all_orders(number: int, height: float) -> None:
    atom = AtomicModel(torch.tensor([[1.03, -2.21, height]]), torch.tensor([number]))
    found, expected = narrow(atom, 0.1), full(atom, 0.1)
    assert difference(found, expected) < 2e-3
    assert difference(resample(found, 96), resample(expected, 96)) < 1e-3


@given(seeds)
@settings(max_examples=3)
def test_most_of_what_a_narrow_band_lacks_is_added(seed: int) -> None:
    model = molecule(seed)
    expected = full(model)
    coarse = own_scattering.coarser(GRID, NARROW_PER_ANGSTROM)
    alone = mid_plane_wave(model, coarse, ELECTRON, 2.0)
    assert difference(resample(alone, GRID.pixels), expected) > 0.1
    assert difference(narrow(model), expected) < 0.02
    seen = difference(resample(narrow(model), coarse.pixels // 2), resample(expected, 48))
    assert seen < 0.5 * difference(resample(alone, 48), resample(expected, 48))


def test_a_wider_band_is_better() -> None:
    model = molecule(3)
    expected = full(model)
    errors = [difference(narrow(model, band=band), expected) for band in (0.7, 1.0, 1.4, 1.8)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("band", [2.0, 5.0])
def test_the_whole_band_is_the_full_multislice(band: float) -> None:
    model = molecule(1)
    assert torch.equal(narrow(model, band=band), full(model))


@pytest.mark.parametrize("exact_heights", [True, False])
def test_few_light_atoms_far_apart_scatter_once(exact_heights: bool) -> None:
    positions = torch.tensor([[-6.0, -5.0, 4.2], [5.0, -3.0, -0.7], [0.5, 6.0, -5.1]])
    model = AtomicModel(positions, torch.tensor([1, 1, 1]))
    found, expected = (
        mid_plane_wave(
            model,
            GRID,
            ELECTRON,
            2.0,
            exact_heights=exact_heights,
            multiple_scattering_per_angstrom=band,
        )
        for band in (NARROW_PER_ANGSTROM, None)
    )
    assert difference(found, expected) < 3e-3


def test_smeared_atoms_scatter_once_beyond_the_band() -> None:
    rest = molecule(4)
    model = AtomicModel(rest.positions, rest.atomic_numbers, torch.full((60,), 3.0))
    assert difference(narrow(model), full(model)) < 0.02


def test_a_batch_gives_what_its_poses_give_one_by_one() -> None:
    poses = [molecule(2), molecule(2).rotated(torch.eye(3, dtype=torch.float64)[[1, 2, 0]])]
    numbers = poses[0].atomic_numbers
    together = narrow(AtomicModel(torch.stack([pose.positions for pose in poses]), numbers))
    for one, wave in zip(poses, together, strict=True):
        assert difference(wave, narrow(one)) < 1e-5


def test_atoms_in_small_groups_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = molecule(5)
    at_once = narrow(model)
    monkeypatch.setattr(own_scattering, "ATOMS_TOGETHER", 7)
    assert difference(narrow(model), at_once) < 1e-5


def test_groups_hold_every_atom_once() -> None:
    atoms = all_atoms(AtomicModel(molecule(6).positions[None], molecule(6).atomic_numbers))
    pieces = list(atoms.pieces(7))
    torch.testing.assert_close(torch.cat([p.positions for p in pieces], 1), atoms.positions)
    counted = {run.atomic_number: 0 for run in atoms.runs}
    for piece in pieces:
        assert piece.runs[-1].stop == piece.positions.shape[1] <= 7
        for run in piece.runs:
            counted[run.atomic_number] += run.stop - run.start
    assert counted == {run.atomic_number: run.stop - run.start for run in atoms.runs}


def test_atoms_move_to_the_centres_of_their_slices() -> None:
    model = AtomicModel(molecule(7).positions[None], molecule(7).atomic_numbers)
    moved = at_slice_centres(model, 32.0, 3.0)
    torch.testing.assert_close(moved.positions[..., :2], model.positions[..., :2])
    for atoms in atoms_by_slice(moved, 32.0, 3.0):
        assert float(atoms.positions[..., 2].abs().max()) < 1e-5
    assert float((moved.positions - model.positions).abs().max()) <= 1.5


def test_gradients_reach_positions_and_b_factors() -> None:
    rest = molecule(8, atoms=12)
    positions = rest.positions.clone().requires_grad_(True)
    b_factors = torch.full((12,), 2.0, requires_grad=True)
    weights = torch.rand(192, 192, generator=torch.Generator().manual_seed(0))

    def seen(where: torch.Tensor, smear: torch.Tensor) -> torch.Tensor:
        wave = narrow(AtomicModel(where, rest.atomic_numbers, smear))
        return (wave.abs().pow(2) * weights).double().sum()

    seen(positions, b_factors).backward()  # type: ignore[no-untyped-call]
    for variable, step, place in ((positions, 0.01, (3, 0)), (b_factors, 0.05, (3,))):
        change = torch.zeros_like(variable)
        change[place] = step
        with torch.no_grad():
            ends = [
                seen(positions + sign * change, b_factors)
                if variable is positions
                else seen(positions, b_factors + sign * change)
                for sign in (1, -1)
            ]
        assert variable.grad is not None
        slope = float(ends[0] - ends[1]) / (2 * step)
        assert float(variable.grad[place]) == pytest.approx(slope, rel=0.05)
