"""Energy where there is no molecule: the paper's hot pixels."""

import torch

from diffragan.fourier import fft2, ifft2
from diffragan.grid import Grid
from diffragan.typing import Bool, Float, Tensor, Waves

HELD_SHARE = 0.99
"""Share of the true wave's energy that its envelope holds."""
SMOOTHING_ANGSTROM = 1.0
"""Closes the gaps between atoms, which are part of the molecule."""


def true_envelope(waves: Waves, grid: Grid, held: float = HELD_SHARE) -> Bool[Tensor, "item y x"]:
    """Find where each molecule is: the fewest places that hold nearly all of its wave's energy.

    Parameters
    ----------
    waves : `(item, y, x)`, true scattered waves on `grid`.
    held : Share of the energy, after smoothing by 1 Å, that the envelope holds.
    """
    power = waves.real**2 + waves.imag**2
    damping = torch.exp(
        -2 * (torch.pi * SMOOTHING_ANGSTROM) ** 2 * grid.squared_frequencies(waves.device)
    )
    smooth = ifft2(fft2(power) * damping).real.clamp(min=0).flatten(1)
    ordered, places = smooth.sort(dim=1, descending=True)
    before = ordered.cumsum(1) - ordered
    wanted = before < held * ordered.sum(1, keepdim=True)
    return torch.zeros_like(wanted).scatter(1, places, wanted).reshape(waves.shape)


def energy_outside_envelope(
    waves: Waves, envelope: Bool[Tensor, "item y x"]
) -> Float[Tensor, " item"]:
    """Share of each wave's energy outside the molecule's envelope; 0 is best.

    The mean outside is taken off first: it is vacuum, and a constant is part of the direct beam,
    which was not measured. A wave without energy gives 0.
    """
    outside = ~envelope
    count = outside.sum((-2, -1), keepdim=True).clamp(min=1)
    vacuum = (waves * outside).sum((-2, -1), keepdim=True) / count
    power = (waves - vacuum).abs() ** 2
    total = power.sum((-2, -1))
    return (power * outside).sum((-2, -1)) / total.clamp(min=torch.finfo(total.dtype).tiny)
