"""Power of maps in shells, and maps whose shells all have the same."""

import torch

from diffragan.grid import Grid
from diffragan.rings import ring_distance, ring_index, ring_sum
from diffragan.typing import Complex, Float, Tensor, Volume

EDGE_SHELLS = 2.0
"""Width over which a cut-off falls from one to zero, along a cosine; a sharp one rings."""


def shell_power(transform: Complex[Tensor, "z y x"]) -> Float[Tensor, "z y x"]:
    """Mean squared modulus of each coefficient's shell."""
    shells = ring_index(tuple(transform.shape), transform.device)
    count = int(shells.max()) + 1
    power = transform.real**2 + transform.imag**2
    members = ring_sum(torch.ones_like(power), shells, count)
    return (ring_sum(power, shells, count) / members.clamp(min=1))[shells]


def whitened(transform: Complex[Tensor, "z y x"]) -> Complex[Tensor, "z y x"]:
    """Divide each shell by its root mean square: fine detail then counts as coarse shape does."""
    power = shell_power(transform)
    return torch.where(power > 0, transform / power.clamp(min=1e-300).sqrt(), 0)


def pass_band(
    grid: Grid, finest_angstrom: float, coarsest_angstrom: float | None = None
) -> Float[Tensor, "z y x"]:
    """Weights from 1 to 0 of a cube's coefficients in FFT order: one between two resolutions [Å].

    The cut-offs lie at the middle of their soft edges.
    """
    radius = ring_distance((grid.pixels,) * 3)
    kept = _falling(radius, grid.box_angstrom / finest_angstrom)
    if coarsest_angstrom is not None:
        kept = kept * (1 - _falling(radius, grid.box_angstrom / coarsest_angstrom))
    return kept


def _falling(radius: Tensor, edge: float) -> Tensor:
    part = ((radius - edge) / EDGE_SHELLS + 0.5).clamp(0, 1)
    return 0.5 + 0.5 * torch.cos(torch.pi * part)


def low_passed(volume: Volume, grid: Grid, finest_angstrom: float) -> Volume:
    """Cut a map off at a resolution [Å], softly."""
    transform = torch.fft.fftn(volume.double()) * pass_band(grid, finest_angstrom)
    limited: Volume = torch.fft.ifftn(transform).real
    return limited
