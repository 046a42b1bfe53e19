"""The low-resolution image alone: its phases, and the floor that every phaser must beat."""

import torch

from diffragan.fourier import fourier, inverse_fourier, resample
from diffragan.grid import Grid
from diffragan.phasing.protocol import Observations, PhasedWaves, high_resolution_images
from diffragan.physics.detector import radial_signal_to_noise
from diffragan.physics.forward import phase_object
from diffragan.physics.optics import phase_contrast
from diffragan.rings import ring_index
from diffragan.typing import Float, Images, Tensor

SMALLEST_TRANSFER = 0.02
"""Below this contrast transfer the image says nothing that counting noise does not drown."""


def phase_from_image(observations: Observations, pixels: int | None = None) -> Images:
    """Phase shift of each molecule at low resolution, from its defocused image [rad].

    Wiener filter of the weak-phase image: contrast / transfer * SNR / (SNR + 1) inside the
    aperture, with the signal-to-noise ratio of each ring taken from the counts themselves. Zero
    frequency is not transferred; it is set so that the median of the phase, which is vacuum, is 0.

    Parameters
    ----------
    pixels : Side of another grid of the same box; the experiment's wave grid when left out.

    Returns
    -------
    `(item, y, x)` on that grid.

    Source: Frank, Three-Dimensional Electron Microscopy, 2nd ed., sec. 2.9 (CTF correction).
    """
    experiment = observations.experiment
    counts, grid = observations.low_resolution, experiment.image_grid
    expected = observations.low_resolution_dose[:, None, None] * grid.pixel_angstrom**2
    transfer = phase_contrast(experiment.low_resolution, grid, experiment.electron, counts.device)
    weight = _wiener_weight(counts, grid)
    usable = transfer.abs() > SMALLEST_TRANSFER
    inverse = torch.where(usable, 1 / torch.where(usable, transfer, 1.0), 0.0)
    spectrum = fourier(counts / expected - 1) * inverse * weight
    phase = resample(inverse_fourier(spectrum), pixels or experiment.wave_pixels).real
    return phase - phase.flatten(1).median(dim=1).values[:, None, None]


def _wiener_weight(counts: Tensor, grid: Grid) -> Float[Tensor, "item y x"]:
    snr = radial_signal_to_noise(counts)
    rings = ring_index((grid.pixels, grid.pixels), counts.device).clamp(max=snr.shape[-1] - 1)
    return (snr / (snr + 1)).float()[:, rings]


class LowResolutionPhaser:
    """Takes the low-resolution image for the whole truth and ignores the pattern."""

    def phase(self, observations: Observations) -> PhasedWaves:
        """Return the phase object of each low-resolution phase as its wave."""
        waves = phase_object(phase_from_image(observations))
        return PhasedWaves(
            waves,
            high_resolution_images(waves, observations.experiment),
            torch.full((len(observations),), torch.nan, device=waves.device),
        )
