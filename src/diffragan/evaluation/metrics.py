"""How well recovered waves and images match the true ones: FRC, SSIM, R-factor.

None of them depends on a constant added to the wave or the image: the direct beam is not
measured, so nothing in the data fixes it.
"""

from dataclasses import dataclass
from math import floor

import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import InputError
from diffragan.evaluation.similarity import structural_similarity
from diffragan.fourier import centred, decentred, fourier, resize_centred
from diffragan.physics.blur import gaussian_blur
from diffragan.physics.forward import diffraction_pattern
from diffragan.rings import COARSEST_ANGSTROM, resolution_at, ring_correlation, ring_index
from diffragan.typing import Bool, Complex, Float, Images, Mask, Patterns, Tensor, Waves

__all__ = [
    "FRC_THRESHOLD",
    "MeasuredLimit",
    "Resolution",
    "image_frc",
    "image_frcs",
    "measured_limit",
    "r_factor",
    "resolution",
    "structural_similarity",
    "wave_frc",
]

FRC_THRESHOLD = 0.5
"""The paper's criterion: where the curve falls below this the resolution is read."""


ROUNDING = 1e-9
"""Lets a ring that lies on a limit count as inside it."""


@dataclass(frozen=True, slots=True)
class MeasuredLimit:
    """Where the recorded square of the pattern ends."""

    axis_angstrom: float
    """On the axes, 1 / q_max: the finest resolution of which whole rings were measured [Å]."""
    corner_angstrom: float
    """In the corners, 1 / (sqrt 2 q_max): nothing finer was measured [Å]."""
    rings: int
    """Rings that can be judged, ring 0 among them: to the corner, or to the images' Nyquist."""
    box_angstrom: float

    @property
    def frequency_per_angstrom(self) -> Float[Tensor, " ring"]:
        """Frequency of rings 1, 2, ... that can be judged [1/Å]."""
        return torch.arange(1, self.rings, dtype=torch.float64) / self.box_angstrom

    @property
    def whole_rings(self) -> Bool[Tensor, " ring"]:
        """Which of these rings lie between 20 Å and the limit on the axes: measured all around."""
        resolution_angstrom = 1 / self.frequency_per_angstrom
        return (resolution_angstrom <= COARSEST_ANGSTROM) & (
            resolution_angstrom >= self.axis_angstrom * (1 - ROUNDING)
        )

    @property
    def judged_angstrom(self) -> float:
        """Resolution given to a curve that never falls: the end of the last judged ring [Å]."""
        return max(self.corner_angstrom, self.box_angstrom / (self.rings - 1))


def measured_limit(experiment: Experiment) -> MeasuredLimit:
    """Find how far the pattern of an experiment reaches; q_max is a whole number of samples.

    Raises
    ------
    InputError : It ends before the resolutions at which judging begins.
    """
    box = experiment.box_angstrom
    axis, corner = (
        1 / experiment.axis_limit_per_angstrom,
        1 / experiment.corner_limit_per_angstrom,
    )
    if axis > COARSEST_ANGSTROM:
        raise InputError(
            f"the patterns end at {axis:.1f} Å, and judging begins at "
            f"{COARSEST_ANGSTROM:g} Å; simulate with a larger diffraction.max_angle_mrad"
        )
    last = min(floor(box / corner), experiment.image_pixels // 2)
    return MeasuredLimit(axis, corner, last + 1, box)


def image_frc(recovered: Images, true: Images, rings: int) -> Float[Tensor, "*batch ring"]:
    """Fourier ring correlation of images `(..., y, x)` in rings 1 to `rings - 1`.

    Hard rings one sample wide; ring 0, the mean, is left out. Negative when contrast is inverted.

    Source: van Heel and Schatz, J. Struct. Biol. 151 (2005) 250, eq. 1.
    """
    return _frc(fourier(_without_mean(recovered)), fourier(_without_mean(true)), rings)


def image_frcs(
    recovered: Images, true: Images, rings: int, measured: Mask
) -> tuple[Float[Tensor, "*batch ring"], Float[Tensor, "*batch ring"]]:
    """`image_frc`, over whole rings and over their measured coefficients alone.

    A square of data ends in its corners, where it holds a small part of each ring. Of a ring of
    which a share s was measured, perfect phases of that share and nothing else give sqrt(s) at
    most over the whole ring, and 1 over what was measured.

    Parameters
    ----------
    measured : `(q_y, q_x)`, centred, sampled at 1 / box as the transforms of the images are.
    """
    first, second = (fourier(_without_mean(images)) for images in (recovered, true))
    inside = [
        decentred(resize_centred(centred(spectrum), measured.shape[-1]) * measured)
        for spectrum in (first, second)
    ]
    return _frc(first, second, rings), _frc(inside[0], inside[1], rings)


def wave_frc(recovered: Waves, true: Waves, rings: int) -> Float[Tensor, "*batch ring"]:
    """Fourier ring correlation of complex waves `(..., y, x)` in rings 1 to `rings - 1`.

    Stricter than on images: the image of a weak object shows one part of the wave only.

    Source: van Heel and Schatz, J. Struct. Biol. 151 (2005) 250, eq. 1.
    """
    return _frc(fourier(recovered), fourier(true), rings)


def _frc(
    first: Complex[Tensor, "*batch y x"], second: Complex[Tensor, "*batch y x"], rings: int
) -> Float[Tensor, "*batch ring"]:
    index = ring_index(tuple(first.shape[-2:]), first.device)
    return ring_correlation(first, second, index, rings)[..., 1:]


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where a curve falls below 0.5; always a number, with a flag where it is only a bound."""

    angstrom: float
    reaches_limit: bool
    """The curve never falls: the number is the end of the data, and the truth may be better."""
    starts_below: bool
    """The curve begins below 0.5: the number is that of its first ring, and the truth is worse."""


def resolution(curve: Float[Tensor, " ring"], limit: MeasuredLimit) -> Resolution:
    """Read the resolution at FRC 0.5 from a curve over rings 1, 2, ..."""
    frequency = limit.frequency_per_angstrom
    found = resolution_at(curve, frequency, FRC_THRESHOLD)
    if found is None:
        return Resolution(limit.judged_angstrom, reaches_limit=True, starts_below=False)
    first_ring = int((frequency < 1 / COARSEST_ANGSTROM).sum())
    return Resolution(found, False, float(curve[first_ring]) < FRC_THRESHOLD)


def r_factor(
    waves: Waves, diffraction: Patterns, measured: Mask, spread_pixels: float = 0.0
) -> Float[Tensor, " item"]:
    """R-factor of waves `(item, y, x)` against measured moduli: 0 when they agree everywhere.

    R = sum | |F_obs| - |F_calc| | / sum |F_obs| over the measured pixels, without a scale factor:
    intensities are fractions of the incident beam on both sides.

    Parameters
    ----------
    spread_pixels : Standard deviation of the detector's point spread, which blurs what waves give.

    Source: Rupp, Biomolecular Crystallography (2010), eq. 12-1.
    """
    observed = torch.sqrt(diffraction.clamp(min=0))[..., measured]
    seen = gaussian_blur(diffraction_pattern(waves, diffraction.shape[-1]), spread_pixels)
    calculated = torch.sqrt(seen)[..., measured]
    total = observed.sum(-1).clamp(min=torch.finfo(observed.dtype).tiny)
    return (observed - calculated).abs().sum(-1) / total


def _without_mean(images: Images) -> Images:
    return images - images.mean((-2, -1), keepdim=True)
