"""One step each of error reduction, hybrid input-output, and relaxed averaged reflections."""

from typing import Protocol

import torch

from diffragan.phasing.projections import (
    MeasuredModuli,
    inside_support,
    project_modulus,
    project_support,
)
from diffragan.typing import Bool, Tensor, Waves


class Step(Protocol):
    """One iteration: the next iterate from the present one."""

    def __call__(
        self,
        wave: Waves,
        moduli: MeasuredModuli,
        support: Bool[Tensor, "item y x"],
        positive: bool,
        beta: float,
    ) -> Waves:
        """Advance `wave`."""
        ...


def error_reduction(
    wave: Waves,
    moduli: MeasuredModuli,
    support: Bool[Tensor, "item y x"],
    positive: bool,
    beta: float,  # noqa: ARG001 - every step is called alike
) -> Waves:
    """Project onto the moduli, then onto the support: Gerchberg-Saxton with a support.

    Source: Fienup, Appl. Opt. 21 (1982) 2758, eq. 11.
    """
    return project_support(project_modulus(wave, moduli), support, positive)


def hybrid_input_output(
    wave: Waves,
    moduli: MeasuredModuli,
    support: Bool[Tensor, "item y x"],
    positive: bool,
    beta: float,
) -> Waves:
    """Keep what meets the constraints, push the rest against them.

    Source: Fienup, Appl. Opt. 21 (1982) 2758, eq. 44.
    """
    projected = project_modulus(wave, moduli)
    pushed = torch.sub(wave, projected, alpha=beta)
    return torch.where(inside_support(projected, support, positive), projected, pushed)


def relaxed_averaged_reflections(
    wave: Waves,
    moduli: MeasuredModuli,
    support: Bool[Tensor, "item y x"],
    positive: bool,
    beta: float,
) -> Waves:
    """Average of two reflections, relaxed towards the modulus projection.

    x' = beta/2 (R_S R_M + 1) x + (1 - beta) P_M x with R = 2 P - 1.
    Source: Luke, Inverse Problems 21 (2005) 37, eq. 12.
    """
    projected = project_modulus(wave, moduli)
    reflected = 2 * projected - wave
    twice = 2 * project_support(reflected, support, positive) - reflected
    return 0.5 * beta * (twice + wave) + (1 - beta) * projected


STEPS: dict[str, Step] = {
    "er": error_reduction,
    "hio": hybrid_input_output,
    "raar": relaxed_averaged_reflections,
}
