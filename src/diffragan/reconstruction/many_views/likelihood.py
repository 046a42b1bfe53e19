"""How well a pattern fits slices of an intensity, by the likelihood of its counts.

Given their number, counts of a pattern are distributed over its pixels as its slice of the
intensity (multinomial), so neither exposure nor centring matters: shifts leave moduli alone.
"""

import torch

from diffragan.reconstruction.many_views.lattice import shell_index
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.reconstruction.many_views.moduli import mean_intensity, moments_of
from diffragan.reconstruction.many_views.patterns import PatternBatch
from diffragan.typing import Float, Tensor

LEAST_SHARE = 1e-3
"""Of the mean of a slice: an intensity below it is not known to be so low."""


def posterior_intensity(merged: Merged) -> Float[Tensor, "z y half_x"]:
    """Return the expected intensity behind merged counts; the shell's where none came.

    (n + 1) / (e + 1 / S), the mean of the gamma distribution in `moduli`: never 0, so that no
    single count rules an orientation out.
    """
    shell = mean_intensity(merged)[shell_index(merged.grid, merged.values.device)]
    known = merged.known & (shell > 0)
    if not merged.counted:
        return torch.where(known, merged.intensity, shell.float())
    if merged.background is not None:
        _, mean = moments_of(merged, shell, known)
        return torch.where(known, mean, shell).float()
    sharing = torch.where(known, merged.sharing, 0.0)
    rate = merged.expected * sharing + 1 / shell.clamp(min=1e-30)
    return torch.where(shell > 0, (merged.values * sharing + 1) / rate, 0.0).float()


def background_of(batch: PatternBatch) -> Float[Tensor, "view pixel"]:
    """Return what to add to slices for the background of patterns [V2 Å6]; 0 without any."""
    if batch.background is None:
        return torch.zeros_like(batch.values)
    per_unit: Tensor = batch.background / batch.expected[:, None].clamp(min=1e-300)
    return per_unit.to(batch.values)


def log_likelihood(
    values: Float[Tensor, " pixel"], slices_: Float[Tensor, "view pixel"]
) -> Float[Tensor, " view"]:
    """Log-likelihood of one pattern's values on several slices, up to a constant.

    sum n log(I / sum I); Loh and Elser, Phys. Rev. E 80 (2009) 026705, eq. 8, with the number of
    counts given.
    """
    counted, one = values > 0, torch.ones(len(values), dtype=torch.float64)
    return log_likelihood_of_counts(
        values[counted], slices_[:, counted], slices_, one.to(values.device)
    )


def log_likelihood_of_counts(
    counts: Float[Tensor, " count"],
    at_counts: Float[Tensor, "view count"],
    standing: Float[Tensor, "view pixel"],
    stood_for: Float[Tensor, " pixel"],
) -> Float[Tensor, " view"]:
    """Return the same, of slices read only where counts came and at pixels that stand for all.

    Parameters
    ----------
    at_counts : Slices at the pixels that have counts.
    standing : Slices at pixels that stand for others, too.
    stood_for : How many each of these stands for.
    """
    floor = LEAST_SHARE * (standing.double() @ stood_for / stood_for.sum()).clamp(min=1e-30)
    floor = floor[:, None].to(standing)
    total = torch.maximum(standing, floor).double() @ stood_for
    shares = torch.maximum(at_counts, floor).double() / total[:, None]
    return torch.log(shares) @ counts.double()


def misfit(values: Float[Tensor, " pixel"], slice_: Float[Tensor, " pixel"]) -> float:
    """Return by how many standard deviations a pattern fits worse than its slice's own counts.

    Of n counts from the slice itself each has log p of the mean sum p log p and of its variance.
    """
    shares = _shares(slice_[None])[0]
    logs, total = torch.log(shares), values.double().sum()
    mean = (shares * logs).sum()
    variance = (shares * (logs - mean) ** 2).sum()
    found = (values.double() * logs).sum()
    return float((total * mean - found) / (total * variance).clamp(min=1e-30).sqrt())


def _shares(slices_: Tensor) -> Tensor:
    floor = LEAST_SHARE * slices_.mean(-1, keepdim=True).clamp(min=1e-30)
    exact = torch.maximum(slices_, floor).double()
    return exact / exact.sum(-1, keepdim=True)
