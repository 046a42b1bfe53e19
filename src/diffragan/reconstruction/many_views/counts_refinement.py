"""A map refined against counts by gradients of their Poisson likelihood.

Projections fit moduli, each with a trust of its own; the likelihood weighs counts as they are, and
knows what merging or multiple scattering made of them. The map moves by steps of Gauss and Newton
with the diagonal of the Hessian in Fourier space, stays in its support and positive, and is that of
the round which foretells the free reflections best: further rounds fit the noise.

Source: Beck and Teboulle, SIAM J. Imaging Sci. 2 (2009) 183, eqs. 4.1 to 4.3 (projected gradients
with momentum); Brünger, Nature 355 (1992) 472 (free reflections).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from pydantic import Field

from diffragan.config.settings import Settings
from diffragan.grid import Grid
from diffragan.reconstruction.many_views.lattice import shell_index, shell_sum
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.typing import Bool, Complex, Float, Tensor, Volume

LEAST_EXPECTED = 0.2
"""Of a shell's mean expectation in the curvature of each of its samples: steps stay short where
few patterns came."""

LEAST_GAIN = 1e-4
"""Log-likelihood for each free count by which the prediction must get better to go on."""


class CountsSettings(Settings):
    """How a map is refined against counts."""

    rounds: int = Field(6, ge=1)
    """Most times that the counts are looked at."""
    patience: int = Field(2, ge=1)
    """Rounds without a better prediction of the free reflections after which it is enough."""
    step: float = Field(1.0, gt=0, lt=2)
    """Length of a step over that which would fit each sample alone."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """Most of the last step that the next one goes on with."""
    positive: bool = True


@dataclass(frozen=True, slots=True)
class RoundScore:
    """What a map is worth: log-likelihood over that of shells of even intensity, per count."""

    work_gain: float
    """Of what is refined against."""
    free_gain: float
    """Of what is not."""


class Likelihood(Protocol):
    """Counts, and how well a map foretells them."""

    grid: Grid
    curvature: Float[Tensor, "z y half_x"]
    """Second derivative by the modulus of each sample [1/(V2 Å6)]."""

    def slope(self, volume: Volume) -> tuple[Complex[Tensor, "z y half_x"], RoundScore]:
        """Return how minus the log-likelihood changes with each sample of a map, and its score."""
        ...


@dataclass(frozen=True, slots=True)
class CountsRefined:
    """A refined map."""

    volume: Volume
    """Origin at voxel [0, 0, 0] [V]; that of the round that foretold free counts best. It keeps
    what it has beyond the data, without which it would not end at its support."""
    scores: tuple[RoundScore, ...]
    """Of the start and of each round."""
    chosen: int
    """Which of the scores is the map's; 0 if the start was the best."""


def refine_against_counts(
    start: Volume,
    support: Bool[Tensor, "z y x"],
    likelihood: Likelihood,
    settings: CountsSettings,
    watch: Callable[[RoundScore, Volume], None] | None = None,
) -> CountsRefined:
    """Refine a map until it foretells free counts no better.

    Parameters
    ----------
    start : Origin at voxel [0, 0, 0] [V].
    support : Where the map may differ from zero.
    likelihood : `MergedCounts`, or `PatternCounts`.
    watch : Told of each round and shown its map.
    """
    voxel = likelihood.grid.pixel_angstrom**3

    def confined(volume: Volume) -> Volume:
        inside = support & (volume > 0) if settings.positive else support
        return torch.where(inside, volume, 0.0)

    volume = confined(start)
    before, best, chosen, scores = volume, volume, 0, list[RoundScore]()
    mark, marked = 0.0, 0
    for number in range(settings.rounds + 1):
        # The momentum of Nesterov, which grows with the rounds.
        share = min(settings.momentum, max(number - 1, 0) / (number + 2))
        ahead = confined(torch.lerp(before, volume, 1 + share))
        slope, score = likelihood.slope(ahead)
        scores.append(score)
        if watch is not None:
            watch(score, ahead)
        if number == 0 or score.free_gain > scores[chosen].free_gain:
            best, chosen = ahead, number
        if number == 0 or score.free_gain > mark + LEAST_GAIN:
            mark, marked = score.free_gain, number
        elif number - marked >= settings.patience:
            break
        # Beyond the data nothing pulls, but for what interpolation brings there.
        curved = likelihood.curvature
        step = torch.where(curved > 0, slope / curved.clamp(min=_TINY), 0.0)
        moved = torch.fft.irfftn(step, s=volume.shape) * (settings.step / voxel)
        before, volume = volume, confined(ahead - moved.to(volume))
    return CountsRefined(best, tuple(scores), chosen)


_TINY = torch.finfo(torch.float64).tiny


def curvature_of(merged: Merged, free: Bool[Tensor, "z y half_x"]) -> Float[Tensor, "z y half_x"]:
    """Second derivative of minus the log-likelihood by each modulus, of samples that are not free.

    4 e where the expectation e for a unit of intensity fits the counts.
    """
    shells, used = shell_index(merged.grid, free.device), merged.known & ~free
    population = shell_sum(used.double(), shells).clamp(min=1)
    usual = (shell_sum(merged.expected, shells, used) / population)[shells]
    expected = torch.where(used, merged.expected, 0.0)
    return 4 * torch.maximum(expected, LEAST_EXPECTED * usual)
