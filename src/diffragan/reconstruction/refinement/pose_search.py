"""The most likely pose of every image for a map: global candidates, then a climb from each."""

from dataclasses import dataclass

import torch

from diffragan.in_order import in_order
from diffragan.reconstruction.band import Band
from diffragan.reconstruction.map_table import MapTable
from diffragan.reconstruction.refinement.global_search import (
    best_candidates,
    log_likelihoods,
    moved_images,
    reference_slices,
    shift_grid,
)
from diffragan.reconstruction.refinement.local_search import climb
from diffragan.reconstruction.refinement.state import Poses
from diffragan.typing import Complex, Float, Tensor

CHUNK = 32
"""Images searched at once; results do not depend on how many threads share the chunks."""
SHIFTS_PER_PERIOD = 4
"""Steps of the shift grid in the finest period that is searched."""
APART = 1.5
"""Least distance of candidates, in steps of the orientation grid."""


@dataclass(frozen=True, slots=True)
class Search:
    """One half's map and how its images are compared with it."""

    table: MapTable
    band: Band
    weights: Float[Tensor, " sample"]
    box_angstrom: float
    max_shift: float
    climb_steps: int
    threads: int


def climb_all(
    search: Search, data: Complex[Tensor, "n sample"], poses: Poses
) -> tuple[Poses, Float[Tensor, " n"]]:
    """Improve every image's pose from where it is; also return its misfit."""

    def work(part: slice) -> tuple[Tensor, Tensor, Tensor]:
        return climb(
            search.table,
            data[part, : len(search.band)],
            search.weights,
            search.band,
            poses.rotations[part],
            poses.shifts_angstrom[part],
            search.box_angstrom,
            steps=search.climb_steps,
            max_shift=search.max_shift,
        )

    return _gathered(list(in_order(work, _chunks(len(data)), search.threads)))


def search_all(
    search: Search,
    data: Complex[Tensor, "n sample"],
    orientations: Float[Tensor, "orientation 3 3"],
    step: float,
    coarse_shell: int,
    candidates: int,
) -> tuple[Poses, Float[Tensor, " n"]]:
    """Try all orientations and shifts with the coarse shells, and climb from the best few.

    Parameters
    ----------
    search : Map and band of the climb.
    data : Coefficients of the images.
    orientations : Grid, `step` [rad] apart.
    coarse_shell : Last shell of the global search.
    candidates : Places to climb from, for each image.
    """
    band = search.band.within(coarse_shell)
    weights = search.weights[: len(band)]
    references = reference_slices(search.table, orientations, band)
    spacing = search.box_angstrom / coarse_shell / SHIFTS_PER_PERIOD
    shifts = shift_grid(search.max_shift, spacing)

    def work(part: slice) -> tuple[Tensor, Tensor, Tensor]:
        images = data[part, : len(search.band)]
        moved = moved_images(images[:, : len(band)], shifts, band, search.box_angstrom)
        scores = _best_over_shifts(moved, references, weights)
        chosen, shift = best_candidates(*scores, orientations, candidates, APART * step)
        rotations, places, cost = climb(
            search.table,
            images.repeat_interleave(candidates, 0),
            search.weights,
            search.band,
            orientations[chosen.flatten().cpu()],
            shifts[shift.flatten().cpu()],
            search.box_angstrom,
            steps=search.climb_steps,
            max_shift=search.max_shift,
        )
        best = cost.view(-1, candidates).argmin(1)
        row = torch.arange(len(best)) * candidates + best
        return rotations[row], places[row], cost[row]

    return _gathered(list(in_order(work, _chunks(len(data)), search.threads)))


def _best_over_shifts(
    moved: Complex[Tensor, "n shift sample"],
    references: Complex[Tensor, "orientation sample"],
    weights: Float[Tensor, " sample"],
) -> tuple[Tensor, Tensor]:
    """Best score over the shifts, and which, for each image and orientation."""
    best, shift = [], []
    for image in moved:
        top = log_likelihoods(image[None], references, weights)[0].max(0)
        best.append(top.values)
        shift.append(top.indices)
    return torch.stack(best), torch.stack(shift)


def _chunks(count: int) -> list[slice]:
    return [slice(start, start + CHUNK) for start in range(0, count, CHUNK)]


def _gathered(parts: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Poses, Tensor]:
    rotations, shifts, cost = (torch.cat(values) for values in zip(*parts, strict=True))
    return Poses(rotations, shifts), cost
