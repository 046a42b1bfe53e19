"""The objective lens: contrast transfer of a coherent wave with envelope and aperture."""

import torch

from diffragan.config.experiment import OpticsSettings
from diffragan.constants import MILLI
from diffragan.electron import Electron
from diffragan.grid import Grid
from diffragan.typing import Complex, Float, Tensor

ANGSTROM_PER_MM = 1e7


def aberration_phase(
    optics: OpticsSettings, grid: Grid, electron: Electron, device: torch.device | str = "cpu"
) -> Float[Tensor, "y x"]:
    """Phase chi of the lens, FFT order [rad].

    chi(q) = pi lambda (1/2 Cs lambda^2 q^4 - defocus q^2) with underfocus positive; Kirkland, 3rd
    ed., eq. 2.10. The lens multiplies the wave by exp(-i chi), so that a weak phase object is dark
    in underfocus.
    """
    wavelength = electron.wavelength_angstrom
    q2 = grid.squared_frequencies(device, torch.float64)
    spherical = optics.spherical_aberration_mm * ANGSTROM_PER_MM
    return (
        torch.pi
        * wavelength
        * (0.5 * spherical * wavelength**2 * q2**2 - optics.defocus_angstrom * q2)
    )


def transfer_function(
    optics: OpticsSettings, grid: Grid, electron: Electron, device: torch.device | str = "cpu"
) -> Complex[Tensor, "y x"]:
    """CTF of the wave: exp(-i chi) times the focal-spread envelope times the aperture, FFT order.

    Envelope: exp(-1/2 (pi lambda spread q^2)^2), Kirkland, 3rd ed., eq. 3.41 for a Gaussian spread
    of defocus with that standard deviation.
    """
    wavelength = electron.wavelength_angstrom
    q2 = grid.squared_frequencies(device, torch.float64)
    envelope = torch.exp(-0.5 * (torch.pi * wavelength * optics.focal_spread_angstrom * q2) ** 2)
    if optics.aperture_mrad is not None:
        edge = optics.aperture_mrad * MILLI / wavelength
        envelope = torch.where(q2 <= edge**2, envelope, 0.0)
    chi = aberration_phase(optics, grid, electron, device)
    return torch.polar(envelope, -chi).to(torch.complex64)


def phase_contrast(
    optics: OpticsSettings, grid: Grid, electron: Electron, device: torch.device | str = "cpu"
) -> Float[Tensor, "y x"]:
    """Linear transfer from the phase of a weak phase object to image intensity, FFT order.

    I - 1 = F^-1[2 sin(chi) envelope F[phase]]: negative at low frequency in underfocus.
    """
    transfer = transfer_function(optics, grid, electron, device)
    return -2 * transfer.imag
