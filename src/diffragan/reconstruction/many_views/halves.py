"""One half of the patterns: orientations refined, merged, sorted, brightness refined.

Nothing here ever sees the other half.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.checkpoints import Checkpoint
from diffragan.reconstruction.many_views.likelihood import posterior_intensity
from diffragan.reconstruction.many_views.merging import Merged, merge
from diffragan.reconstruction.many_views.orientations import (
    OrientationSettings,
    RoundRecord,
    refine_orientations,
)
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.scales import relative_scales, rescaled
from diffragan.reconstruction.many_views.sorting import LeftOut, sort_patterns
from diffragan.reconstruction.many_views.steps import (
    Steps,
    pack,
    packed_merge,
    tensors_of,
    unpacked_merge,
)
from diffragan.typing import Tensor

FEWEST_KEPT = 0.5
"""Share of a half below which what is left out is no exception but the rule."""
MERGE_PASSES, REFINE_PASSES = 5, 2
"""Times that every pattern is read to merge, sort and scale it, and in a round of refinement."""


@dataclass(frozen=True, slots=True)
class Half:
    """A merged half."""

    patterns: PatternSet
    """Those that were used, at the orientations and with the scales they were merged with."""
    merged: Merged
    left_out: tuple[LeftOut, ...]
    rounds: tuple[RoundRecord, ...]
    """What the refinement of orientations did."""


def prepare_half(
    name: str,
    patterns: PatternSet,
    grid: Grid,
    limit_per_angstrom: float,
    steps: Steps,
    refinement: OrientationSettings | None = None,
    *,
    sort: bool = True,
) -> Half:
    """Merge a half, or take it from an earlier run.

    Parameters
    ----------
    name : Of the half, among the steps.
    refinement : How orientations are refined; they stay as they are without it.
    sort : Whether patterns that fit nothing are left out.

    Raises
    ------
    InputError : Most of the patterns fit nothing.
    """
    no_rounds: tuple[RoundRecord, ...] = ()

    def make() -> Half:
        half, rounds = patterns, no_rounds
        if refinement is not None:
            half, rounds = _refined(name, patterns, grid, limit_per_angstrom, steps, refinement)
        merged = merge(half, grid, limit_per_angstrom, steps.device)
        out: tuple[LeftOut, ...] = ()
        if sort:
            half, out = sort_patterns(half, merged, posterior_intensity(merged), grid)
            if len(half) < FEWEST_KEPT * len(patterns):
                raise InputError(
                    f"{patterns.name}: {len(out)} of {len(patterns)} patterns of {name} fit no "
                    f"slice (the first: {out[0].reason}), so they are hardly of one molecule at "
                    "these orientations; correct them, or use all with --keep-all"
                )
        half = rescaled(half, relative_scales(half, merged))
        merged = merge(half, grid, limit_per_angstrom, steps.device)
        return Half(half, merged, out, rounds)

    return steps.once(name, make, _packed, lambda kept: _unpacked(kept, patterns, steps.device))


def passes(refinement: OrientationSettings | None) -> int:
    """Return how often `prepare_half` reads every pattern."""
    return MERGE_PASSES + (0 if refinement is None else REFINE_PASSES * refinement.rounds)


def rotations_of(first: Half, second: Half) -> Tensor:
    """Orientations of all views, those of each half as it has them."""
    rotations = first.patterns.rotations.clone()
    odd = torch.arange(len(rotations)) % 2 == 1
    rotations[odd] = second.patterns.rotations[odd]
    return rotations


def read_with(patterns: PatternSet, watch: Callable[[int], None]) -> PatternSet:
    """Tell `watch` how many more patterns were read, whenever some are."""
    plain = patterns.read

    def read(numbers: Any) -> Tensor:
        values = plain(numbers)
        watch(len(numbers))
        return values

    return replace(patterns, read=read)


def _refined(
    name: str,
    patterns: PatternSet,
    grid: Grid,
    limit: float,
    steps: Steps,
    refinement: OrientationSettings,
) -> tuple[PatternSet, tuple[RoundRecord, ...]]:
    """Refine orientations, from the last round that an earlier run kept."""
    step = f"{name}-orientations"
    before: tuple[RoundRecord, ...] = ()
    given = patterns.rotations
    if steps.has(step):
        kept = steps.read(step)
        patterns = replace(patterns, rotations=tensors_of(kept)["rotations"])
        before = _records(kept)
    rounds = list(before)

    def keep(record: RoundRecord, now: PatternSet) -> None:
        rounds.append(record)
        steps.write(step, pack({"rotations": now.rotations}, {"rounds": _rows(rounds)}))

    refined, _ = refine_orientations(
        patterns, grid, limit, refinement, keep, steps.device, len(before), given
    )
    return refined, tuple(rounds)


def _packed(half: Half) -> Checkpoint:
    merged = packed_merge(half.merged)
    tensors = {"rotations": half.patterns.rotations, "expected": half.patterns.expected}
    words = {
        "kept": list(half.patterns.kept),
        "left_out": [[one.number, one.reason] for one in half.left_out],
        "rounds": _rows(half.rounds),
    }
    poses = pack(tensors)
    return Checkpoint(
        {**merged.tensors, "poses": next(iter(poses.tensors.values()))},
        {**merged.description, **words},
    )


def _unpacked(checkpoint: Checkpoint, patterns: PatternSet, device: str) -> Half:
    poses, words = checkpoint.tensors["poses"], checkpoint.description
    used = replace(
        patterns.only([int(number) for number in words["kept"]]),
        rotations=poses["rotations"],
        expected=poses["expected"],
    )
    out = tuple(LeftOut(int(number), str(reason)) for number, reason in words["left_out"])
    return Half(used, unpacked_merge(checkpoint, device), out, _records(checkpoint))


def _rows(rounds: Any) -> list[dict[str, float]]:
    names = ("degrees", "limit_per_angstrom", "moved_degrees", "gain")
    return [{name: getattr(record, name) for name in names} for record in rounds]


def _records(checkpoint: Checkpoint) -> tuple[RoundRecord, ...]:
    return tuple(RoundRecord(**row) for row in checkpoint.description["rounds"])
