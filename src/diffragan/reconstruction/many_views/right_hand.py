"""Views of unknown pose get the hand that their patterns tell, kept for a run that is stopped.

Both halves must have one hand, so patterns of both decide it together: one bit that they share. It
is told before orientations are refined, which would get used to the hand that they are refined in.
"""

from dataclasses import replace

from diffragan.io.checkpoints import Checkpoint
from diffragan.progress import progress_bar, tell
from diffragan.reconstruction.many_views.halves import read_with
from diffragan.reconstruction.many_views.hand import (
    HandsCompared,
    compare_hands,
    with_other_hand,
)
from diffragan.reconstruction.many_views.job import Job
from diffragan.reconstruction.many_views.steps import Steps, pack
from diffragan.reconstruction.validation.hand import mirrored_rotations

STEP = "hand"
PASSES = 4
"""Times that every pattern is read: merged and scored, with either hand."""


def with_right_hand(job: Job, steps: Steps) -> Job:
    """Mirror the poses found from images if the patterns say so.

    Parameters
    ----------
    job : With the views at the poses found.
    """
    patterns, found = job.views.patterns, job.found
    assert found is not None

    def make() -> HandsCompared:
        with progress_bar(PASSES * len(patterns), f"hand of {job.views.name}") as bar:
            own = read_with(patterns, bar.advance)
            return compare_hands(
                own, with_other_hand(own), job.grid, job.limit_per_angstrom, steps.device
            )

    compared = steps.once(STEP, make, _packed, _unpacked)
    tell(f"hand: {compared.words}")
    if compared.mirrored:
        found = replace(found, rotations=mirrored_rotations(found.rotations))
    views = job.views.placed(found.rotations, found.shifts_angstrom)
    return replace(job, views=views, found=found, hand=compared)


def _packed(compared: HandsCompared) -> Checkpoint:
    names = ("gain", "standard_error", "patterns", "counted")
    return pack({}, {name: getattr(compared, name) for name in names})


def _unpacked(checkpoint: Checkpoint) -> HandsCompared:
    words = checkpoint.description
    return HandsCompared(
        float(words["gain"]),
        float(words["standard_error"]),
        int(words["patterns"]),
        bool(words["counted"]),
    )
