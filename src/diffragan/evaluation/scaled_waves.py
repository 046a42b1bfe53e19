"""Waves of images on an unknown scale, which the measured moduli fix."""

from typing import Literal

import torch

from diffragan.config.experiment import Experiment
from diffragan.phasing.learned import wave_from_image
from diffragan.physics.forward import diffraction_pattern, phase_object
from diffragan.typing import Float, Images, Mask, Patterns, Tensor, Waves

Contrast = Literal["potential", "image"]
"""Whether images are projected potentials, or as the high-resolution lens forms them."""
STEPS = 3
"""A phase object is not quite linear in its phase: the scale settles within these steps."""
WEAK_RAD = 1e-3
"""Largest phase of the first step, at which it is linear."""


def scaled_waves(
    values: Images, contrast: Contrast, diffraction: Patterns, measured: Mask, of: Experiment
) -> tuple[Waves, Float[Tensor, " item"]]:
    """Waves of images on an unknown scale, and the scale that fits the measured moduli.

    The scale s minimises sum (|F_obs| - |F_calc(s)|)^2 over the measured pixels.

    Parameters
    ----------
    values : `(item, y, x)`, background 0: phases on the wave grid, or contrasts on the image grid.
    """
    observed = torch.sqrt(diffraction.clamp(min=0))[..., measured]
    largest = values.abs().amax((-2, -1)).clamp(min=torch.finfo(values.dtype).tiny)
    scale = WEAK_RAD / largest
    for _ in range(STEPS):
        waves = _waves(values * scale[:, None, None], contrast, of)
        found = torch.sqrt(diffraction_pattern(waves, diffraction.shape[-1]))[..., measured]
        power = found.square().sum(-1)
        fits = (observed * found).sum(-1) / power.clamp(min=torch.finfo(power.dtype).tiny)
        scale = torch.where(power > 0, scale * fits, scale)
    return _waves(values * scale[:, None, None], contrast, of), scale


def _waves(values: Images, contrast: Contrast, experiment: Experiment) -> Waves:
    if contrast == "potential":
        return phase_object(values)
    return wave_from_image(1 + values, experiment)
