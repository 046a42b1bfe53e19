"""A narrow parallel probe, and the far field of a molecule in it.

The wave behind the specimen is P(r) (1 + psi_s): a flat disc with a soft edge times what the
molecule makes of it. P is known in closed form on both sides of the Fourier transform, so the probe
may be much wider than the box on which psi_s is sampled.
"""

from functools import lru_cache
from math import ceil, pi

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import chndtr, i0e, i1e, j1

from diffragan.config.beam import EDGE_SIGMAS, BeamSettings
from diffragan.fourier import centred, fourier, resize_centred
from diffragan.grid import Grid
from diffragan.physics.forward import diffraction_pattern
from diffragan.typing import Complex, Float, Patterns, Tensor, Waves


def probe_area_angstrom2(beam: BeamSettings) -> float | None:
    """Integral of |P|^2 [Å2]: the area that gets the incident exposure; none for a plane wave.

    pi D^2 / 4 (1 - exp(-x) (I0(x) + I1(x))) with x = D^2 / (8 w^2), from the integral of
    exp(-p^2 t^2) J1(a t)^2 / t (Weber).

    Source: G. N. Watson, A Treatise on the Theory of Bessel Functions, 2nd ed. (1944), sec. 13.31.
    """
    if beam.probe_diameter_angstrom is None:
        return None
    disc = pi * beam.probe_diameter_angstrom**2 / 4
    if beam.probe_edge_angstrom == 0:
        return disc
    x = beam.probe_diameter_angstrom**2 / (8 * beam.probe_edge_angstrom**2)
    return disc * float(1 - i0e(x) - i1e(x))


def beam_area_angstrom2(beam: BeamSettings, grid: Grid) -> float:
    """Area that the incident exposure falls on: the probe's, or the box of a plane wave [Å2]."""
    area = probe_area_angstrom2(beam)
    return grid.box_angstrom**2 if area is None else area


def probe_profile(beam: BeamSettings, squared_distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Amplitude P at squared distances from the middle of the probe [Å2]; 1 on the flat part.

    A disc convolved with a Gaussian: at a distance r from the middle, the chance that a Gaussian
    displacement of r ends inside the disc, a non-central chi-squared distribution.
    """
    if beam.probe_diameter_angstrom is None:
        return np.ones_like(squared_distance)
    radius = beam.probe_diameter_angstrom / 2
    if beam.probe_edge_angstrom == 0:
        return np.asarray(squared_distance <= radius**2, dtype=float)
    variance = beam.probe_edge_angstrom**2
    return np.asarray(chndtr(radius**2 / variance, 2, squared_distance / variance))


@lru_cache(maxsize=8)
def probe_amplitude(beam: BeamSettings, grid: Grid) -> Float[Tensor, "y x"]:
    """Amplitude P of the incident wave on the grid, origin (the molecule) at pixel n // 2.

    Returns
    -------
    `(y, x)`, 1 on the flat part; 1 everywhere for a plane wave.
    """
    if beam.probe_diameter_angstrom is None:
        return torch.ones(grid.pixels, grid.pixels)
    axis = (np.arange(grid.pixels) - grid.pixels // 2) * grid.pixel_angstrom
    x, y = beam.probe_offset_angstrom
    distance2 = (axis[:, None] - y) ** 2 + (axis[None, :] - x) ** 2
    return torch.from_numpy(probe_profile(beam, distance2)).float()


def _probe_transform(
    beam: BeamSettings, diameter: float, q_y: np.ndarray, q_x: np.ndarray
) -> np.ndarray:
    """Transform of P at frequencies along y and x [Å2]: D/2 J1(pi D q) / q, softened."""
    q = np.hypot(q_y[:, None], q_x[None, :])
    argument = np.maximum(pi * diameter * q, 1e-12)
    disc = pi * diameter**2 / 4 * 2 * j1(argument) / argument
    soft = np.exp(-2 * (pi * beam.probe_edge_angstrom * q) ** 2)
    x, y = beam.probe_offset_angstrom
    phase = -2 * pi * (q_y[:, None] * y + q_x[None, :] * x)
    return np.asarray(disc * soft * np.exp(1j * phase))


@lru_cache(maxsize=8)
def _direct_beam(
    beam: BeamSettings, diameter: float, grid: Grid, pixels: int
) -> tuple[Complex[Tensor, "q_y q_x"], Float[Tensor, "q_y q_x"]]:
    """Mean and variance of the probe's transform over every detector pixel [Å2], [Å4].

    As many samples along a side as boxes hold the probe have all of its intensity (Parseval): one,
    the middle of the pixel, when the probe fits in the box.
    """
    width = diameter + 2 * EDGE_SIGMAS * beam.probe_edge_angstrom
    samples = ceil(width / grid.box_angstrom)
    middle = (pixels // 2) * samples + (samples - 1) / 2
    axis = (np.arange(pixels * samples) - middle) / (samples * grid.box_angstrom)
    mean, spread = torch.zeros(pixels, pixels, dtype=torch.complex64), torch.zeros(pixels, pixels)
    for row, rows in enumerate(axis.reshape(pixels, samples)):  # whole, it could fill the memory
        fine = _probe_transform(beam, diameter, rows, axis).reshape(samples, pixels, samples)
        mean[row] = torch.from_numpy(fine.mean((0, 2)))
        spread[row] = torch.from_numpy(fine.var((0, 2)))
    return mean, spread


def probe_pattern(scattered: Waves, grid: Grid, beam: BeamSettings, pixels: int) -> Patterns:
    """Far-field intensity in a centred square of `pixels`, as a fraction of the incident beam.

    |P_hat(q) + F[P psi_s](q)|^2 dq^2 / A with dq = 1 / box and the probe's area A, so a whole
    pattern sums to 1. It is sampled at the middle of every pixel, as `diffraction_pattern` does.
    Only the spot of a probe that is wider than the box, and so narrower than a pixel, is averaged
    over the pixel, alone and where it interferes.

    Parameters
    ----------
    scattered : `(..., y, x)`, psi_s at the mid-plane on `grid`.
    beam : The probe; a plane wave gives `diffraction_pattern`.
    pixels : Side of the square [pixels of 1 / box].
    """
    diameter, area = beam.probe_diameter_angstrom, probe_area_angstrom2(beam)
    if diameter is None or area is None:
        return diffraction_pattern(scattered, pixels)
    device = scattered.device
    lit = scattered * probe_amplitude(beam, grid).to(device)
    wave = resize_centred(centred(fourier(lit)), pixels) * grid.pixel_angstrom**2
    spot, spread = (part.to(device) for part in _direct_beam(beam, diameter, grid, pixels))
    both = spot + wave
    return (both.real**2 + both.imag**2 + spread) / (area * grid.box_angstrom**2)
