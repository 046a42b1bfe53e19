"""What a multislice of a narrow band lacks of each atom's own scattering, added to first order.

An electron that scatters far, or twice with a far state in between, does so at one atom almost
always: nothing else has such fine detail. So a multislice need carry only states up to a moderate
frequency, if every atom then gets what that leaves out of its own scattering: all of it beyond the
band, and inside the band what comes through states beyond. Both are form factors, and their sums
over the atoms cost no transform and know no slices. The rest of the molecule is smooth for such
waves: it turns their phase, at each atom by its smooth projected potential there.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from diffragan.config.numerics import fast_even
from diffragan.electron import Electron
from diffragan.fourier import centred, fourier, ifft2, resize_centred
from diffragan.grid import Grid
from diffragan.physics.form_factors import VOLT_ANGSTROM2_PER_ANGSTROM, electron_form_factor
from diffragan.physics.potential import (
    FourierBand,
    band_limit,
    phase_factors,
    scaled_form_factor,
    structure_sum,
    used_band,
)
from diffragan.physics.slices import SliceAtoms, all_atoms
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Complex, Float, Tensor, Waves

SMOOTH_PER_ANGSTROM = 0.5
"""The smooth potential's band. Beyond 1.6 1/Å the error of 1PPN's wave is 6.5 % for 0.8, 8 % for
0.2, and 16 % without this phase."""
ATOM_BOX_ANGSTROM = 20.0
"""Side of the box of a single atom: samples 0.05 1/Å apart, between which all is straight."""
ATOMS_TOGETHER = 1024
"""Their phase factors fit into a processor's cache."""


def coarser(grid: Grid, frequency_per_angstrom: float) -> Grid:
    """Grid of the same box whose band reaches a frequency [1/Å], never finer than the given one."""
    pixels = fast_even(3 * frequency_per_angstrom * grid.box_angstrom - 1e-6)
    return grid.with_pixels(min(pixels, grid.pixels))


def with_own_scattering(
    wave: Waves, model: AtomicModel, coarse: Grid, grid: Grid, electron: Electron
) -> Waves:
    """Complete a mid-plane wave of a narrow band by every atom's own scattering.

    For an atom alone this is the wave of the full multislice, as it is for a weak object; left out
    is what neighbours do together through states beyond the coarse band. Gradients flow to
    positions and B-factors.

    Parameters
    ----------
    wave : `(batch, y, x)`, psi_s on `coarse`.
    model : Atoms of a batch of poses, at the heights where they scatter.
    coarse, grid : Samplings of the wave and of the result, in one box.

    Returns
    -------
    `(batch, y, x)` complex64 on `grid`, origin at pixel n // 2.
    """
    band = FourierBand(grid, wave.device, half=False)
    smeared = model.b_factors is not None

    def factor(atomic_number: int) -> Tensor:
        return _missing_form_factor(band, coarse, electron, atomic_number, smeared)

    atoms = all_atoms(model)
    turns = _phase_of_the_rest(atoms, grid, electron)
    inner = resize_centred(centred(fourier(wave)), 2 * band.limit + 1)
    samples = inner * (grid.pixels / coarse.pixels) ** 2
    parts = torch.split(turns, ATOMS_TOGETHER, dim=1)
    for some, turn in zip(atoms.pieces(ATOMS_TOGETHER), parts, strict=True):
        samples += structure_sum(some, band, electron.wavelength_angstrom, factor, turn)
    return centred(ifft2(band.placed(samples)))


def _phase_of_the_rest(
    atoms: SliceAtoms, grid: Grid, electron: Electron
) -> Float[Tensor, "batch atoms"]:
    """Phase shift by the smooth projected potential of all other atoms, at each atom [rad]."""
    band = FourierBand(coarser(grid, SMOOTH_PER_ANGSTROM), atoms.positions.device, half=False)
    there = replace(atoms, b_factors=None)
    back_x, back_y = (f.conj() for f in phase_factors(there, band, None))
    of_all = ((structure_sum(atoms, band, None) @ back_x) * back_y).sum(1).real
    spread_x, spread_y = phase_factors(
        replace(atoms, positions=torch.zeros_like(atoms.positions)), band, None
    )
    factors = [(scaled_form_factor(band, run.atomic_number), run) for run in atoms.runs]
    of_itself = torch.cat([f @ spread_x[..., run.start : run.stop] for f, run in factors], -1)
    of_others = of_all - (of_itself * spread_y).sum(1).real
    return (electron.interaction_rad_per_volt_angstrom / band.grid.pixels**2) * of_others


@lru_cache(maxsize=16)
def _missing_form_factor(
    band: FourierBand, coarse: Grid, electron: Electron, atomic_number: int, smeared: bool
) -> Complex[Tensor, "ky kx"]:
    """Transform of the wave behind one atom less what a coarse multislice gives, for `ifft2`.

    An atom smeared by thermal motion does little beyond first order: left out.
    """
    grid, q = band.grid, band.frequencies().cpu().double()
    sigma = electron.interaction_rad_per_volt_angstrom
    first = 1j * sigma * VOLT_ANGSTROM2_PER_ANGSTROM * electron_form_factor(atomic_number, q)
    inside = resize_centred(centred(used_band(coarse)), q.shape[-1])
    missing = torch.where(inside, 0.0, first)
    if not smeared:
        fine = _higher_orders(grid, band_limit(grid), electron, atomic_number, q)
        known = _higher_orders(grid, band_limit(coarse), electron, atomic_number, q)
        missing = missing + fine - torch.where(inside, known, 0.0)
    used = resize_centred(centred(used_band(grid)), q.shape[-1])
    scale = grid.pixels**2 / grid.box_angstrom**2
    return (torch.where(used, missing, 0.0) * scale).to(band.device, torch.complex64)


def _higher_orders(
    grid: Grid, limit_per_angstrom: float, electron: Electron, atomic_number: int, q: Tensor
) -> Complex[Tensor, "ky kx"]:
    """Transform of exp(i sigma v) - 1 - i sigma v of an atom's projected potential v [Å2].

    That potential has no frequencies beyond the limit. In float64, since it is a small difference.

    Source: Kirkland, 3rd ed., sec. 5.1 (the Moliere approximation, there without a band limit).
    """
    pixels = fast_even(ATOM_BOX_ANGSTROM / grid.pixel_angstrom)
    around = Grid(pixels, pixels * grid.pixel_angstrom)
    frequency = around.squared_frequencies(dtype=torch.float64).sqrt()
    factor = electron_form_factor(atomic_number, frequency) * VOLT_ANGSTROM2_PER_ANGSTROM
    potential = torch.fft.ifft2(torch.where(frequency <= limit_per_angstrom, factor, 0.0)).real
    phase = electron.interaction_rad_per_volt_angstrom / around.pixel_angstrom**2 * potential
    behind = torch.polar(torch.ones_like(phase), phase) - 1 - 1j * phase
    radial = torch.fft.fft2(behind)[0, : pixels // 2].numpy() * around.pixel_angstrom**2
    values = np.interp(q.numpy(), frequency[0, : pixels // 2].numpy(), radial)
    return torch.from_numpy(values)
