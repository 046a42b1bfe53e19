"""From a data set's views to a folder with their map by phase extension, and what it is worth."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

from diffragan.errors import ConfigError
from diffragan.in_order import end_if, in_order
from diffragan.io.checkpoints import Checkpoint
from diffragan.io.files import output_folder
from diffragan.progress import progress_bar, tell
from diffragan.reconstruction.coverage import check_views_differ
from diffragan.reconstruction.many_views.coarse_starts import (
    ChosenStart,
    scaled_to,
    start_from_file,
    start_from_images,
)
from diffragan.reconstruction.many_views.extension import CycleRecord, Extended
from diffragan.reconstruction.many_views.found_poses import find_poses
from diffragan.reconstruction.many_views.growth import Growth
from diffragan.reconstruction.many_views.halves import Half, passes, prepare_half, read_with
from diffragan.reconstruction.many_views.job import Job, planned
from diffragan.reconstruction.many_views.merging import added
from diffragan.reconstruction.many_views.needs import check_needs
from diffragan.reconstruction.many_views.outputs import write_outputs
from diffragan.reconstruction.many_views.pattern_rounds import refined_for_rounds
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.pipeline import PhasedTogether, Starts, phase_together
from diffragan.reconstruction.many_views.request import PhaseExtensionRequest
from diffragan.reconstruction.many_views.right_hand import with_right_hand
from diffragan.reconstruction.many_views.screening import screened
from diffragan.reconstruction.many_views.second_pass import passed_again
from diffragan.reconstruction.many_views.sorting import LeftOut
from diffragan.reconstruction.many_views.steps import Steps, pack, tensors_of
from diffragan.reconstruction.many_views.views import Views
from diffragan.reconstruction.pipeline import Extras, Reconstruction
from diffragan.reconstruction.unfinished import claim_folder, release_folder
from diffragan.reconstruction.validation.residue_model import read_residue_model
from diffragan.typing import Volume

UNFINISHED = "unfinished"
FEW_NUMBERS = 8
"""Numbers of left-out patterns that one line names."""


def reconstruct_views(
    sets: Sequence[Views],
    request: PhaseExtensionRequest,
    out: Path,
    extras: Extras,
    start: Path | None = None,
) -> list[Reconstruction]:
    """Make a map of every molecule's views; several get a folder each, by their names.

    Parameters
    ----------
    start : Coarse map to extend the phases of; made from the images if not given.

    Raises
    ------
    ConfigError, InputError : Something asked for cannot be done with these views.
    OutputError : The folder cannot be written to, or its disk has no room.
    """
    if len(sets) > 1 and (extras.model is not None or start is not None):
        raise ConfigError(
            f"--model and --start are of one molecule, and the views are of {len(sets)}; name it "
            "with --molecule"
        )
    if extras.model is not None:
        read_residue_model(extras.model)  # told now if it is none
    jobs = [
        planned(views, request, out if len(sets) == 1 else out / views.name, extras, start)
        for views in sets
    ]
    words = [check_needs(job.views, job.grid, request.starts, job.threads, out) for job in jobs]
    output_folder(out)
    for line in words:
        tell(line)
    return [_reconstruct(job) for job in jobs]


def _reconstruct(job: Job) -> Reconstruction:
    output_folder(job.folder)
    asked = {"settings": job.request.fingerprint(), "inputs": dict(job.inputs())}
    steps = Steps(claim_folder(job.folder / UNFINISHED, asked), job.extras.device)
    patterns, unusable = _screened(job.views)
    views = replace(job.views, patterns=patterns)
    if job.request.poses == "unknown":
        found = find_poses(views, steps, job.request.seed, job.diameter_angstrom, job.threads)
        views = views.placed(found.rotations, found.shifts_angstrom)
        job = with_right_hand(replace(job, views=views, found=found), steps)
    else:
        job = replace(job, views=views)
    halves, out = _halves(job, steps)
    out = tuple(sorted((*unusable, *out), key=lambda one: one.number))
    if out:
        tell(left_out_words(out, len(patterns) + len(unusable)))
    start = _start(job, steps, halves)
    growth = Growth(job.grid)
    result = _phased(job, steps, halves, start, growth)
    if not result.merged.counted:  # noise is larger than what interpolation does
        result = passed_again(job, steps, halves, result, job.settings(start))
    if job.request.pattern_rounds:
        result = refined_for_rounds(job, steps, halves, result)
    made = write_outputs(job, halves, out, start, result, growth)
    release_folder(steps.folder)
    return made


def _screened(views: Views) -> tuple[PatternSet, tuple[LeftOut, ...]]:
    with progress_bar(len(views.patterns), f"screening {views.name}") as bar:
        return screened(views.patterns, bar.advance)


def _halves(job: Job, steps: Steps) -> tuple[tuple[Half, Half], tuple[LeftOut, ...]]:
    """Divide the patterns for good, then merge each half by itself."""
    views, patterns = job.views, job.views.patterns
    check_views_differ(patterns.rotations[list(patterns.kept)], job.grid, views.name)
    reads = passes(job.refinement) * len(patterns)
    what = "merging" if job.refinement is None else "refining"
    with progress_bar(reads, f"{what} {views.name}") as bar:
        stop = Event()

        def watch(more: int) -> None:
            end_if(stop)
            bar.advance(more)

        counting = read_with(patterns, watch).halves()

        def prepare(which: int) -> Half:
            return prepare_half(
                f"half{which + 1}",
                counting[which],
                job.grid,
                job.limit_per_angstrom,
                steps,
                job.refinement,
                sort=not job.request.keep_all,
            )

        first, second = in_order(prepare, (0, 1), job.threads, stop)
    return (first, second), (*first.left_out, *second.left_out)


def left_out_words(out: Sequence[LeftOut], total: int) -> str:
    """Say how many patterns were left out, and why."""
    why = Counter(one.reason.split(":")[0] for one in out)
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(why.items()))
    numbers = ", ".join(str(one.number) for one in out[:FEW_NUMBERS])
    numbers += ", ..." if len(out) > FEW_NUMBERS else ""
    return f"left out {len(out)} of {total} patterns: {reasons} (numbers {numbers})"


def _start(job: Job, steps: Steps, halves: tuple[Half, Half]) -> ChosenStart:
    """Make coarse maps, or read one, on the scale of the merged intensities."""
    resolution, device = job.request.start_resolution_angstrom, job.extras.device

    def make() -> ChosenStart:
        if job.start is not None:
            read = start_from_file(job.start, job.grid, resolution, device)
            return scaled_to(read, added(halves[0].merged, halves[1].merged))
        images = sum(len(half.patterns) for half in halves)
        with progress_bar(images, f"coarse map of {job.views.name}") as bar:
            return start_from_images(
                job.views,
                (halves[0].patterns, halves[1].patterns),
                job.grid,
                job.diameter_angstrom,
                resolution,
                device=device,
                threads=job.threads,
                watch=bar.advance,
            )

    start = steps.once("start", make, _packed_start, lambda kept: _unpacked_start(kept, device))
    tell(f"start: {start.resolution_angstrom:.2f} Å, from {start.source}")
    return start


def _phased(
    job: Job, steps: Steps, halves: tuple[Half, Half], start: ChosenStart, growth: Growth
) -> PhasedTogether:
    """Extend phases from every start, going on where an earlier run was stopped."""
    settings = job.settings(start)
    extension = settings.extension
    most = extension.stages - 1 + extension.cycles + (extension.likelihood_rounds > 0)
    stop = Event()
    with progress_bar(3 * extension.starts * most, f"phasing {job.views.name}") as bar:

        def watch(name: str, number: int, record: CycleRecord, volume: Volume) -> None:
            end_if(stop)
            bar.advance()
            bar.note(f"{name}: {1 / record.limit_per_angstrom:.2f} Å, R-free "
                     f"{record.r_factors.free:.3f}")  # fmt: skip
            if (name, number) == ("map", 0):
                growth.add(record, volume)

        def keep(name: str, number: int, make: Callable[[], Extended]) -> Extended:
            step, followed = f"run-{name}-{number}", (name, number) == ("map", 0)

            def made() -> Extended:
                if followed:
                    growth.begin(start.starts.full, start.resolution_angstrom)
                run = make()
                if followed:
                    steps.write("growth", growth.packed())
                return run

            new = not steps.has(step)
            run = steps.extended_once(step, made)
            if followed and not new:
                growth.restore(steps.read("growth"))
            # Runs end before their most cycles where nothing gets better any more.
            bar.advance(most - (len(run.records) if new else 0))
            return run

        return phase_together(
            (halves[0].merged, halves[1].merged),
            start.starts,
            job.mass_kda,
            settings,
            watch,
            keep,
            job.runs_at_once,
            stop,
        )


def _packed_start(start: ChosenStart) -> Checkpoint:
    parts = start.starts
    tensors = {"full": parts.full, "half1": parts.half1, "half2": parts.half2}
    names = ("resolution_angstrom", "source", "sha256", "halves_part_angstrom")
    # Tensors that share memory are refused: a start of a file is one map under three names.
    apart = {name: volume.clone() for name, volume in tensors.items()}
    return pack(apart, {name: getattr(start, name) for name in names})


def _unpacked_start(checkpoint: Checkpoint, device: str) -> ChosenStart:
    words, volumes = checkpoint.description, tensors_of(checkpoint, device)
    part = words["halves_part_angstrom"]
    return ChosenStart(
        Starts(volumes["full"], volumes["half1"], volumes["half2"]),
        float(words["resolution_angstrom"]),
        str(words["source"]),
        words["sha256"],
        None if part is None else float(part),
    )
