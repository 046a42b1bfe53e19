"""A second pass of phase extension, on moduli without what interpolation did to them.

Each half is corrected by its own map, so that neither sees the other.
"""

from collections.abc import Callable
from dataclasses import replace
from threading import Event

from diffragan.in_order import end_if, in_order
from diffragan.progress import progress_bar
from diffragan.reconstruction.many_views.extension import CycleRecord, Extended
from diffragan.reconstruction.many_views.halves import Half, read_with
from diffragan.reconstruction.many_views.interpolation import without_interpolation
from diffragan.reconstruction.many_views.job import Job
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.reconstruction.many_views.pipeline import (
    ManyViewsSettings,
    PhasedTogether,
    Starts,
    phase_together,
)
from diffragan.reconstruction.many_views.repeats import Averaged
from diffragan.reconstruction.many_views.steps import Steps, packed_merge, unpacked_merge
from diffragan.typing import Volume

CORRECTED = "corrected"
"""Step that keeps the merge of a half, whose number follows."""
CYCLES = 3
"""Most that it takes from a map that has converged once."""


def passed_again(
    job: Job,
    steps: Steps,
    halves: tuple[Half, Half],
    first: PhasedTogether,
    settings: ManyViewsSettings,
) -> PhasedTogether:
    """Correct the merges by the maps they gave, and go on from these.

    Parameters
    ----------
    steps : What was done is kept there, and taken from there.
    halves : With the patterns that were used, and their merges.
    first : What the merges gave.
    settings : Of the first pass.
    """
    corrected = _corrected(job, steps, halves, first)
    starts = Starts(first.full.volume, first.half1.volume, first.half2.volume)
    once, stop = settings.extension, Event()
    extension = once.model_copy(
        update={
            "start_angstrom": 1 / job.limit_per_angstrom,
            "stages": 1,
            "cycles": CYCLES,
            "patience": 1,
            "starts": 1,
            "likelihood_rounds": 0,  # exact intensities have no noise to be weighed by
            "first_margin_angstrom": once.last_margin_angstrom,
            "first_sigma_angstrom": once.last_sigma_angstrom,
        }
    )
    with progress_bar(3 * CYCLES, f"phasing {job.views.name} again") as bar:

        def watch(_name: str, _number: int, _record: CycleRecord, _volume: Volume) -> None:
            end_if(stop)
            bar.advance()

        def keep(name: str, _number: int, make: Callable[[], Extended]) -> Extended:
            return steps.extended_once(f"again-{name}", make)

        again = phase_together(
            corrected,
            starts,
            job.mass_kda,
            settings.model_copy(update={"extension": extension}),
            watch,
            keep,
            job.runs_at_once,
            stop,
        )
    return PhasedTogether(
        again.grid,
        _gone_on(first.full, again.full),
        _gone_on(first.half1, again.half1),
        _gone_on(first.half2, again.half2),
        again.merged,
        again.free,
    )


def _corrected(
    job: Job, steps: Steps, halves: tuple[Half, Half], first: PhasedTogether
) -> tuple[Merged, Merged]:
    total = sum(len(half.patterns) for half in halves)
    with progress_bar(total, f"correcting {job.views.name}") as bar:
        stop = Event()

        def watch(more: int) -> None:
            end_if(stop)
            bar.advance(more)

        def corrected(which: int) -> Merged:
            half, own = halves[which], (first.half1, first.half2)[which]
            plain = replace(half.patterns, read=job.views.patterns.read)
            patterns = read_with(plain, watch)

            def make() -> Merged:
                return without_interpolation(half.merged, patterns, own.volume, own.runs[0].support)

            return steps.once(
                f"{CORRECTED}{which + 1}",
                make,
                packed_merge,
                lambda kept: unpacked_merge(kept, steps.device),
            )

        one, two = in_order(corrected, (0, 1), job.threads, stop)
    return one, two


def _gone_on(first: Averaged, second: Averaged) -> Averaged:
    """Take the second map, with the records of both; what the starts agreed on stays known."""
    before, after = first.runs[0], second.runs[0]
    done = before.records[-1].iteration
    later = tuple(replace(one, iteration=done + one.iteration) for one in after.records)
    run = replace(after, records=before.records + later, chosen=len(before.records) + after.chosen)
    return Averaged(second.volume, (run, *first.runs[1:]), first.prtf)
