"""Inelastic scattering: what it takes from a pattern, and the background it leaves.

An inelastic event changes the direction of an electron by very little, so it convolves the elastic
pattern, direct beam included, with a narrow Lorentzian that has long tails.
"""

from functools import lru_cache
from math import ceil, cos, log, log1p, pi

import numpy as np
import torch

from diffragan.config.beam import InelasticSettings
from diffragan.constants import MILLI
from diffragan.electron import Electron
from diffragan.errors import InputError
from diffragan.physics.cross_sections import bethe_ridge_angle_rad, characteristic_angle_rad
from diffragan.typing import Complex, Float, Patterns, Tensor

POINTS_PER_PIXEL = 8
"""Gauss-Legendre points along a side; the kernel's peak is narrower than a pixel."""


def _middle_share(half: float, width: float, cutoff: float) -> float:
    """Integral of the Lorentzian over the square pixel around zero, by its eight triangles."""
    nodes, weights = np.polynomial.legendre.leggauss(32)
    total = 0.0
    for node, weight in zip(nodes, weights, strict=True):
        edge = min(half / cos(pi / 8 * (node + 1)), cutoff)
        total += weight * 0.5 * log1p((edge / width) ** 2)
    return 8 * pi / 8 * total


def inelastic_kernel(
    reach_pixels: int, spacing_mrad: float, width_mrad: float, cutoff_mrad: float
) -> Float[Tensor, "q_y q_x"]:
    """Share of the inelastic electrons that go from one pixel to every pixel around it.

    1 / (theta^2 + theta_E^2) up to the cut-off, integrated over each pixel, with a total of 1 over
    all angles.

    Parameters
    ----------
    reach_pixels : Half side of the kernel; what goes further is missing [pixels].
    spacing_mrad : Angle between pixels [mrad].
    width_mrad : Characteristic angle theta_E [mrad].
    cutoff_mrad : Angle beyond which nothing goes [mrad].

    Returns
    -------
    `(2 reach + 1, 2 reach + 1)` float64.

    Source: R. F. Egerton, Electron Energy-Loss Spectroscopy in the Electron Microscope, 3rd ed.
    (2011), sec. 3.2.
    """
    nodes, weights = np.polynomial.legendre.leggauss(POINTS_PER_PIXEL)
    pixels = np.arange(reach_pixels + 1)
    angles = (spacing_mrad * (pixels[:, None] + nodes / 2)).ravel()
    across = np.tile(weights, reach_pixels + 1) * spacing_mrad / 2
    squared = angles[:, None] ** 2 + angles[None, :] ** 2
    density = np.where(squared < cutoff_mrad**2, 1 / (squared + width_mrad**2), 0.0)
    density *= across[:, None] * across[None, :]
    shape = (reach_pixels + 1, POINTS_PER_PIXEL, reach_pixels + 1, POINTS_PER_PIXEL)
    quadrant = density.reshape(shape).sum((1, 3))
    quadrant[0, 0] = _middle_share(spacing_mrad / 2, width_mrad, cutoff_mrad)
    half = np.concatenate([quadrant[:0:-1], quadrant])
    kernel = np.concatenate([half[:, :0:-1], half], axis=1)
    everything = pi * log(1 + (cutoff_mrad / width_mrad) ** 2)
    if cutoff_mrad < (reach_pixels + 0.5) * spacing_mrad:
        everything = kernel.sum()  # no electron is lost to the steps of the cut-off's circle
    return torch.from_numpy(kernel / everything)


@lru_cache(maxsize=8)
def _kernel_transform(
    pixels: int, spacing_mrad: float, width_mrad: float, cutoff_mrad: float
) -> Complex[Tensor, "k_y k_x"]:
    """Transform of the kernel on a square twice as wide as the pattern."""
    reach = min(pixels - 1, ceil(cutoff_mrad / spacing_mrad))
    kernel = inelastic_kernel(reach, spacing_mrad, width_mrad, cutoff_mrad)
    padded = kernel.new_zeros(2 * pixels, 2 * pixels)
    side = 2 * reach + 1
    padded[:side, :side] = kernel
    transform: Tensor = torch.fft.rfft2(torch.roll(padded, (-reach, -reach), (0, 1)))
    return transform


def with_inelastic(
    patterns: Patterns,
    fraction: float,
    spacing_mrad: float,
    electron: Electron,
    settings: InelasticSettings,
) -> Patterns:
    """Pattern behind a specimen in which a share of the electrons loses energy.

    With t / Lambda = -ln(1 - fraction) = m and the kernel K of one loss, n losses have the chance
    exp(-m) m^n / n! and convolve n times: the elastic pattern times exp(-m (1 - K_hat)) in Fourier
    space. An energy filter leaves the term without a loss, exp(-m) times the elastic pattern.

    Parameters
    ----------
    patterns : `(..., q_y, q_x)`, centred and elastic, the direct beam included.
    fraction : Share of all electrons that lose energy at least once, below 1.
    spacing_mrad : Angle between pixels [mrad].
    electron : The beam's electron.
    settings : Energy loss, cut-off and filter.

    Returns
    -------
    The same shape; the total is kept but for what leaves the square (or the filter takes).

    Raises
    ------
    InputError : The fraction is not in 0 to 1.

    Source: Egerton, 3rd ed. (2011), secs. 3.2 to 3.4, for the angles and Poisson's statistics.
    """
    if not 0 <= fraction < 1:
        raise InputError(f"the inelastic fraction is {fraction:g}; it must be in [0, 1)")
    if fraction == 0:
        return patterns
    if settings.energy_filter:
        return patterns * (1 - fraction)
    pixels = patterns.shape[-1]
    width = characteristic_angle_rad(settings.energy_loss_ev, electron) / MILLI
    cutoff = settings.cutoff_mrad
    if cutoff is None:
        cutoff = bethe_ridge_angle_rad(settings.energy_loss_ev, electron) / MILLI
    kernel = _kernel_transform(pixels, spacing_mrad, width, cutoff).to(patterns.device)
    losses = torch.exp(log1p(-fraction) * (1 - kernel))
    # In float32 the rounding of the direct beam would drown the weakest pixels.
    spectrum = torch.fft.rfft2(patterns.double(), s=(2 * pixels, 2 * pixels))
    spread: Tensor = torch.fft.irfft2(spectrum * losses, s=(2 * pixels, 2 * pixels))
    return spread[..., :pixels, :pixels].clamp(min=0).to(patterns.dtype)
