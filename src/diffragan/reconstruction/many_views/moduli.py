"""What merged counts say of a modulus: its expectation, and how far it binds.

As for single patterns (`phasing.counted`), the intensity behind n electrons of an expectation e for
a unit of it, in a shell of mean intensity S (Wilson), is distributed as Gamma(n + 1, 1 / (e + 1/S))
and the modulus has a closed mean. Its trust is 1 where counts tell all and 0 where they tell
nothing beyond S.

Source: French and Wilson, Acta Cryst. A34 (1978) 517; Wilson, Acta Cryst. 2 (1949) 318.
"""

from dataclasses import dataclass, replace

import torch

from diffragan.phasing.counted import NOTHING_KNOWN
from diffragan.phasing.counts_over_background import posterior_moments
from diffragan.reconstruction.many_views.lattice import shell_index, shell_sum
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.typing import Bool, Float, Tensor

_TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Moduli:
    """Moduli of a map's half transform, and what binds it to them."""

    modulus: Float[Tensor, "z y half_x"]
    """Expected modulus [V Å3]; 0 where nothing was measured."""
    trust: Float[Tensor, "z y half_x"]
    """How far each binds, from 0 to 1; 0 where nothing was measured or it is kept out."""

    def within(self, inside: Bool[Tensor, "z y half_x"]) -> "Moduli":
        """Let only some samples bind; others are free."""
        return replace(self, trust=torch.where(inside, self.trust, 0.0))


def mean_intensity(merged: Merged) -> Float[Tensor, " shell"]:
    """Mean intensity of each shell over its measured samples [V2 Å6]; 0 without any."""
    shells, known = shell_index(merged.grid, merged.values.device), merged.known
    values = shell_sum(merged.signal, shells, known).clamp(min=0)
    expected = shell_sum(merged.expected, shells, known)
    return torch.where(expected > 0, values / expected.clamp(min=_TINY), 0.0)


def expected_moduli(merged: Merged) -> Moduli:
    """Find the expected modulus and the trust of each sample."""
    known = merged.known
    if not merged.counted:
        return Moduli(merged.intensity.sqrt(), known.float())
    shell = mean_intensity(merged)[shell_index(merged.grid, merged.values.device)]
    sharing = merged.sharing
    counts, expected = merged.values * sharing, merged.expected * sharing
    usable = known & (shell > 0)
    if merged.background is not None:
        return _less_background(merged, shell, usable)
    rate = expected + 1 / shell.clamp(min=_TINY)
    ratio = torch.exp(torch.lgamma(counts + 1.5) - torch.lgamma(counts + 1))
    told = (ratio**2 / (counts + 1) - NOTHING_KNOWN) / (1 - NOTHING_KNOWN)
    return Moduli(
        torch.where(usable, ratio / rate.sqrt(), 0.0).float(),
        torch.where(usable, told.clamp(0, 1), 0.0).float(),
    )


def _less_background(
    merged: Merged, shell: Float[Tensor, "z y half_x"], usable: Bool[Tensor, "z y half_x"]
) -> Moduli:
    """Do the same where counts are partly of a background."""
    modulus, intensity = moments_of(merged, shell, usable)
    told = (modulus**2 / intensity.clamp(min=_TINY) - NOTHING_KNOWN) / (1 - NOTHING_KNOWN)
    return Moduli(modulus.float(), torch.where(usable, told.clamp(0, 1), 0.0).float())


def moments_of(
    merged: Merged, shell: Float[Tensor, "z y half_x"], usable: Bool[Tensor, "z y half_x"]
) -> tuple[Float[Tensor, "z y half_x"], Float[Tensor, "z y half_x"]]:
    """Mean modulus and mean intensity of samples whose counts have a background; else 0.

    Parameters
    ----------
    shell : Mean intensity of each sample's shell, above 0 where it is usable [V2 Å6].
    """
    assert merged.background is not None
    sharing = merged.sharing[usable]
    found = posterior_moments(
        merged.values[usable] * sharing,
        merged.expected[usable] * sharing,
        merged.background[usable] * sharing,
        shell[usable],
    )
    whole = torch.zeros_like(merged.values), torch.zeros_like(merged.values)
    for out, values in zip(whole, found, strict=True):
        out[usable] = values
    return whole
