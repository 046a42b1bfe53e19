"""The forward model: from the mid-plane wave to what a detector sees.

Everything here acts on the scattered wave psi_s = psi - 1 and is batched and differentiable.
"""

from functools import lru_cache

import torch

from diffragan.config.optics import OpticsSettings
from diffragan.electron import Electron
from diffragan.fourier import centred, decentred, fourier, inverse_fourier, resample, resize_centred
from diffragan.grid import Grid
from diffragan.physics.optics import transfer_function
from diffragan.typing import Bool, Images, Mask, Patterns, Tensor, Waves


def diffraction_pattern(scattered: Waves, pixels: int) -> Patterns:
    """Far-field intensity in a centred square of `pixels`, as a fraction of the incident beam.

    |F[1 + psi_s]|^2 / n^4: over the whole band it sums to the mean intensity of the wave
    (Parseval), 1 without absorption.
    """
    size = scattered.shape[-1]
    amplitude = resize_centred(centred(fourier(1 + scattered)), pixels) / size**2
    return amplitude.real**2 + amplitude.imag**2


def scattered_modulus(pattern: Patterns, pixels: int) -> Tensor:
    """Moduli |F[psi_s]| on a wave grid of `pixels`, FFT order, from a centred pattern.

    The inverse of `diffraction_pattern` where the direct beam does not reach; unmeasured places
    are zero.
    """
    modulus = torch.sqrt(pattern.clamp(min=0)) * pixels**2
    return decentred(resize_centred(modulus, pixels))


def image(
    scattered: Waves,
    grid: Grid,
    optics: OpticsSettings,
    electron: Electron,
    pixels: int | None = None,
) -> Images:
    """Intensity of the image of a wave, relative to the incident beam.

    Parameters
    ----------
    scattered : `(..., y, x)`, psi_s at the mid-plane on `grid`.
    optics : The lens; defocus counts from the mid-plane.
    pixels : Side of the image; the grid's own when left out.
    """
    lens = transfer_function(optics, grid, electron, scattered.device)
    focused = inverse_fourier(fourier(scattered) * lens)
    if pixels is not None:
        focused = resample(focused, pixels)
    wave = 1 + focused
    return wave.real**2 + wave.imag**2


def measured_region(
    pixels: int, direct_beam_pixels: float, device: torch.device | str = "cpu"
) -> Mask:
    """Mask of a centred square pattern: true where it was measured, false on the direct beam."""
    axis = torch.arange(pixels, device=device) - pixels // 2
    return axis[:, None] ** 2 + axis[None, :] ** 2 > direct_beam_pixels**2


def projected_potential_of(scattered: Waves, electron: Electron) -> Images:
    """Projected potential that a mid-plane wave speaks of, as a pure phase object [V Å].

    arg(1 + psi_s) / sigma; thickness and amplitude contrast are left out, which is adequate to
    about 2.5 Å (Leidl et al., IUCrJ 10 (2023) 475).
    """
    return torch.angle(1 + scattered) / electron.interaction_rad_per_volt_angstrom


def phase_object(phase: Images) -> Waves:
    """Scattered wave of a pure phase object, exp(i phase) - 1.

    Its small real part matters: in an image near focus the two terms of the intensity,
    2 Re psi_s and |psi_s|^2, all but cancel at low frequency.

    Parameters
    ----------
    phase : `(..., y, x)` phase shift [rad].
    """
    return torch.polar(torch.ones_like(phase), phase) - 1


def with_phase_object_amplitude(scattered: Waves, grid: Grid, resolution_angstrom: float) -> Waves:
    """Replace the coarse part of a wave's amplitude by that of the phase object it resembles.

    A recovered wave fixes its phase part well and its small real part badly. Coarser than
    `resolution_angstrom` [Å] a molecule at its mid-plane is a pure phase object, so its real part
    follows from its imaginary part: Re psi_s = cos(Im psi_s) - 1.
    """
    coarse = _coarser_than(resolution_angstrom, grid, scattered.device)
    missing = torch.cos(scattered.imag) - 1 - scattered.real
    # A symmetric filter commutes with shifts, so the origin may lie anywhere.
    spectrum = torch.fft.rfft2(missing) * coarse
    correction = torch.fft.irfft2(spectrum, s=scattered.shape[-2:])
    return torch.complex(scattered.real + correction, scattered.imag)


@lru_cache(maxsize=4)  # iterations ask for the same one hundreds of times
def _coarser_than(
    resolution_angstrom: float, grid: Grid, device: torch.device
) -> Bool[Tensor, "y half_x"]:
    """Half of the mask of coarse frequencies, as a real transform has it."""
    squared = grid.squared_frequencies(device)[:, : grid.pixels // 2 + 1]
    return squared < 1 / resolution_angstrom**2
