"""Orientations refined against the counts of each pattern.

Rounds of merging and searching. Patterns are merged in folds, and each is scored on the merge of
the other folds alone: on a merge that holds its own counts, an orientation would stay where it is.
Early rounds use coarse data, which a wrong orientation blurs least.

Source: Loh and Elser, Phys. Rev. E 80 (2009) 026705 (likelihood of counts on slices);
the local search is by ever smaller random turns.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from pydantic import Field
from scipy.spatial.transform import Rotation

from diffragan.config.settings import Settings
from diffragan.grid import Grid
from diffragan.reconstruction.many_views.folds import FOLDS, merges_of_others
from diffragan.reconstruction.many_views.likelihood import (
    background_of,
    log_likelihood_of_counts,
    posterior_intensity,
)
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.slices import Slices
from diffragan.typing import Float, Int, Tensor

NARROW = 0.4
"""Width of the second search of a round over that of the first."""
TAILS = 3
"""Degrees of freedom of Student's t: some views are far worse than the median tells."""
MEDIAN_OVER_SIGMA = 1.538
"""Median length of a Gaussian vector of three dimensions over the spread of each (Maxwell)."""
LEAST_PIXELS = 2000
"""That stand for all: over fewer, the edges of the data would not average out."""
MIDDLE_PER_ANGSTROM = 0.11
"""Radius of the bright middle of a pattern, of which every pixel is added up [1/Å]."""


class OrientationSettings(Settings):
    """Rounds of orientation refinement, from wide and coarse to narrow and fine."""

    rounds: int = Field(7, ge=1)
    first_degrees: float = Field(4.0, gt=0, le=90)
    """Root mean square turn that is tried in the first round."""
    last_degrees: float = Field(0.5, gt=0, le=90)
    first_angstrom: float = Field(4.0, gt=0)
    """Resolution of the data in the first round; all data are used after half of the rounds."""
    wide_trials: int = Field(24, ge=1)
    narrow_trials: int = Field(16, ge=0)
    folds: int = Field(FOLDS, ge=2)
    """Parts that are merged apart."""
    known_to_degrees: float | None = Field(None, gt=0, le=180)
    """Median error of the orientations that are given; without it they say nothing but where to
    begin, and patterns of a few hundred counts may lead away from them."""
    seed: int = Field(0, ge=0)


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """What one round did."""

    degrees: float
    """Width of its search."""
    limit_per_angstrom: float
    moved_degrees: float
    """Root mean square turn of all patterns."""
    gain: float
    """Mean gain of log-likelihood of a pattern."""


def refine_orientations(
    patterns: PatternSet,
    grid: Grid,
    limit_per_angstrom: float,
    settings: OrientationSettings,
    watch: Callable[[RoundRecord, PatternSet], None] | None = None,
    device: torch.device | str = "cpu",
    first_round: int = 0,
    given: Float[Tensor, "view 3 3"] | None = None,
) -> tuple[PatternSet, tuple[RoundRecord, ...]]:
    """Refine all orientations of a set; its halves should be refined apart.

    Parameters
    ----------
    watch : Told of each round and of the patterns as they lie then.
    first_round : Rounds done before, from whose orientations a stopped refinement goes on.
    given : Orientations that `known_to_degrees` is of; those of the patterns when left out.

    Raises
    ------
    InputError : There are fewer patterns than folds.
    """
    records, given = [], patterns.rotations if given is None else given
    for number in range(first_round, settings.rounds):
        progress = number / max(settings.rounds - 1, 1)
        degrees = settings.first_degrees ** (1 - progress) * settings.last_degrees**progress
        first = min(1 / settings.first_angstrom, limit_per_angstrom)
        limit = first + (limit_per_angstrom - first) * min(1.0, 2 * progress)
        rotations, gains = patterns.rotations.clone(), []
        for part, others in merges_of_others(
            patterns, grid, limit_per_angstrom, settings.folds, device
        ):
            intensity = posterior_intensity(others)
            turned, gain = search(part, intensity, grid, limit, degrees, settings, number, given)
            rotations[list(part.kept)] = turned
            gains.append(gain)
        moved = _rms_degrees(rotations[list(patterns.kept)], patterns)
        patterns = replace(patterns, rotations=rotations)
        record = RoundRecord(degrees, limit, moved, float(torch.cat(gains).mean()))
        records.append(record)
        if watch is not None:
            watch(record, patterns)
    return patterns, tuple(records)


def search(
    patterns: PatternSet,
    intensity: Float[Tensor, "z y half_x"],
    grid: Grid,
    limit_per_angstrom: float,
    degrees: float,
    settings: OrientationSettings,
    round_number: int = 0,
    given: Float[Tensor, "view 3 3"] | None = None,
) -> tuple[Float[Tensor, "view 3 3"], Float[Tensor, " view"]]:
    """Search around each pattern's orientation; return the best and the gain of log-likelihood.

    Parameters
    ----------
    intensity : That the pattern itself is not part of [V2 Å6].
    degrees : Root mean square angle of the turns that are tried.
    given : Orientations that `known_to_degrees` is of, by the patterns' numbers.
    """
    known_to = None if given is None else settings.known_to_degrees
    points = patterns.pixels.points
    used = points.square().sum(-1) <= limit_per_angstrom**2
    points, slices = points[used], Slices(intensity, grid)
    even, stood_for = standing_pixels(points, patterns.experiment.box_angstrom, grid.box_angstrom)
    stood_for = stood_for.to(intensity.device)
    found, gains = [], []
    for batch in patterns.batches():
        for number, values, rotation, behind in zip(
            batch.numbers.tolist(),
            batch.values[:, used],
            batch.rotations,
            background_of(batch)[:, used],
            strict=True,
        ):
            # Each pattern draws its own turns, whichever others are searched with it.
            generator = np.random.default_rng([settings.seed, round_number, number])
            counted = torch.nonzero(values)[:, 0]
            read = torch.cat([counted, even])
            seen, behind_it = (
                part.to(intensity.device) for part in (values[counted], behind[read])
            )
            best, start, score = rotation, None, torch.tensor(0.0)
            for trials, width in (
                (settings.wide_trials, degrees),
                (settings.narrow_trials, NARROW * degrees),
            ):
                tried = torch.cat([best[None], _turns(trials, width, generator) @ best])
                expected = slices.at(points[read], tried) + behind_it
                at_counts, standing = expected.split((len(counted), len(even)), dim=1)
                scores = log_likelihood_of_counts(seen, at_counts, standing, stood_for).cpu()
                if known_to is not None and given is not None:
                    scores = scores + log_prior(tried, given[number], known_to)
                start = scores[0] if start is None else start
                place = int(scores.argmax())
                best, score = tried[place], scores[place]
            found.append(best)
            gains.append(score - (score if start is None else start))
    return torch.stack(found), torch.stack(gains)


def log_prior(
    tried: Float[Tensor, "turn 3 3"], given: Float[Tensor, "3 3"], median_degrees: float
) -> Float[Tensor, " turn"]:
    """Logarithm of how likely orientations are before a pattern is asked, up to a constant.

    Turns away from the given one have three components; these are distributed by Student's t of
    three degrees of freedom, which lets a pattern correct a view that is far off.
    """
    sigma = median_degrees / MEDIAN_OVER_SIGMA
    away = angles_degrees(tried, given.expand_as(tried)) / sigma
    return -(TAILS + 3) / 2 * torch.log1p(away.square() / TAILS)


def standing_pixels(
    points: Float[Tensor, "pixel 3"], box_angstrom: float, autocorrelation_angstrom: float
) -> tuple[Int[Tensor, " some"], Float[Tensor, " some"]]:
    """Find pixels over which a slice adds up as over all, and how many each of them stands for.

    Beyond the bright middle every n-th along both axes: a sum over a lattice is that of the
    molecule's autocorrelation at the points of the reciprocal lattice. As long as these are farther
    apart than the molecule is wide, only the one at zero adds to it (Poisson's summation formula).
    The sharp edge of a beam stop breaks that, so in the middle all pixels are taken.

    Parameters
    ----------
    box_angstrom : Whose inverse is a pixel [Å].
    autocorrelation_angstrom : At least twice the molecule's diameter [Å].
    """
    step = min(2 * box_angstrom / autocorrelation_angstrom, (len(points) / LEAST_PIXELS) ** 0.5)
    step = max(int(step), 1)
    place = torch.round(points[:, :2].double() * box_angstrom).long()
    middle = points[:, :2].square().sum(-1) <= MIDDLE_PER_ANGSTROM**2
    sparse = (place % step == 0).all(-1) & ~middle
    every = (~middle).sum() / sparse.sum().clamp(min=1)
    stood_for = torch.where(middle, 1.0, torch.where(sparse, every, 0.0))
    some = torch.nonzero(stood_for)[:, 0]
    return some, stood_for[some].double()


def _turns(count: int, degrees: float, generator: np.random.Generator) -> Float[Tensor, "n 3 3"]:
    """Draw random turns of a root mean square angle."""
    vectors = generator.normal(0, np.deg2rad(degrees) / 3**0.5, (count, 3))
    return torch.from_numpy(Rotation.from_rotvec(vectors).as_matrix()).float()


def _rms_degrees(rotations: Float[Tensor, "view 3 3"], before: PatternSet) -> float:
    return float(
        angles_degrees(rotations, before.rotations[list(before.kept)]).square().mean().sqrt()
    )


def angles_degrees(
    first: Float[Tensor, "view 3 3"], second: Float[Tensor, "view 3 3"]
) -> Float[Tensor, " view"]:
    """Angle between each two orientations [degrees]."""
    # The distance of two matrices keeps the digits of small angles, which the trace loses.
    chord = (first.double() - second.double()).square().sum((-2, -1)).sqrt()
    return torch.rad2deg(2 * torch.arcsin((chord / 8**0.5).clamp(max=1)))
