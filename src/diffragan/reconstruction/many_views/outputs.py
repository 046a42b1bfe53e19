"""What phase extension of many views leaves in its folder, and what it says of the map."""

from collections.abc import Mapping
from typing import Any

import torch

from diffragan.io.files import write_json
from diffragan.io.provenance import provenance, sha256_of
from diffragan.reconstruction.coverage import coverage
from diffragan.reconstruction.many_views.coarse_starts import ChosenStart
from diffragan.reconstruction.many_views.control import ControlVerdict, verdict_on
from diffragan.reconstruction.many_views.given_poses import write_poses
from diffragan.reconstruction.many_views.growth import Growth
from diffragan.reconstruction.many_views.halves import Half, rotations_of
from diffragan.reconstruction.many_views.hand import HandsCompared
from diffragan.reconstruction.many_views.job import Job
from diffragan.reconstruction.many_views.pattern_rounds import rounds_taken
from diffragan.reconstruction.many_views.pipeline import PhasedTogether
from diffragan.reconstruction.many_views.results import write_results
from diffragan.reconstruction.many_views.shells_measured import shells_measured
from diffragan.reconstruction.many_views.sorting import LeftOut
from diffragan.reconstruction.many_views.truth_in_map import truth_in_map
from diffragan.reconstruction.map_alignment import MapAlignment
from diffragan.reconstruction.particle_files import STAR
from diffragan.reconstruction.pipeline import Reconstruction
from diffragan.reconstruction.validation.folder import validate_folder
from diffragan.typing import Volume

METHOD = "phase-extension"
LEFT_OUT = "left_out.json"
UNREFINED_STAR = "unrefined.star"
"""Poses as they were before patterns had their say."""


def write_outputs(
    job: Job,
    halves: tuple[Half, Half],
    out: tuple[LeftOut, ...],
    start: ChosenStart,
    result: PhasedTogether,
    growth: Growth,
) -> Reconstruction:
    """Measure the map, and write it with everything that is known of it."""
    views, folder = job.views, job.folder
    verdict = verdict_on(
        start.starts.full,
        result.full.runs[0],
        result.merged,
        result.free,
        job.settings(start).extension,
    )
    truth, laid = truth_in_map(
        views,
        torch.fft.fftshift(result.full.volume).cpu(),
        job.grid,
        in_place=job.in_place,
        hand_is_open=job.hand_is_open,
    )
    run = result.full.runs[0]
    growth.add(run.records[run.chosen], result.full.volume)  # the average is where it ends
    rotations = rotations_of(*halves)
    record = {**_record(job, halves, start, result, rotations), "start_fits": verdict.fits}
    if laid is not None:
        record["correlation_with_truth"] = laid.correlation
    if job.hand_is_open:
        record["hand"] = _hand_words(job.hand, laid)
        record["hand_by_curvature"] = None if job.hand is None else job.hand.record()
    factors = {
        "start_fits": verdict.fits,
        "start": _verdict_record(verdict),
        "growth": growth.rows,
    }
    agreement = write_results(result, folder, truth, record, factors)
    growth.write(folder)
    write_json(folder / LEFT_OUT, [{"number": o.number, "reason": o.reason} for o in out])
    which = torch.arange(views.count) % 2
    kept = list(views.patterns.kept)
    write_poses(folder / STAR, views, rotations, kept, which)
    if job.refinement is not None:
        write_poses(folder / UNREFINED_STAR, views, views.patterns.rotations, kept, which)
    validation = _validated(job, truth)
    chosen = result.full.runs[0].records[result.full.runs[0].chosen].r_factors
    known = {"r_work": chosen.work, "r_free": chosen.free}
    return Reconstruction(views.name, folder, agreement, {**record, **known}, validation)


def _record(
    job: Job,
    halves: tuple[Half, Half],
    start: ChosenStart,
    result: PhasedTogether,
    rotations: torch.Tensor,
) -> dict[str, Any]:
    views, limit = job.views, job.limit_per_angstrom
    kept = [number for half in halves for number in half.patterns.kept]
    settings = {"molecule": views.name, "views": len(kept), **job.request.fingerprint()}
    shell = limit * job.grid.box_angstrom
    return {
        "method": METHOD,
        # Poses of a file have a frame of their own, even where nothing was done about them.
        "poses": "given" if job.refinement is None and not job.in_place else job.request.poses,
        "half_set_sizes": [len(half.patterns) for half in halves],
        "hand": "given by the orientations",
        "mass_kda": job.mass_kda,
        "limit_per_angstrom": limit,
        "start": {
            "source": start.source,
            "resolution_angstrom": start.resolution_angstrom,
            "halves_part_angstrom": start.halves_part_angstrom,
            "halves_share_it": start.sha256 is not None,
        },
        "coverage": {
            "share_of_fourier_space": coverage(rotations[kept], shell),
            "at_angstrom": 1 / limit,
            "shells": shells_measured(result.merged),
        },
        "orientations": [
            [
                {"search_degrees": r.degrees, "moved_degrees": r.moved_degrees, "gain": r.gain}
                for r in half.rounds
            ]
            for half in halves
        ],
        "pattern_rounds": rounds_taken(result) if job.request.pattern_rounds else None,
        "found_poses": None if job.found is None else job.found.record(),
        "provenance": provenance("reconstruct", settings, job.request.seed, job.inputs()),
    }


def _hand_words(compared: HandsCompared | None, laid: MapAlignment | None) -> str:
    told = [] if compared is None else [compared.words]
    if laid is not None:
        hands = f"{laid.correlation:.2f} and {laid.other_hand_correlation:.2f} for the other"
        hand = "mirrored" if laid.mirrored else "right"
        told.append(f"{hand}, as the true potential tells ({hands})")
    return "; ".join(told) or "undecided: images of unknown orientation fit either"


def _verdict_record(verdict: ControlVerdict) -> dict[str, float]:
    return {
        "correlation_of_moduli": verdict.alike,
        "correlation_kept": verdict.kept,
        "r_free": verdict.r_free,
        "free_gain": verdict.free_gain,
    }


def _validated(job: Job, truth: Volume | None) -> Mapping[str, Any] | None:
    extras = job.extras
    if not extras.validate:
        return None
    # A prepared file of the very molecule lies in a map of known orientations as it is.
    own = extras.model is not None and job.views.model_sha256 == sha256_of(extras.model)
    return validate_folder(
        job.folder,
        extras.model,
        known_shift_angstrom=(0.0, 0.0, 0.0) if own and job.in_place else None,
        truth=truth,
        local=extras.local_resolution,
        limit_per_angstrom=job.limit_per_angstrom,
        seed=job.request.seed,
    )
