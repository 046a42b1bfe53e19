"""The last refinement: maps of all patterns and of each half against the patterns themselves.

It takes multiple scattering and the true places of pixels into account, and reads all patterns in
every round; merged counts, which `extension` refines against, take neither and cost nothing to
read. Halves stay apart.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event

import torch

from diffragan.in_order import in_order
from diffragan.reconstruction.many_views.agreement import Judge
from diffragan.reconstruction.many_views.counts_refinement import (
    CountsSettings,
    RoundScore,
    refine_against_counts,
)
from diffragan.reconstruction.many_views.extension import Extended
from diffragan.reconstruction.many_views.lattice import within_limit
from diffragan.reconstruction.many_views.merged_counts import MergedCounts
from diffragan.reconstruction.many_views.merging import Merged, added
from diffragan.reconstruction.many_views.pattern_counts import PatternCounts
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.pipeline import PhasedTogether
from diffragan.reconstruction.many_views.repeats import Averaged
from diffragan.typing import Bool, Tensor, Volume

CONTINUING = 20
"""Rounds against merged counts after which a map that was cut off is whole again."""


@dataclass(frozen=True, slots=True)
class MergedHalf:
    """The patterns of a half and their merge."""

    patterns: PatternSet
    """At the orientations and with the scales that they were merged with."""
    merged: Merged
    judged: Merged | None = None
    """Merge that R-factors are of, if another than that."""


Keep = Callable[[str, Callable[[], Extended]], Extended]
"""Gives the refined run of a map (`map`, `half1` or `half2`), one that was kept or one made now."""


def refined_by_patterns(
    first: PhasedTogether,
    halves: tuple[MergedHalf, MergedHalf],
    settings: CountsSettings,
    watch: Callable[[str, RoundScore], None] | None = None,
    keep: Keep | None = None,
    threads: int = 1,
    stop: Event | None = None,
) -> PhasedTogether:
    """Refine all three maps against their patterns.

    Parameters
    ----------
    first : What phase extension made of the halves.
    watch : Told which map (`map`, `half1` or `half2`) has read its patterns once more.
    keep : Asked for every map, so that a killed process need not do it again.
    threads : Maps at the same time; any number gives the same.
    stop : Set after an interruption; `watch` can look at it, and end the other maps by raising.
    """
    both = added(halves[0].merged, halves[1].merged)
    parts = {
        "map": (
            first.full,
            MergedHalf(joined(halves[0].patterns, halves[1].patterns), both, first.merged),
        ),
        "half1": (first.half1, halves[0]),
        "half2": (first.half2, halves[1]),
    }

    def refined(name: str) -> Averaged:
        def tell(score: RoundScore, _volume: Tensor) -> None:
            if watch is not None:
                watch(name, score)

        own, part = parts[name]

        def make() -> Extended:
            return _refined(own, part, first.free, settings, tell)

        run = make() if keep is None else keep(name, make)
        return Averaged(run.volume, (run, *own.runs[1:]), own.prtf)

    full, half1, half2 = in_order(refined, parts, threads, stop)
    return replace(first, full=full, half1=half1, half2=half2)


def joined(first: PatternSet, second: PatternSet) -> PatternSet:
    """Return the set of two halves' patterns, each with what was refined of it in its half."""
    numbers = list(second.kept)
    rotations, expected = first.rotations.clone(), first.expected.clone()
    rotations[numbers] = second.rotations[numbers]
    expected[numbers] = second.expected[numbers]
    kept = tuple(sorted((*first.kept, *second.kept)))
    return replace(first, rotations=rotations, expected=expected, kept=kept)


def _refined(
    own: Averaged,
    part: MergedHalf,
    free: Bool[Tensor, "z y half_x"],
    settings: CountsSettings,
    watch: Callable[[RoundScore, Tensor], None],
) -> Extended:
    merged = part.merged
    # Runs agree on the molecule but for its rim, which any of them may have drawn too narrow.
    support = torch.stack([run.support for run in own.runs]).any(0)
    start = continued(own.volume, support, merged, free, settings.positive)
    found = refine_against_counts(
        start, support, PatternCounts(part.patterns, merged, free), settings, watch
    )
    run, last = own.runs[0], own.runs[0].records[-1]
    record = replace(
        last,
        iteration=last.iteration + CONTINUING + found.chosen,
        support_angstrom3=float(support.sum()) * merged.grid.pixel_angstrom**3,
        r_factors=Judge(part.judged or merged, free).judge(found.volume),
    )
    volume = within_limit(found.volume, merged.grid, merged.limit_per_angstrom)
    return replace(
        run,
        volume=volume,
        support=support,
        records=(*run.records, record),
        chosen=len(run.records),
    )


def continued(
    volume: Volume,
    support: Bool[Tensor, "z y x"],
    merged: Merged,
    free: Bool[Tensor, "z y half_x"],
    positive: bool = True,
) -> Volume:
    """Continue a map beyond the data, so that it ends at its support again.

    A map that is cut off where the data end rings around the molecule, and setting it to zero there
    costs moduli that patterns would win back slowly. Merged counts do so at once.
    """
    rounds = CountsSettings(rounds=CONTINUING, patience=CONTINUING, positive=positive)
    return refine_against_counts(volume, support, MergedCounts(merged, free), rounds).volume
