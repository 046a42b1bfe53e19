"""What the unrolled network minimises: rings, difference, envelope, and counts."""

import torch
from torch.nn import functional

from diffragan.config.unrolled_training import UnrolledObjective
from diffragan.fourier import fft2
from diffragan.models.unrolled import Guess
from diffragan.rings import ring_index, ring_sum
from diffragan.training.unrolled.conditions import Lesson
from diffragan.typing import Complex, Float, Tensor

Measured = dict[str, Tensor]
FAINTEST_SHARE = 1e-6
"""Share of the mean power of all rings below which a ring's power is not divided by."""


def objective(
    guesses: list[Guess], lesson: Lesson, settings: UnrolledObjective
) -> tuple[Tensor, Measured]:
    """Return the loss over all stages, and what was measured of the last one."""
    truth = fft2(lesson.truth)
    target = lesson.envelope.to(lesson.view.modulus.dtype)
    size = lesson.truth.abs().mean((-2, -1))
    total = truth.real.new_zeros(())
    measured: Measured = {}
    for place, guess in enumerate(guesses):
        spectrum = fft2(guess.waves)
        frc = differentiable_frc(spectrum, truth)
        difference = ((guess.waves - lesson.truth).abs().mean((-2, -1)) / size).mean()
        envelope = functional.binary_cross_entropy_with_logits(guess.envelope, target)
        loss = (
            settings.ring_weight * (1 - frc).mean()
            + settings.difference_weight * difference
            + settings.envelope_weight * envelope
        )
        measured = {"frc": frc.mean(), "difference": difference, "envelope": envelope}
        if lesson.electrons is not None and settings.counts_weight > 0:
            deviance = counts_deviance(spectrum, lesson)
            measured["counts"] = deviance
            loss = loss + settings.counts_weight * deviance
        total = total + settings.stage_weight ** (len(guesses) - 1 - place) * loss
    return total, {"loss": total, **measured}


def differentiable_frc(
    first: Complex[Tensor, "item y x"], second: Complex[Tensor, "item y x"]
) -> Float[Tensor, "item ring"]:
    """FRC of rings 1 to Nyquist whose gradient is finite where a ring has no power.

    Source: van Heel and Schatz, J. Struct. Biol. 151 (2005) 250, eq. 1.
    """
    side = first.shape[-1]
    rings = ring_index((side, side), first.device)

    def sums(values: Tensor) -> Tensor:
        return ring_sum(values, rings, side // 2)[..., 1:]

    cross = sums((first * second.conj()).real)
    powers = [sums(wave.real**2 + wave.imag**2) for wave in (first, second)]
    floors = [FAINTEST_SHARE * power.detach().mean(-1, keepdim=True) + 1e-20 for power in powers]
    return cross / torch.sqrt((powers[0] + floors[0]) * (powers[1] + floors[1]))


def counts_deviance(spectrum: Complex[Tensor, "item y x"], lesson: Lesson) -> Tensor:
    """Mean deviance of the moduli, 4 (|F| - modulus)^2 in electrons, weighted by their trust.

    The square root of a Poisson number has a variance of 1/4 whatever its mean, so this is the
    Poisson deviance to second order; where a coefficient has next to no electrons its trust is 0.

    Source: Anscombe, Biometrika 35 (1948) 246.
    """
    assert lesson.electrons is not None
    scale = lesson.electrons**0.5 / spectrum.shape[-1] ** 2
    misfit = 4 * scale**2 * (spectrum.abs() - lesson.view.modulus) ** 2
    trust = lesson.view.trust
    # Strong patterns at 1e6 e/Å2 would drown everything else.
    deviance: Tensor = (trust * misfit / (1 + misfit)).sum() / trust.sum().clamp(min=1)
    return deviance
