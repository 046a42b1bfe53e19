"""Projections onto what is known: the measured moduli, and the support with positivity.

Waves in iterations have their origin at pixel [0, 0] (FFT order), which saves two shifts a step.
"""

from dataclasses import dataclass

import torch

from diffragan.fourier import decentred, fft2, ifft2, resize_centred
from diffragan.phasing.protocol import Observations
from diffragan.physics.forward import scattered_modulus
from diffragan.typing import Bool, Complex, Float, Tensor, Waves


@dataclass(frozen=True, slots=True)
class MeasuredModuli:
    """Moduli |F[psi_s]| of some items on the wave grid, FFT order."""

    modulus: Float[Tensor, "item y x"]
    known: Bool[Tensor, "y x"]
    """Where the modulus was measured."""
    recorded: Bool[Tensor, "y x"]
    """The recorded square: where it is not known (direct beam) the wave is free, outside zero."""
    restraint: Complex[Tensor, "item y x"] | None = None
    """Coefficients from another measurement that pull the phases their way."""


def measured_moduli(observations: Observations) -> MeasuredModuli:
    """Bring patterns onto the wave grid."""
    pixels = observations.experiment.wave_pixels
    known = decentred(resize_centred(observations.measured, pixels))
    recorded = decentred(resize_centred(torch.ones_like(observations.measured), pixels))
    return MeasuredModuli(scattered_modulus(observations.diffraction, pixels), known, recorded)


def project_modulus(wave: Waves, moduli: MeasuredModuli) -> Waves:
    """Nearest wave with the measured moduli: they replace its own, its phases stay.

    With a restraint, the phases are those of the wave's coefficients plus the restraint's.

    Source: Fienup, Appl. Opt. 21 (1982) 2758, eqs. 5 and 6.
    """
    spectrum = fft2(wave)
    if moduli.restraint is not None:
        spectrum = spectrum + moduli.restraint
    size = spectrum.abs()
    # Where the wave has no coefficient there is no phase to keep, and it stays zero.
    direction = spectrum / size.clamp(min=torch.finfo(size.dtype).tiny)
    free = spectrum * moduli.recorded
    return ifft2(torch.where(moduli.known, direction * moduli.modulus, free))


def inside_support(
    wave: Waves, support: Bool[Tensor, "item y x"], positive: bool
) -> Bool[Tensor, "item y x"]:
    """Places where a wave meets its constraints: in the support and, if asked, of positive phase.

    At the mid-plane psi_s is close to i times the projected potential, which is positive.
    """
    return support & (wave.imag > 0) if positive else support


def project_support(wave: Waves, support: Bool[Tensor, "item y x"], positive: bool) -> Waves:
    """Nearest wave that is zero outside the support and, if asked, has no negative phase."""
    imaginary = wave.imag.clamp(min=0) if positive else wave.imag
    return torch.complex(wave.real, imaginary) * support


def energy_outside(wave: Waves, support: Bool[Tensor, "item y x"], positive: bool) -> Tensor:
    """Share of each wave's energy that breaks the constraints: near 0 for a solution."""
    broken = wave - project_support(wave, support, positive)
    total = (wave.abs() ** 2).sum((-2, -1))
    return (broken.abs() ** 2).sum((-2, -1)) / total.clamp(min=torch.finfo(total.dtype).tiny)
