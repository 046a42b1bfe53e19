"""Phases that the low-resolution image holds, as a start and as a restraint on iterations.

Iterations on the moduli alone drift away from a noisy image (the pattern of a molecule that fills
its box does not determine it). So each modulus projection takes its phase from the iterate plus a
little of the image's own wave, in proportion to how well the image knows that coefficient.
"""

from dataclasses import dataclass

import torch

from diffragan.fourier import centred, decentred, fourier, ifft2, resize_centred
from diffragan.grid import Grid
from diffragan.phasing.projections import MeasuredModuli
from diffragan.phasing.protocol import Observations
from diffragan.physics.optics import phase_contrast
from diffragan.typing import Complex, Float, Tensor, Waves


@dataclass(frozen=True, slots=True)
class ImagePhases:
    """What the image knows of each coefficient, FFT order on the wave grid, origin [0, 0]."""

    direction: Complex[Tensor, "item y x"]
    """Unit phase factor of F[psi_s] by the image."""
    snr: Float[Tensor, "item y x"]
    """Signal over noise power of that coefficient in the image, from the measured modulus."""


def image_phases(observations: Observations, moduli: MeasuredModuli) -> ImagePhases:
    """Read the phases of F[psi_s] from the defocused images.

    The signal of a coefficient is its measured modulus times the lens's transfer; the noise of a
    count image is white, its power the number of counts. The grid is that of the moduli.
    """
    experiment = observations.experiment
    counts, pixels = observations.low_resolution, moduli.modulus.shape[-1]
    spectrum = resize_centred(centred(fourier(counts)), pixels)
    # For an object at the origin of the box, n // 2, this transform is what fft2 sees of the wave
    # with its origin at [0, 0].
    spectrum = decentred(spectrum)
    transfer = phase_contrast(
        experiment.low_resolution,
        Grid(pixels, experiment.box_angstrom),
        experiment.electron,
        counts.device,
    )
    expected = observations.low_resolution_dose * experiment.image_grid.pixel_angstrom**2
    # |F| scales with the number of samples of the grid it was taken on.
    samples = (experiment.image_pixels / pixels) ** 2
    signal = moduli.modulus * transfer * samples * expected[:, None, None]
    electrons = counts.sum((-2, -1))[:, None, None]
    lit = electrons > 0
    snr = torch.where(lit, signal**2 / torch.where(lit, electrons, 1.0), 0.0)
    # psi_s is i times a real phase: its coefficients are i times those of the phase.
    direction = 1j * torch.polar(torch.ones_like(snr), torch.angle(spectrum * transfer))
    return ImagePhases(direction, torch.where(moduli.known, snr, 0.0))


def starting_wave(phases: ImagePhases, moduli: MeasuredModuli) -> Waves:
    """Wave of the measured moduli and the image's phases, each weighted by snr / (snr + 1)."""
    weight = phases.snr / (phases.snr + 1)
    return ifft2(moduli.modulus * phases.direction * weight)


def restraint(phases: ImagePhases, moduli: MeasuredModuli, strength: float) -> Tensor:
    """Coefficients to add to an iterate's before its phases are taken."""
    return strength * phases.snr * moduli.modulus * phases.direction
