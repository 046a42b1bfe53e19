"""Controls that no method enters into: the image alone, and true moduli with poor phases."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from diffragan.fourier import inverse_fourier
from diffragan.phasing.low_resolution import phase_from_image
from diffragan.phasing.projections import measured_moduli, project_modulus
from diffragan.phasing.protocol import Observations
from diffragan.typing import Waves

RANDOM_PHASES_SEED = 0
FAINT = 1e-6
"""Share of random phases that decides only where the image says nothing at all."""

IMAGE_ALONE = "low_resolution_image_alone"
IMAGE_PHASES = "true_moduli_low_resolution_phases"
RANDOM_PHASES = "true_moduli_random_phases"


def image_alone(observations: Observations, _items: Sequence[int]) -> Waves:
    """Waves of the low-resolution image alone: the floor.

    A pure phase object exp(i phi) - 1. Its second order counts: at low resolution the image 50 Å
    from focus shows next to nothing of the first, and i phi alone comes out with inverted contrast.
    """
    phase = phase_from_image(observations)
    return torch.polar(torch.ones_like(phase), phase) - 1


def image_phases(observations: Observations, items: Sequence[int]) -> Waves:
    """Waves of the measured moduli with the low-resolution image's phases.

    Beyond the image's aperture there are none; there the phases are random.
    """
    noise = FAINT * random_phase_waves(observations, items)
    return with_measured_moduli(image_alone(observations, items) + noise, observations)


def random_phases(observations: Observations, items: Sequence[int]) -> Waves:
    """Waves of the measured moduli with random phases; each item has its own, always the same."""
    return with_measured_moduli(random_phase_waves(observations, items), observations)


def random_phase_waves(observations: Observations, items: Sequence[int]) -> Waves:
    """Waves whose Fourier coefficients have modulus 1 and a random phase."""
    pixels = observations.experiment.wave_pixels
    generators = [np.random.default_rng([RANDOM_PHASES_SEED, item]) for item in items]
    turns = np.stack([g.random((pixels, pixels), dtype=np.float32) for g in generators])
    angle = 2 * torch.pi * torch.from_numpy(turns).to(observations.diffraction.device)
    return inverse_fourier(torch.polar(torch.ones_like(angle), angle))


def with_measured_moduli(waves: Waves, observations: Observations) -> Waves:
    """Replace the moduli of waves by the measured ones; projections work in FFT order."""
    start = torch.fft.ifftshift(waves, (-2, -1))
    projected = project_modulus(start, measured_moduli(observations))
    shifted: Waves = torch.fft.fftshift(projected, (-2, -1))
    return shifted


CONTROLS: Mapping[str, Callable[[Observations, Sequence[int]], Waves]] = {
    IMAGE_ALONE: image_alone,
    IMAGE_PHASES: image_phases,
    RANDOM_PHASES: random_phases,
}
