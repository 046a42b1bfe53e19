"""Multislice: the wave behind a molecule, brought back to its mid-plane.

Slices are thick here. Within one, every atom scatters at its own height to first order (see
`effective_potential`), so that only multiple scattering sees the slices.
"""

from collections.abc import Iterable
from functools import lru_cache

import torch

from diffragan.electron import Electron
from diffragan.fourier import centred, fft2, ifft2
from diffragan.grid import Grid
from diffragan.physics.own_scattering import coarser, with_own_scattering
from diffragan.physics.potential import effective_potential, projected_potential, used_band
from diffragan.physics.slices import at_slice_centres, atoms_by_slice
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Complex, Tensor, Waves


def propagator(
    distance_angstrom: float, grid: Grid, electron: Electron, device: torch.device | str = "cpu"
) -> Complex[Tensor, "y x"]:
    """Fresnel propagator over a distance along the beam, negative goes upstream.

    exp(-i pi lambda z q^2), FFT order; Kirkland, 3rd ed., eq. 6.65.
    """
    q = grid.axis_frequencies(device, torch.float64)
    phase = (-torch.pi * electron.wavelength_angstrom * distance_angstrom) * q**2
    axis = torch.polar(torch.ones_like(phase), phase).to(torch.complex64)
    return axis[:, None] * axis[None, :]


def transmission(phase: Tensor) -> Complex[Tensor, "*batch y x"]:
    """Change of a plane wave by a slice, exp(i phase) - 1.

    Parameters
    ----------
    phase : `(..., y, x)`, real or complex [rad].
    """
    # Written so that a small phase keeps its digits in float32.
    turn = phase.real if phase.is_complex() else phase
    half = turn / 2
    sine = torch.sin(half)
    real, imaginary = -2 * sine.square(), 2 * sine * torch.cos(half)
    if not phase.is_complex():
        return torch.complex(real, imaginary)
    growth = torch.expm1(-phase.imag)
    return torch.complex(growth * (1 + real) + real, (1 + growth) * imaginary)


def multislice(
    slices: Iterable[tuple[float, Tensor]], grid: Grid, electron: Electron
) -> Complex[Tensor, "*batch y x"]:
    """Scattered wave psi_s = psi - 1 of a unit plane wave behind a stack of slices, at height 0.

    Gradients flow to the potentials.

    Parameters
    ----------
    slices : Height of each slice's centre [Å], upstream first, and its potential `(..., y, x)` in
        FFT order, real or complex [V Å].
    grid : Sampling; the wave is band-limited to 2/3 of its Nyquist frequency.

    Returns
    -------
    `(..., y, x)` complex64, origin at pixel n // 2.

    Raises
    ------
    ValueError : There are no slices.

    Source: Kirkland, 3rd ed., eqs. 6.66 to 6.69.
    """
    scattered: Tensor | None = None
    height = 0.0
    for here, potential in slices:
        changed = transmission(electron.interaction_rad_per_volt_angstrom * potential)
        if scattered is not None:
            arrived = _propagated(scattered, here - height, grid, electron)
            changed = torch.addcmul(changed, changed, arrived).add_(arrived)
        scattered, height = changed, here
    if scattered is None:
        raise ValueError("a multislice needs at least one slice")
    return centred(_propagated(scattered, -height, grid, electron))


def _propagated(wave: Tensor, distance_angstrom: float, grid: Grid, electron: Electron) -> Tensor:
    """Band-limit a wave and propagate it, origin at pixel [0, 0]; may overwrite the wave."""
    # Slices are evenly spaced but for rounding, which no wave notices.
    step = _step(round(distance_angstrom, 6), grid, electron, wave.device)
    if wave.requires_grad:
        return ifft2(fft2(wave) * step)
    # New memory would cost as much as half a transform.
    torch.fft.fft2(wave, out=wave)
    torch.fft.ifft2(wave.mul_(step), out=wave)
    return wave


@lru_cache(maxsize=2)
def _step(
    distance_angstrom: float, grid: Grid, electron: Electron, device: torch.device
) -> Complex[Tensor, "y x"]:
    """Propagator inside the band, zero beyond."""
    return propagator(distance_angstrom, grid, electron, device) * used_band(grid, device)


def mid_plane_wave(
    model: AtomicModel,
    grid: Grid,
    electron: Electron,
    slice_thickness_angstrom: float,
    *,
    exact_heights: bool = True,
    depth_angstrom: float | None = None,
    multiple_scattering_per_angstrom: float | None = None,
) -> Waves:
    """Scattered wave psi_s = psi - 1 of a unit plane wave at the mid-plane of the molecule.

    The wave is computed through the whole molecule and propagated back to z = 0, where its
    contrast is smallest and the object most compact. Gradients flow to positions and B-factors.

    Parameters
    ----------
    model : Atoms in one pose or a batch of poses, beam along +z, mid-plane at z = 0.
    grid : Sampling of the box; the wave is band-limited to 2/3 of its Nyquist frequency.
    electron : The beam's electron.
    slice_thickness_angstrom : Upper limit of the slice thickness [Å].
    exact_heights : Let each atom scatter at its own height to first order; otherwise at the centre
        of its slice, as a conventional multislice does.
    depth_angstrom : Extent along the beam that is divided into slices, the box's side when left
        out [Å].
    multiple_scattering_per_angstrom : Highest frequency of the states between which the multislice
        scatters; beyond it each atom scatters for itself, see `with_own_scattering`. The whole
        band when left out [1/Å].

    Returns
    -------
    `(..., y, x)` complex64, origin at pixel n // 2.
    """
    batch = model if model.positions.ndim > 2 else _as_batch(model)
    depth = depth_angstrom or grid.box_angstrom
    limit = multiple_scattering_per_angstrom
    coarse = grid if limit is None else coarser(grid, limit)
    slices = (
        (
            atoms.height_angstrom,
            effective_potential(atoms, coarse, electron)
            if exact_heights
            else projected_potential(atoms, coarse),
        )
        for atoms in atoms_by_slice(batch, depth, slice_thickness_angstrom)
    )
    waves = multislice(slices, coarse, electron)
    if coarse != grid:
        if not exact_heights:
            batch = at_slice_centres(batch, depth, slice_thickness_angstrom)
        waves = with_own_scattering(waves, batch, coarse, grid, electron)
    return waves if model.positions.ndim > 2 else waves[0]


def _as_batch(model: AtomicModel) -> AtomicModel:
    return AtomicModel(model.positions[None], model.atomic_numbers, model.b_factors)
