"""Multislice: the wave behind a molecule, brought back to its mid-plane."""

from math import ceil

import torch

from diffragan.config.experiment import ANTIALIAS_FRACTION
from diffragan.electron import Electron
from diffragan.errors import InputError
from diffragan.fourier import centred, fft2, ifft2
from diffragan.grid import Grid
from diffragan.physics.potential import projected_potential
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Complex, Int, Tensor, Waves


def propagator(
    distance_angstrom: float, grid: Grid, electron: Electron, device: torch.device | str = "cpu"
) -> Complex[Tensor, "y x"]:
    """Fresnel propagator over a distance along the beam, negative goes upstream.

    exp(-i pi lambda z q^2), FFT order; Kirkland, 3rd ed., eq. 6.65.
    """
    q2 = grid.squared_frequencies(device, torch.float64)
    phase = -torch.pi * electron.wavelength_angstrom * distance_angstrom * q2
    return torch.polar(torch.ones_like(phase), phase).to(torch.complex64)


def slice_numbers(
    model: AtomicModel, box_angstrom: float, slice_thickness_angstrom: float
) -> tuple[Int[Tensor, " atoms"], float]:
    """Slice of every atom, and the thickness that divides the box evenly [Å].

    The box is cut from -box/2 to box/2 along z, so slices do not depend on the molecule.

    Raises
    ------
    InputError : An atom lies outside the box along the beam.
    """
    count = ceil(box_angstrom / slice_thickness_angstrom)
    thickness = box_angstrom / count
    z = model.positions[:, 2].detach()
    if bool((z.abs() > box_angstrom / 2).any()):
        raise InputError(
            f"atoms lie up to {float(z.abs().max()):.1f} Å from the mid-plane of a box of "
            f"{box_angstrom:g} Å; use a box of at least {2 * float(z.abs().max()):.1f} Å"
        )
    numbers = torch.floor((z + box_angstrom / 2) / thickness).long()
    return numbers.clamp(max=count - 1), thickness


def mid_plane_wave(
    model: AtomicModel,
    grid: Grid,
    electron: Electron,
    slice_thickness_angstrom: float,
) -> Waves:
    """Scattered wave psi_s = psi - 1 of a unit plane wave at the mid-plane of the molecule.

    The wave is computed through the whole molecule and propagated back to z = 0, where its
    contrast is smallest and the object most compact. Each slice acts at its centre.

    Parameters
    ----------
    model : Atoms, beam along +z, mid-plane at z = 0, inside the box.
    grid : Sampling of the box; the wave is band-limited to 2/3 of its Nyquist frequency.
    electron : The beam's electron.
    slice_thickness_angstrom : Upper limit of the slice thickness [Å].

    Returns
    -------
    `(y, x)` complex64, origin at pixel n // 2.

    Source: Kirkland, 3rd ed., eqs. 6.66 to 6.69.
    """
    device = model.positions.device
    numbers, thickness = slice_numbers(model, grid.box_angstrom, slice_thickness_angstrom)
    q2 = grid.squared_frequencies(device)
    limit = ANTIALIAS_FRACTION * grid.nyquist_per_angstrom
    band = (q2 <= limit**2).to(torch.complex64)
    step = propagator(thickness, grid, electron, device) * band
    sigma = electron.interaction_rad_per_volt_angstrom

    first, last = int(numbers.min()), int(numbers.max())
    scattered = torch.zeros(grid.pixels, grid.pixels, dtype=torch.complex64, device=device)
    for number in range(first, last + 1):
        if number > first:
            scattered = ifft2(fft2(scattered) * step)
        inside = numbers == number
        if not bool(inside.any()):
            continue
        here = AtomicModel(model.positions[inside], model.atomic_numbers[inside])
        phase = sigma * projected_potential(here, grid)
        # t - 1 instead of t keeps the small scattered wave's digits in float32.
        transmitted = torch.complex(-2 * torch.sin(phase / 2) ** 2, torch.sin(phase))
        transmitted = ifft2(fft2(transmitted) * band)
        scattered = scattered + transmitted * (1 + scattered)
    centre = -grid.box_angstrom / 2 + (last + 0.5) * thickness
    back = propagator(-centre, grid, electron, device) * band
    return centred(ifft2(fft2(scattered) * back))
