"""Rings and shells in Fourier space: sums, correlations, and the resolution read from them."""

from collections.abc import Callable
from typing import Literal

import torch

from diffragan.typing import Complex, Float, Int, Tensor

RingKind = Literal["hard", "smooth"]
"""How samples belong to rings: each to the nearest one, or shared between the two nearest."""

COARSEST_ANGSTROM = 20.0
"""Where the search for a resolution begins [Å]."""


def ring_index(shape: tuple[int, ...], device: torch.device | str = "cpu") -> Int[Tensor, "*shape"]:
    """Ring (2D) or shell (3D) of every pixel of a cubic Fourier array in FFT order.

    A ring of index r holds the frequencies whose distance from zero rounds to r samples.
    """
    return torch.round(ring_distance(shape, device)).long()


def ring_distance(
    shape: tuple[int, ...], device: torch.device | str = "cpu"
) -> Float[Tensor, "*shape"]:
    """Distance from zero frequency [samples] of every pixel of a Fourier array in FFT order."""
    axes = [torch.fft.fftfreq(n, 1 / n, device=device, dtype=torch.float64) for n in shape]
    squares = torch.stack(torch.meshgrid(*[a**2 for a in axes], indexing="ij")).sum(0)
    return torch.sqrt(squares)


def ring_sum(
    values: Tensor, rings: Int[Tensor, "*shape"], count: int
) -> Float[Tensor, "*batch ring"]:
    """Sum `(..., *shape)` values over each of the first `count` rings."""
    flat_rings = rings.reshape(-1)
    keep = flat_rings < count
    flat = values.reshape(*values.shape[: values.ndim - rings.ndim], -1)[..., keep]
    out = torch.zeros(*flat.shape[:-1], count, dtype=values.dtype, device=values.device)
    return out.index_add(-1, flat_rings[keep], flat)


def smooth_ring_sum(
    values: Tensor, distance: Float[Tensor, "*shape"], count: int
) -> Float[Tensor, "*batch ring"]:
    """Sum `(..., *shape)` values over smooth rings, each a triangle of full width 2 samples.

    A sample at distance d counts with weight max(0, 1 - |d - r|) in ring r: its weights in the two
    nearest rings add up to 1.
    """
    inner = torch.floor(distance)
    outer_share = (distance - inner).to(values.dtype)
    rings = inner.long()
    inside = ring_sum(values * (1 - outer_share), rings, count)
    return inside + ring_sum(values * outer_share, rings + 1, count)


def ring_correlation(
    first: Complex[Tensor, "*batch_and_shape"],
    second: Complex[Tensor, "*batch_and_shape"],
    rings: Int[Tensor, "*shape"],
    count: int,
) -> Float[Tensor, "*batch ring"]:
    """Correlate two sets of Fourier coefficients ring by ring: FRC in 2D, FSC in 3D.

    Hard rings one sample wide. Rings without power give 0.

    Source: van Heel and Schatz, J. Struct. Biol. 151 (2005) 250, eq. 1.
    """
    return _correlation(first, second, lambda values: ring_sum(values, rings, count))


def smooth_ring_correlation(
    first: Complex[Tensor, "*batch_and_shape"],
    second: Complex[Tensor, "*batch_and_shape"],
    distance: Float[Tensor, "*shape"],
    count: int,
) -> Float[Tensor, "*batch ring"]:
    """Correlate two sets of Fourier coefficients in smooth rings; rings without power give 0.

    Source: as `ring_correlation`, with the weights of `smooth_ring_sum` in all three sums.
    """
    return _correlation(first, second, lambda values: smooth_ring_sum(values, distance, count))


def _correlation(
    first: Complex[Tensor, "*batch_and_shape"],
    second: Complex[Tensor, "*batch_and_shape"],
    add_up: Callable[[Tensor], Tensor],
) -> Float[Tensor, "*batch ring"]:
    cross = add_up((first * second.conj()).real)
    # One root for each: the product of two powers leaves float32 for strong or faint waves.
    roots = [torch.sqrt(add_up(wave.real**2 + wave.imag**2)) for wave in (first, second)]
    norm = roots[0] * roots[1]
    return torch.where(norm > 0, cross / norm.clamp(min=torch.finfo(norm.dtype).tiny), 0.0)


def resolution_at(
    correlation: Float[Tensor, " ring"],
    frequency_per_angstrom: Float[Tensor, " ring"],
    threshold: float = 0.5,
    coarsest_angstrom: float = COARSEST_ANGSTROM,
) -> float | None:
    """Resolution [Å] where a correlation curve first falls below `threshold`.

    Interpolated linearly in frequency between the last ring above and the first below. The search
    begins at `coarsest_angstrom`: the few samples of the rings before it say little, and a
    defocused image transfers next to nothing there. `None` when the curve never falls: the
    resolution is then the end of the data. A curve that begins below the threshold gives the
    resolution of its first ring.
    """
    first = int((frequency_per_angstrom < 1 / coarsest_angstrom).sum())
    below = torch.nonzero(correlation[first:] < threshold).flatten()
    if len(below) == 0:
        return None
    ring = int(below[0]) + first
    if ring == first:
        return 1 / float(frequency_per_angstrom[ring])
    high, low = float(correlation[ring - 1]), float(correlation[ring])
    fraction = (high - threshold) / (high - low)
    start, end = (float(frequency_per_angstrom[i]) for i in (ring - 1, ring))
    return 1 / (start + fraction * (end - start))
