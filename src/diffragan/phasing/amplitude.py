"""The weak real part of a recovered wave, which images near focus show and moduli barely do.

Coarsely, a molecule at its mid-plane moves intensity about without taking any away:
|1 + psi_s|^2 is almost 1, because 2 Re psi_s and |psi_s|^2 all but cancel. What is left is a
hundredth of either, so an image is right only if Re psi_s is that good.
"""

import torch

from diffragan.grid import Grid
from diffragan.physics.forward import with_phase_object_amplitude
from diffragan.typing import Float, Tensor, Waves

COARSE_ANGSTROM = 7.0
"""Coarser than this intensity is conserved well enough to fix one phase by."""
DOUBTFUL = 2e-4
"""Energy outside the support, as a share of all, at which a wave's own coarse real part and that of
a phase object are equally good: waves that have converged show 1e-5 to 1e-4, those that have not,
or were counted from fewer than some 10^6 e/Å2, more (validation proteins)."""


def with_beam_phase(wave: Waves, grid: Grid) -> Waves:
    """Turn the phase of each wave to where it takes the least intensity from the beam.

    Moduli of psi_s and its support stay what they are when all of psi_s is multiplied by one phase
    factor: with the direct beam masked nothing else fixes it. Turned by a small angle a,
    |1 + psi_s|^2 - 1 changes by -2 a Im psi_s, and the best a is a regression.

    Parameters
    ----------
    wave : `(item, y, x)`, psi_s at the mid-plane; the origin may lie anywhere.
    """
    coarse = grid.squared_frequencies(wave.device) < 1 / COARSE_ANGSTROM**2
    excess = torch.fft.fft2((1 + wave).abs() ** 2 - 1)[..., coarse]
    change = torch.fft.fft2(2 * wave.imag)[..., coarse]
    least = torch.finfo(change.real.dtype).tiny
    angle = (excess * change.conj()).real.sum(-1) / (change.abs() ** 2).sum(-1).clamp(min=least)
    return wave * torch.polar(torch.ones_like(angle), angle)[..., None, None]


def with_settled_amplitude(
    wave: Waves, energy_outside: Float[Tensor, " item"], grid: Grid, resolution_angstrom: float
) -> Waves:
    """Give each wave the coarse real part that it deserves: its own, or a phase object's.

    Parameters
    ----------
    wave : `(item, y, x)`; the origin may lie anywhere.
    energy_outside : Share of each wave's energy that breaks its support.
    resolution_angstrom : Coarser than this the wave resembles a phase object [Å].
    """
    turned = with_beam_phase(wave, grid)
    held = with_phase_object_amplitude(turned, grid, resolution_angstrom)
    own = convergence(energy_outside)
    return torch.lerp(held, turned, own[:, None, None].to(wave.dtype))


def convergence(energy_outside: Float[Tensor, " item"]) -> Float[Tensor, " item"]:
    """How far a wave has converged, from 0 to 1, by the energy that breaks its support."""
    return 1 / (1 + (energy_outside / DOUBTFUL) ** 2)
