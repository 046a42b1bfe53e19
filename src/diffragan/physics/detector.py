"""Counting electrons: Poisson noise, and the dose that gives a wanted signal-to-noise ratio."""

import numpy as np
import torch

from diffragan.fourier import fourier
from diffragan.grid import Grid
from diffragan.rings import ring_index, ring_sum
from diffragan.typing import Images, Int, Tensor


def poisson_counts(
    intensity: Images, dose_e_per_a2: float, grid: Grid, generator: np.random.Generator
) -> Int[Tensor, "*batch y x"]:
    """Electrons counted in every pixel of an image at a dose.

    Parameters
    ----------
    intensity : `(..., y, x)`, relative to the incident beam.
    dose_e_per_a2 : Incident electrons per area [e/Å2].
    generator : NumPy generator: the same counts on every device.
    """
    expected = (
        intensity.double().clamp(min=0).cpu().numpy() * dose_e_per_a2 * grid.pixel_angstrom**2
    )
    return torch.from_numpy(generator.poisson(expected))


def _band_power(images: Tensor, grid: Grid, band_angstrom: tuple[float, float]) -> Tensor:
    """Mean squared modulus of the Fourier coefficients in a resolution band."""
    coarse, fine = band_angstrom
    frequency = torch.sqrt(grid.squared_frequencies(images.device, torch.float64))
    inside = (frequency >= 1 / coarse) & (frequency <= 1 / fine)
    return (fourier(images.double()).abs() ** 2)[..., inside].mean(-1)


def dose_for_snr(
    intensity: Images, snr: float, band_angstrom: tuple[float, float], grid: Grid
) -> float:
    """Dose at which the counts of an image have a signal-to-noise power ratio in a band [e/Å2].

    Counting noise is white: its power in every Fourier coefficient is the sum of the counts. So the
    dose follows in closed form: snr * sum(I) / (pixel area * mean |F[I]|^2 in the band).
    """
    signal = float(_band_power(intensity, grid, band_angstrom))
    return snr * float(intensity.double().sum()) / (grid.pixel_angstrom**2 * signal)


def measured_snr(
    counts: Tensor,
    intensity: Images,
    dose_e_per_a2: float,
    band_angstrom: tuple[float, float],
    grid: Grid,
) -> float:
    """Signal power over the actual noise power of counts in a band; the truth must be known."""
    scale = dose_e_per_a2 * grid.pixel_angstrom**2
    noise = counts.double() - intensity.double() * scale
    signal = _band_power(intensity * scale, grid, band_angstrom)
    return float(signal / _band_power(noise, grid, band_angstrom))


def radial_signal_to_noise(counts: Tensor) -> Tensor:
    """Estimate signal over noise power per ring from the counts alone.

    The noise power of a coefficient is the total count, so signal = |F|^2 - total.

    Returns
    -------
    `(..., ring)`, not below zero.
    """
    size = counts.shape[-1]
    rings = ring_index((size, size), counts.device)
    ones = torch.ones(size, size, dtype=torch.float64, device=counts.device)
    population = ring_sum(ones, rings, size // 2)
    power = ring_sum(fourier(counts.double()).abs() ** 2, rings, size // 2) / population
    noise = counts.double().sum((-2, -1), keepdim=False)[..., None]
    return (power / noise.clamp(min=torch.finfo(noise.dtype).tiny) - 1).clamp(min=0)
