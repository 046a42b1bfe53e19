"""What a detector's point spread does to intensities, and what a wave tells of them without it."""

import torch

from diffragan.fourier import centred, decentred
from diffragan.physics.blur import gaussian_blur
from diffragan.rings import ring_index, ring_sum
from diffragan.typing import Bool, Float, Tensor, Waves

FLOOR = 0.05
"""Of what is seen, added to both intensities: where a wave is dark its own is not known so well."""
SURE_POWER = 3
"""Power of the correlation with what was measured by which a wave is believed in each ring. Chosen
on validation views (benchmarks/point_spread.py): by 0 and 1 hybrid gained half as much. Richardson
and Lucy's deconvolution of the patterns before they are phased made matters worse."""


def sharpening(
    wave: Waves,
    spread_pixels: float,
    measured: Float[Tensor, "item y x"],
    known: Bool[Tensor, "y x"],
) -> Float[Tensor, "item y x"]:
    """Ratio of each modulus of a wave to the one that a detector with a point spread would see.

    A measured modulus times this is what the wave says it was before it was blurred. Once the wave
    foretells what was measured, it is the exact one; in rings where it does not, it has no say.

    Parameters
    ----------
    wave : `(item, y, x)`, as far from the truth as iterations are; inside its support, so that its
        intensities are as smooth as a molecule's.
    spread_pixels : Standard deviation of a Gaussian along each axis [pixels of the pattern].
    measured, known : Moduli in FFT order, and where they were measured.

    Source: Clark et al., Nat. Commun. 3 (2012) 993 (the modulus constraint for blurred patterns).
    """
    intensity = torch.fft.fft2(wave).abs().square()
    seen = decentred(gaussian_blur(centred(intensity), spread_pixels))
    own = ((intensity + FLOOR * seen) / ((1 + FLOOR) * seen).clamp(min=_TINY)).sqrt()
    return torch.lerp(torch.ones_like(own), own, _belief(seen, measured.square(), known))


_TINY = torch.finfo(torch.float32).tiny


def _belief(seen: Tensor, measured: Tensor, known: Tensor) -> Float[Tensor, "item y x"]:
    """How far a wave foretells the intensities of each ring, from 0 to 1."""
    rings = ring_index(tuple(known.shape), known.device)
    count, counted = int(rings.max()) + 1, known.to(seen.dtype)
    population = ring_sum(counted, rings, count).clamp(min=1)

    def varying(values: Tensor) -> Tensor:
        # Of a ring's mean: squares of intensities leave what single precision holds.
        mean = ring_sum(values * counted, rings, count) / population
        usual = mean.clamp(min=_TINY)[..., rings]
        return torch.where(known & (usual > _TINY), values / usual - 1, 0.0)

    first, second = varying(seen), varying(measured)
    both, one, other = (
        ring_sum(product, rings, count)
        for product in (first * second, first.square(), second.square())
    )
    correlation = both / (one * other).sqrt().clamp(min=_TINY)
    belief: Tensor = (correlation.clamp(0, 1) ** SURE_POWER)[..., rings]
    return belief
