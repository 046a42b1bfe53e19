"""The objective lens: contrast transfer of a nearly coherent wave, its envelopes and aperture."""

from functools import lru_cache
from math import cos, radians, sin

import torch

from diffragan.config.optics import OpticsSettings
from diffragan.constants import MILLI
from diffragan.electron import Electron
from diffragan.grid import Grid
from diffragan.typing import Complex, Float, Tensor

ANGSTROM_PER_MM = 1e7


def _double_angle(optics: OpticsSettings) -> tuple[float, float]:
    """Cosine and sine of twice the angle of the astigmatism."""
    twice = 2 * radians(optics.astigmatism_angle_deg)
    return cos(twice), sin(twice)


def aberration_phase(
    optics: OpticsSettings, grid: Grid, electron: Electron, device: torch.device | str = "cpu"
) -> Float[Tensor, "y x"]:
    """Phase chi of the lens, FFT order [rad].

    chi(q) = pi lambda (1/2 Cs lambda^2 q^4 - (defocus + A cos 2(phi - phi_A)) q^2) with underfocus
    positive and astigmatism A at the angle phi_A; Kirkland, 3rd ed., eqs. 2.10 and 2.22. The lens
    multiplies the wave by exp(-i chi), so that a weak phase object is dark in underfocus.
    """
    wavelength = electron.wavelength_angstrom
    axis = grid.axis_frequencies(device, torch.float64)
    y, x = axis[:, None], axis[None, :]
    q2 = x**2 + y**2
    spherical = optics.spherical_aberration_mm * ANGSTROM_PER_MM
    cosine, sine = _double_angle(optics)
    # q^2 cos 2(phi - phi_A) without an angle that has no value at q = 0.
    saddle = (x**2 - y**2) * cosine + 2 * x * y * sine
    defocused = optics.defocus_angstrom * q2 + optics.astigmatism_angstrom * saddle
    return torch.pi * wavelength * (0.5 * spherical * wavelength**2 * q2**2 - defocused)


def convergence_envelope(
    optics: OpticsSettings, grid: Grid, electron: Electron, device: torch.device | str = "cpu"
) -> Float[Tensor, "y x"]:
    """Damping of the wave by a beam that comes from many directions, FFT order.

    exp(-(alpha / (2 lambda))^2 |grad chi|^2) for an illumination exp(-(angle / alpha)^2); without
    astigmatism exp(-(pi alpha / lambda)^2 (Cs lambda^3 q^3 - defocus lambda q)^2). It holds for
    the linear part of the contrast (quasi-coherent approximation).

    Source: J. Frank, Optik 38 (1973) 519; Kirkland, 3rd ed., sec. 3.2.
    """
    wavelength = electron.wavelength_angstrom
    axis = grid.axis_frequencies(device, torch.float64)
    y, x = axis[:, None], axis[None, :]
    spherical = optics.spherical_aberration_mm * ANGSTROM_PER_MM
    radial = spherical * wavelength**2 * (x**2 + y**2) - optics.defocus_angstrom
    cosine, sine = (optics.astigmatism_angstrom * part for part in _double_angle(optics))
    slope_x = radial * x - (cosine * x + sine * y)
    slope_y = radial * y - (sine * x - cosine * y)
    # The slopes are grad chi / (2 pi lambda).
    shift = torch.pi * optics.convergence_mrad * MILLI
    return torch.exp(-(shift**2) * (slope_x**2 + slope_y**2))


@lru_cache(maxsize=4)  # the same for every item of a data set, and a tenth of its time
def transfer_function(
    optics: OpticsSettings, grid: Grid, electron: Electron, device: torch.device | str = "cpu"
) -> Complex[Tensor, "y x"]:
    """CTF of the wave: exp(-i chi) times both envelopes times the aperture, FFT order.

    Envelope of the focal spread: exp(-1/2 (pi lambda spread q^2)^2), Kirkland, 3rd ed., eq. 3.41
    for a Gaussian spread of defocus with that standard deviation; that of the beam's convergence:
    `convergence_envelope`.
    """
    wavelength = electron.wavelength_angstrom
    q2 = grid.squared_frequencies(device, torch.float64)
    envelope = torch.exp(-0.5 * (torch.pi * wavelength * optics.focal_spread_angstrom * q2) ** 2)
    envelope = envelope * convergence_envelope(optics, grid, electron, device)
    if optics.aperture_mrad is not None:
        edge = optics.aperture_mrad * MILLI / wavelength
        envelope = torch.where(q2 <= edge**2, envelope, 0.0)
    chi = aberration_phase(optics, grid, electron, device)
    return torch.polar(envelope, -chi).to(torch.complex64)


def phase_contrast(
    optics: OpticsSettings, grid: Grid, electron: Electron, device: torch.device | str = "cpu"
) -> Float[Tensor, "y x"]:
    """Linear transfer from the phase of a weak phase object to image intensity, FFT order.

    I - 1 = F^-1[2 sin(chi) envelope F[phase]]: negative at low frequency in underfocus. The
    astigmatic chi has chi(-q) = chi(q), so this holds with astigmatism too.
    """
    transfer = transfer_function(optics, grid, electron, device)
    return -2 * transfer.imag
