"""Projections onto what is known: the measured moduli, and the support with positivity.

Waves in iterations have their origin at pixel [0, 0] (FFT order), which saves two shifts a step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from diffragan.fourier import decentred, fft2, ifft2, resize_centred
from diffragan.phasing.counted import expected_modulus
from diffragan.phasing.point_spread import sharpening
from diffragan.phasing.protocol import Observations
from diffragan.physics.forward import scattered_modulus
from diffragan.physics.illumination import beam_area_angstrom2
from diffragan.typing import Bool, Complex, Float, Tensor, Waves

SMALLEST_POWER = 1e-30
"""A coefficient of less has no phase to keep, and stays as good as zero."""


MOST_TIMES = 2.5
"""How many times its expected modulus a wave's coefficient may be: of a Gaussian wave one in 135 is
more. At 10 and 100 e/Å2 waves grew to 60 and 8 times the measured moduli without this."""


@dataclass(frozen=True)
class MeasuredModuli:
    """Moduli |F[psi_s]| of some items on the wave grid, FFT order."""

    modulus: Float[Tensor, "item y x"]
    known: Bool[Tensor, "y x"]
    """Where the modulus was measured."""
    recorded: Bool[Tensor, "y x"]
    """The recorded square: where it is not known (direct beam) the wave is free, outside zero."""
    restraint: Complex[Tensor, "item y x"] | None = None
    """Coefficients from another measurement that pull the phases their way."""
    trust: Float[Tensor, "item y x"] | None = None
    """How far each modulus binds, from 0 to 1; all known ones are exact when left out."""
    spread_pixels: float = 0.0
    """Standard deviation of the detector's point spread, which blurred what was measured."""
    blurred: Float[Tensor, "item y x"] | None = None
    """The moduli as they were measured, once others are in force (`sharpened`)."""

    def rows(self, rows: Sequence[int]) -> "MeasuredModuli":
        """Return some of the items."""
        chosen = torch.tensor(list(rows), dtype=torch.long, device=self.modulus.device)

        def of(values: Tensor | None) -> Tensor | None:
            return None if values is None else values[chosen]

        return replace(
            self,
            modulus=self.modulus[chosen],
            restraint=of(self.restraint),
            trust=of(self.trust),
            blurred=of(self.blurred),
        )

    def sharpened(self, wave: Waves) -> "MeasuredModuli":
        """Take the point spread off the moduli, by what a wave inside its support says of it.

        Parameters
        ----------
        wave : `(item, y, x)`, origin at pixel [0, 0]; one that vanishes changes nothing.
        """
        if self.spread_pixels == 0:
            return self
        measured = self.modulus if self.blurred is None else self.blurred
        ratio = sharpening(wave, self.spread_pixels, measured, self.known)
        return replace(self, modulus=measured * ratio, blurred=measured)

    def free_beyond(self) -> "MeasuredModuli":
        """Leave the wave free beyond the recorded square, too, as far as its grid reaches.

        A molecule's wave scatters further than the detector sees. One that is cut off there rings
        outside its support, so cut waves and supports contradict each other, which costs the outer
        rings their phases.
        """
        return replace(self, recorded=torch.ones_like(self.recorded))

    @classmethod
    def joined(cls, parts: Sequence["MeasuredModuli"]) -> "MeasuredModuli":
        """Join the items of several, measured at the same places and all of one sort."""
        first = parts[0]

        def of(name: str) -> Tensor | None:
            values = [getattr(part, name) for part in parts]
            return None if values[0] is None else torch.cat(values)

        return replace(
            first,
            modulus=torch.cat([part.modulus for part in parts]),
            restraint=of("restraint"),
            trust=of("trust"),
            blurred=of("blurred"),
        )

    @cached_property
    def bound(self) -> Float[Tensor, "item y x"]:
        """The part of each modulus that a projection puts in place of a wave's own."""
        known = torch.where(self.known, self.modulus, 0.0)
        return known if self.trust is None else known * self.trust

    @cached_property
    def most(self) -> Float[Tensor, "item y x"] | None:
        """Largest modulus that a projection leaves to a wave's own part; `None` if all are exact.

        What counts barely bind would otherwise grow without end: iterations push against supports.
        """
        if self.trust is None:
            return None
        return torch.where(self.known, MOST_TIMES * self.modulus, torch.inf)

    @cached_property
    def kept(self) -> Float[Tensor, "*item y x"]:
        """The share of a wave's own coefficient that a projection keeps."""
        free = (self.recorded & ~self.known).to(self.modulus.dtype)
        return free if self.trust is None else torch.where(self.known, 1 - self.trust, free)


def measured_moduli(observations: Observations, pixels: int | None = None) -> MeasuredModuli:
    """Bring patterns onto the wave grid, counted ones by what their counts are worth.

    Parameters
    ----------
    pixels : Side of another grid of the same box; the experiment's when left out.
    """
    experiment = observations.experiment
    pixels = pixels or experiment.wave_pixels
    known = decentred(resize_centred(observations.measured, pixels))
    recorded = decentred(resize_centred(torch.ones_like(observations.measured), pixels))
    beam = beam_area_angstrom2(experiment.beam, experiment.wave_grid)
    # A pattern is a fraction of all electrons; the box holds its share of a beam of another size.
    scale = (beam / experiment.box_angstrom**2) ** 0.5
    exposure, spread = (
        experiment.detector.exposure_e_per_a2,
        experiment.detector.point_spread_pixels,
    )
    if exposure is None:
        modulus = scattered_modulus(observations.diffraction, pixels) * scale
        return MeasuredModuli(modulus, known, recorded, spread_pixels=spread)
    incident = exposure * beam
    behind = None if observations.background is None else observations.background * incident
    expected, trust = expected_modulus(
        observations.diffraction * incident, observations.measured, behind
    )
    modulus = decentred(resize_centred(expected, pixels)) * (scale * pixels**2 / incident**0.5)
    trust = decentred(resize_centred(trust, pixels))
    return MeasuredModuli(modulus, known, recorded, trust=trust, spread_pixels=spread)


def project_modulus(wave: Waves, moduli: MeasuredModuli) -> Waves:
    """Nearest wave with the measured moduli: they replace its own, its phases stay.

    With a restraint, the phases are those of the wave's coefficients plus the restraint's.

    Source: Fienup, Appl. Opt. 21 (1982) 2758, eqs. 5 and 6.
    """
    spectrum = fft2(wave)
    if moduli.restraint is not None:
        spectrum += moduli.restraint
    # One real factor for each coefficient: this is where iterations spend their time, and the
    # absolute value of a complex tensor would take more of it than both transforms.
    power = (spectrum * spectrum.conj()).real
    over = power.clamp(min=SMALLEST_POWER).rsqrt_()
    kept = moduli.kept if moduli.most is None else moduli.kept * (over * moduli.most).clamp_(max=1)
    spectrum *= over.mul_(moduli.bound).add_(kept)
    return ifft2(spectrum)


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
