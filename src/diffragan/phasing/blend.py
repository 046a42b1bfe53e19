"""The iterated wave and the network's wave joined, band by band, as each deserves."""

import torch

from diffragan.fourier import fft2, ifft2
from diffragan.phasing.evidence import Bands
from diffragan.typing import Float, Tensor, Waves

LARGEST_CORRELATION = 0.999
"""More than this nobody is sure of, and the weight below would be infinite."""
FAINTEST = 0.02


def blend(
    iterated: Waves,
    network: Waves,
    iterated_frc: Float[Tensor, "item band"],
    network_frc: Float[Tensor, "item band"],
    bands: Bands,
    doubt: Float[Tensor, " item"] | None = None,
) -> Waves:
    """Join two estimates of a wave whose correlations with the truth are about known.

    An estimate of correlation c is the truth plus an error of power (1 - c^2) / c^2 of it; weighted
    by c / (1 - c^2) each, the sum of two with independent errors has the least error. Their errors
    are not quite independent, since one began at the other, which only makes the gain smaller.

    Parameters
    ----------
    iterated, network : `(item, y, x)`, origin at pixel [0, 0].
    iterated_frc, network_frc : Expected correlation of each with the truth.
    doubt : Factor on the network's share, from 0 to 1, for items whose iterated wave meets its
        constraints better than the network could; 1 when left out.

    Returns
    -------
    `(item, y, x)`, as strong in each band as the iterated wave.
    """
    first, second = fft2(iterated), fft2(network)
    powers = [bands.sum(wave.abs() ** 2).clamp(min=1e-20) for wave in (first, second)]
    weights = [
        frc.clamp(FAINTEST, LARGEST_CORRELATION) / (1 - frc.clamp(0, LARGEST_CORRELATION) ** 2)
        for frc in (iterated_frc, network_frc)
    ]
    share = weights[1] / (weights[0] + weights[1])
    if doubt is not None:
        share = share * doubt[:, None].to(share)
    # The network's wave is as strong as it is certain; here its direction alone is wanted.
    scale = (powers[0] / powers[1]).sqrt()
    within = bands.index < bands.count
    place = bands.index.clamp(max=bands.count - 1)
    joined = (1 - share)[:, place] * first + (share * scale)[:, place] * second
    after = bands.sum(joined.abs() ** 2).clamp(min=1e-20)
    joined = joined * (powers[0] / after).sqrt()[:, place]
    return ifft2(torch.where(within, joined, first))
