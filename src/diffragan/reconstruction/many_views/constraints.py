"""Projections of a 3D map onto what is known of it, and one step of each algorithm.

As `phasing.projections` and `phasing.algorithms` for waves, on real maps `(z, y, x)` whose origin
is at voxel [0, 0, 0].
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from diffragan.phasing.projections import SMALLEST_POWER
from diffragan.reconstruction.many_views.moduli import Moduli
from diffragan.typing import Bool, Tensor, Volume


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a map must obey."""

    moduli: Moduli
    support: Bool[Tensor, "z y x"]
    voxel_angstrom3: float
    positive: bool = True

    def measured(self, volume: Volume) -> Volume:
        """Nearest map with the measured moduli: they replace its own as far as they bind.

        Samples that were not measured stay as they are, as far as the grid reaches.

        Source: Fienup, Appl. Opt. 21 (1982) 2758, eqs. 5 and 6.
        """
        spectrum = torch.fft.rfftn(volume)
        power = spectrum.real**2 + spectrum.imag**2
        factor = power.clamp(min=SMALLEST_POWER).rsqrt_().mul_(self.moduli.modulus)
        factor.div_(self.voxel_angstrom3).sub_(1).mul_(self.moduli.trust).add_(1)
        out: Tensor = torch.fft.irfftn(spectrum * factor, s=volume.shape)
        return out

    def inside(self, volume: Volume) -> Bool[Tensor, "z y x"]:
        """Voxels that meet the constraints of real space."""
        return self.support & (volume > 0) if self.positive else self.support

    def confined(self, volume: Volume) -> Volume:
        """Nearest map that is zero outside the support and, if asked, nowhere negative."""
        return torch.where(self.inside(volume), volume, 0.0)


Step = Callable[[Volume, Constraints, float], Volume]
"""From an iterate, the constraints and beta to the next iterate."""


def error_reduction(volume: Volume, constraints: Constraints, beta: float) -> Volume:
    """Project onto the moduli, then onto the support; Fienup (1982), eq. 11."""
    del beta  # every step is called alike
    return constraints.confined(constraints.measured(volume))


def hybrid_input_output(volume: Volume, constraints: Constraints, beta: float) -> Volume:
    """Keep what meets the constraints, push the rest against them; Fienup (1982), eq. 44."""
    projected = constraints.measured(volume)
    pushed = torch.sub(volume, projected, alpha=beta)
    return torch.where(constraints.inside(projected), projected, pushed)


def relaxed_averaged_reflections(volume: Volume, constraints: Constraints, beta: float) -> Volume:
    """Average two reflections, relaxed to the moduli; Luke, Inverse Problems 21 (2005) 37, 12."""
    projected = constraints.measured(volume)
    reflected = 2 * projected - volume
    twice = 2 * constraints.confined(reflected) - reflected
    return 0.5 * beta * (twice + volume) + (1 - beta) * projected


def difference_map(volume: Volume, constraints: Constraints, beta: float) -> Volume:
    """Move by the difference of both projections, each of a map relaxed from the other.

    x + beta (P_S(f_M(x)) - P_M(f_S(x))) with f_M = (1 + 1 / beta) P_M - 1 / beta and
    f_S = (1 - 1 / beta) P_S + 1 / beta. Two transforms of moduli a step, one for beta = 1.

    Source: Elser, J. Opt. Soc. Am. A 20 (2003) 40, eqs. 9 and 24.
    """
    relaxed = constraints.measured(volume).mul_(1 + 1 / beta).sub_(volume, alpha=1 / beta)
    confined = constraints.confined(volume).mul_(1 - 1 / beta).add_(volume, alpha=1 / beta)
    moved = constraints.confined(relaxed) - constraints.measured(confined)
    return volume + beta * moved


STEPS: dict[str, Step] = {
    "er": error_reduction,
    "hio": hybrid_input_output,
    "raar": relaxed_averaged_reflections,
    "dm": difference_map,
}
