"""Rings and shells in Fourier space: sums, correlations, and the resolution read from them."""

import torch

from diffragan.typing import Complex, Float, Int, Tensor

COARSEST_ANGSTROM = 20.0
"""Where the search for a resolution begins [Å]."""


def ring_index(shape: tuple[int, ...], device: torch.device | str = "cpu") -> Int[Tensor, "*shape"]:
    """Ring (2D) or shell (3D) of every pixel of a cubic Fourier array in FFT order.

    A ring of index r holds the frequencies whose distance from zero rounds to r samples.
    """
    axes = [torch.fft.fftfreq(n, 1 / n, device=device, dtype=torch.float64) for n in shape]
    squares = torch.stack(torch.meshgrid(*[a**2 for a in axes], indexing="ij")).sum(0)
    return torch.round(torch.sqrt(squares)).long()


def ring_sum(
    values: Tensor, rings: Int[Tensor, "*shape"], count: int
) -> Float[Tensor, "*batch ring"]:
    """Sum `(..., *shape)` values over each of the first `count` rings."""
    flat_rings = rings.reshape(-1)
    keep = flat_rings < count
    flat = values.reshape(*values.shape[: values.ndim - rings.ndim], -1)[..., keep]
    out = torch.zeros(*flat.shape[:-1], count, dtype=values.dtype, device=values.device)
    return out.index_add(-1, flat_rings[keep], flat)


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
    cross = ring_sum((first * second.conj()).real, rings, count)
    # One root for each: the product of two powers leaves float32 for strong or faint waves.
    roots = [torch.sqrt(ring_sum(wave.abs() ** 2, rings, count)) for wave in (first, second)]
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
