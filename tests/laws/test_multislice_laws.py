"""Laws of the multislice itself: heights, slices, thermal motion, batches, gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.electron import Electron
from diffragan.fourier import fourier
from diffragan.grid import Grid
from diffragan.physics.multislice import mid_plane_wave, multislice, propagator, transmission
from diffragan.physics.potential import effective_potential, projected_potential
from diffragan.physics.slices import atoms_by_slice
from diffragan.structures.atomic_model import AtomicModel
from random_atoms import difference, molecule

GRID = Grid(96, 32.0)
ELECTRON = Electron(200.0)
seeds = st.integers(0, 2**31)


@given(st.floats(-15.0, 15.0), st.floats(0.7, 20.0))
@settings(max_examples=20)
def test_one_atom_scatters_at_its_own_height_whatever_the_slices(
    height: float, thickness: float
) -> None:
    """Single scattering is exact: the wave is that of the atom in the mid-plane, propagated."""
    numbers = torch.tensor([1])
    at_height = AtomicModel(torch.tensor([[1.0, -2.0, height]]), numbers)
    in_plane = AtomicModel(torch.tensor([[1.0, -2.0, 0.0]]), numbers)
    found = fourier(mid_plane_wave(at_height, GRID, ELECTRON, thickness))
    still = fourier(mid_plane_wave(in_plane, GRID, ELECTRON, 32.0))
    expected = still * propagator(-height, GRID, ELECTRON)
    # What is left is the atom's own second order, which the slice's centre sees a little out of
    # focus: hydrogen's is a hundredth of the first.
    assert difference(found, expected) < 5e-3


@given(seeds)
@settings(max_examples=5)
def test_thick_slices_come_closer_with_exact_heights(seed: int) -> None:
    model = molecule(seed)
    fine = mid_plane_wave(model, GRID, ELECTRON, 0.25)
    exact = mid_plane_wave(model, GRID, ELECTRON, 4.0)
    rounded = mid_plane_wave(model, GRID, ELECTRON, 4.0, exact_heights=False)
    assert difference(exact, fine) < 0.3 * difference(rounded, fine)


def test_with_atoms_at_the_slice_centres_both_potentials_are_one() -> None:
    flat = molecule(0)
    flat = AtomicModel(flat.positions[None] * torch.tensor([1.0, 1.0, 0.0]), flat.atomic_numbers)
    (atoms,) = atoms_by_slice(flat, 3.0, 3.0)
    effective = effective_potential(atoms, GRID, ELECTRON)
    projected = projected_potential(atoms, GRID)
    torch.testing.assert_close(effective.real, projected, rtol=1e-4, atol=2e-3)
    assert float(effective.imag.abs().max()) < 2e-3


@given(seeds, st.floats(0.5, 40.0))
@settings(max_examples=10)
def test_thermal_motion_damps_single_scattering_by_debye_and_waller(seed: int, b: float) -> None:
    rest = molecule(seed, atoms=6)
    weak = Electron(2900.0)
    moving = AtomicModel(rest.positions, rest.atomic_numbers, torch.full((6,), b))
    q2 = GRID.squared_frequencies()
    potentials = [
        next(iter(atoms_by_slice(AtomicModel(m.positions[None], m.atomic_numbers, f), 40.0, 40.0)))
        for m, f in ((rest, None), (moving, moving.b_factors))
    ]
    still, damped = (torch.fft.fft2(effective_potential(p, GRID, weak)) for p in potentials)
    expected = still * torch.exp(-b * q2 / 4)
    torch.testing.assert_close(damped, expected, rtol=1e-3, atol=1e-4 * float(still.abs().max()))


def test_a_batch_gives_what_its_poses_give_one_by_one() -> None:
    poses = [molecule(seed) for seed in (1, 1, 1)]
    numbers = poses[0].atomic_numbers
    turned = [p.rotated(m) for p, m in zip(poses, _rotations(3), strict=True)]
    batch = AtomicModel(torch.stack([t.positions for t in turned]), numbers)
    together = mid_plane_wave(batch, GRID, ELECTRON, 3.0)
    assert together.shape == (3, 96, 96)
    for one, wave in zip(turned, together, strict=True):
        assert difference(wave, mid_plane_wave(one, GRID, ELECTRON, 3.0)) < 1e-5


def test_gradients_reach_b_factors_and_potentials() -> None:
    model = molecule(2, atoms=10)
    b_factors = torch.full((10,), 5.0, requires_grad=True)
    moving = AtomicModel(model.positions, model.atomic_numbers, b_factors)
    energy = mid_plane_wave(moving, GRID, ELECTRON, 4.0).abs().pow(2).sum()
    energy.backward()  # type: ignore[no-untyped-call]
    assert b_factors.grad is not None
    assert bool((b_factors.grad < 0).all()), "more motion scatters less coherently"

    potential = torch.randn(2, 96, 96, generator=torch.Generator().manual_seed(0)).double()
    weights = torch.rand(96, 96, dtype=torch.float64)

    def seen(values: torch.Tensor) -> torch.Tensor:
        slices = [(-2.0, values[0]), (2.0, values[1])]
        return (multislice(slices, GRID, ELECTRON).abs().pow(2) * weights).sum()

    potential.requires_grad_(True)
    seen(potential).backward()  # type: ignore[no-untyped-call]
    step = torch.zeros_like(potential)
    step[0, 40, 50] = 1e-3
    with torch.no_grad():
        slope = float(seen(potential + step) - seen(potential - step)) / 2e-3
    assert potential.grad is not None
    assert float(potential.grad[0, 40, 50]) == pytest.approx(slope, rel=1e-3)


@given(st.floats(-3.0, 3.0))
def test_transmission_of_a_real_phase_keeps_the_intensity(phase: float) -> None:
    change = transmission(torch.tensor([[phase]], dtype=torch.float64))
    assert float((1 + change).abs()) == pytest.approx(1.0)
    assert complex(change) == pytest.approx(np.exp(1j * phase) - 1)


@given(st.floats(-1.0, 1.0), st.floats(-0.3, 0.3))
def test_transmission_of_a_complex_phase_is_its_exponential(real: float, imag: float) -> None:
    change = transmission(torch.tensor([[complex(real, imag)]], dtype=torch.complex128))
    assert complex(change) == pytest.approx(np.exp(1j * complex(real, imag)) - 1)


def test_a_small_phase_keeps_its_digits() -> None:
    change = transmission(torch.tensor([[1e-4]]))
    assert float(change.real) == pytest.approx(-5e-9, rel=1e-5)


def test_no_slices_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one slice"):
        multislice([], GRID, ELECTRON)


def _rotations(count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [
        torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))[0]
        for _ in range(count)
    ]
