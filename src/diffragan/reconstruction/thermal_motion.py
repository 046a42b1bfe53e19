"""Atoms that move, each by its own amount, in few Fourier transforms.

An atom's transform is damped by exp(-B q^2 / 4). Between the smallest and the largest B-factor of a
molecule that is, at every frequency, a polynomial in B to any accuracy wanted, so a handful of
transforms at fixed B-factors, each atom shared among them, gives all.

Source: Trueblood et al., Acta Cryst. A52 (1996) 770 (B-factors); Berrut and Trefethen, SIAM Rev. 46
(2004) 501, eqs. 4.2 and 5.3 (interpolation at Chebyshev points).
"""

from collections.abc import Iterator

import numpy as np
import torch

from diffragan.typing import Float, Tensor

MOST_NODES = 24
"""Enough for 10^-6 where the frequencies reach 0.5 1/Å and B-factors spread over 200 Å2."""
EXPONENT_PER_NODE = 1.0
FEWEST_NODES = 6


def damped_parts(
    b_factors: Float[Tensor, " atoms"], squared_frequency: Float[Tensor, "*shape"]
) -> Iterator[tuple[Float[Tensor, "*shape"], Float[Tensor, " atoms"]]]:
    """Yield dampings `(*shape)` and each atom's share `(atoms,)` in them.

    The sum over parts of damping times share is exp(-B q^2 / 4) of each atom.

    Parameters
    ----------
    b_factors : B = 8 pi^2 <u_x^2> [Å2].
    squared_frequency : q^2 [1/Å2].
    """
    values = b_factors.double()
    low, high = float(values.min()), float(values.max())
    reach = (high - low) * float(squared_frequency.max()) / 8
    count = 1 if high == low else min(MOST_NODES, FEWEST_NODES + int(EXPONENT_PER_NODE * reach))
    angles = torch.from_numpy((2 * np.arange(count) + 1) * np.pi / (2 * count))
    nodes = (low + high) / 2 + (high - low) / 2 * torch.cos(angles)
    for index, node in enumerate(nodes):
        others = torch.cat([nodes[:index], nodes[index + 1 :]])
        shares = ((values[:, None] - others) / (node - others)).prod(-1)
        yield torch.exp(-node * squared_frequency / 4), shares
