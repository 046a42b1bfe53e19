"""Rounds of refinement against the patterns themselves, kept for a run that is stopped."""

from collections.abc import Callable
from dataclasses import replace
from threading import Event

from diffragan.in_order import end_if
from diffragan.progress import progress_bar
from diffragan.reconstruction.many_views.counts_refinement import CountsSettings, RoundScore
from diffragan.reconstruction.many_views.extension import Extended
from diffragan.reconstruction.many_views.halves import Half
from diffragan.reconstruction.many_views.job import Job
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.reconstruction.many_views.pattern_refinement import (
    CONTINUING,
    MergedHalf,
    refined_by_patterns,
)
from diffragan.reconstruction.many_views.pipeline import PhasedTogether
from diffragan.reconstruction.many_views.second_pass import CORRECTED
from diffragan.reconstruction.many_views.steps import Steps, unpacked_merge

PARTS = ("map", "half1", "half2")


def refined_for_rounds(
    job: Job, steps: Steps, halves: tuple[Half, Half], first: PhasedTogether
) -> PhasedTogether:
    """Refine the map and its halves for as many rounds as were asked for, each by its own patterns.

    Parameters
    ----------
    steps : What was done is kept there, and taken from there.
    halves : With the patterns that were used, and their merges.
    first : What the merges gave.
    """
    # What the start is worth is a round of its own.
    most, stop = len(PARTS) * (job.request.pattern_rounds + 1), Event()
    with progress_bar(most, f"refining {job.views.name}") as bar:

        def watch(name: str, score: RoundScore) -> None:
            end_if(stop)
            bar.advance()
            bar.note(f"{name}: free counts {score.free_gain:.3f}")

        def keep(name: str, make: Callable[[], Extended]) -> Extended:
            return steps.extended_once(f"patterns-{name}", make)

        merged = tuple(
            MergedHalf(
                replace(half.patterns, read=job.views.patterns.read),  # not merging's counted reads
                half.merged,
                _judged(steps, half, number),
            )
            for number, half in enumerate(halves, 1)
        )
        return refined_by_patterns(
            first,
            (merged[0], merged[1]),
            CountsSettings(rounds=job.request.pattern_rounds),
            watch,
            keep,
            job.threads,
            stop,
        )


def rounds_taken(result: PhasedTogether) -> dict[str, int]:
    """Say after how many rounds free counts of each map were foretold best."""
    taken = {}
    for name, part in zip(PARTS, (result.full, result.half1, result.half2), strict=True):
        before, after = part.runs[0].records[-2:]
        taken[name] = after.iteration - before.iteration - CONTINUING
    return taken


def _judged(steps: Steps, half: Half, number: int) -> Merged:
    """Merge that R-factors of a half are of: that of its second pass, if it had one."""
    step = f"{CORRECTED}{number}"
    return unpacked_merge(steps.read(step), steps.device) if steps.has(step) else half.merged
