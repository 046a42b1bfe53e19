"""Faults of an experiment, made in patterns that have none: what the curves of robustness vary."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy import ndimage

from diffragan.errors import InputError
from diffragan.reconstruction.many_views.geometry import Pixels, ewald_height
from diffragan.reconstruction.many_views.patterns import Background, PatternSet
from diffragan.typing import Float, Tensor

HOLE_PIXELS = 3
"""Around what was not measured: values moved out of it would be made up."""


def off_centre(patterns: PatternSet, pixels_rms: float, seed: int) -> PatternSet:
    """Move each pattern by a distance of its own that nobody knows of.

    Pixels near the beam stop and the rim are left out, moved or not, so that all errors have the
    same data.
    """
    if patterns.counted:
        raise InputError(f"{patterns.name}: counts cannot be moved by parts of a pixel")
    side, place = _side(patterns), patterns.pixels.places
    measured = np.zeros((side, side), dtype=bool)
    measured.flat[place.numpy()] = True
    inner = ndimage.binary_erosion(measured, iterations=HOLE_PIXELS)
    nearest = ndimage.distance_transform_edt(~measured, return_distances=False, return_indices=True)
    kept = torch.from_numpy(inner.ravel())[place]

    def read(numbers: Sequence[int]) -> Tensor:
        moved = []
        for number, values in zip(numbers, patterns.read(numbers), strict=True):
            square = np.zeros((side, side))
            square.flat[place.numpy()] = values.double().numpy()
            by = np.random.default_rng([seed, number]).normal(0, pixels_rms / 2**0.5, 2)
            square = ndimage.shift(square[tuple(nearest)], by, mode="nearest").clip(0)
            moved.append(torch.from_numpy(square.ravel())[place][kept])
        return torch.stack(moved).float()

    return _with_pixels(patterns, kept, read)


def without_middle(patterns: PatternSet, radius_per_angstrom: float) -> PatternSet:
    """Leave out what lies inside a larger beam stop [1/Å]."""
    kept = patterns.pixels.points[:, :2].norm(dim=1) > radius_per_angstrom
    if not bool(kept.any()):
        raise InputError(f"a beam stop of {radius_per_angstrom:g} 1/Å hides all data")
    return _with_pixels(patterns, kept, lambda numbers: patterns.read(numbers)[:, kept])


def wrong_camera(patterns: PatternSet, percent: float) -> PatternSet:
    """Take each pixel for one farther out by some percent."""
    points = patterns.pixels.points * (1 + percent / 100)
    points[:, 2] = ewald_height(points[:, :2].square().sum(1), patterns.experiment.electron)
    return replace(patterns, pixels=Pixels(points, patterns.pixels.places))


def with_strangers(patterns: PatternSet, others: PatternSet, share: float) -> PatternSet:
    """Put patterns of another molecule in place of every n-th one, at the orientations they had."""
    if patterns.pixels.places.tolist() != others.pixels.places.tolist():
        raise InputError(f"{others.name} was not measured at the pixels of {patterns.name}")
    strangers = set(strangers_among(patterns, share))

    def read(numbers: Sequence[int]) -> Tensor:
        found = patterns.read(numbers).clone()
        for row, number in enumerate(numbers):
            if number in strangers:
                found[row] = others.read([others.kept[number % len(others)]])[0]
        return found

    return replace(patterns, read=read)


def strangers_among(patterns: PatternSet, share: float) -> list[int]:
    """Name the patterns that `with_strangers` replaces, as many in either half."""
    order = np.random.default_rng(len(patterns)).permutation(np.asarray(patterns.kept))
    found: list[int] = []
    for which in (0, 1):
        half = order[order % 2 == which]
        found += half[: round(share * len(half))].tolist()
    return sorted(found)


def in_ice(
    patterns: PatternSet, ice: Float[Tensor, " pixel"], angstrom: float, *, told: bool
) -> PatternSet:
    """Add the mean scattering of ice, and say so or not.

    Parameters
    ----------
    ice : Of 1 Å, in the unit of the patterns, which have no noise.
    angstrom : Its thickness [Å].
    told : Whether merging knows the background.
    """
    if patterns.counted:
        raise InputError(f"{patterns.name} is counted already; ice is added before")
    behind = angstrom * ice
    background = Background(behind.double(), torch.ones(len(patterns.rotations)).double())
    read = patterns.read
    return replace(
        patterns,
        read=lambda numbers: read(numbers) + behind,
        background=background if told else None,
    )


def mean_of_ice(dry: PatternSet, wet: PatternSet) -> Float[Tensor, " pixel"]:
    """Return how much more the rings of patterns in ice have than those of dry ones."""
    ring = (dry.pixels.points[:, :2].norm(dim=1) * dry.experiment.box_angstrom).round().long()
    more = _mean_pattern(wet) - _mean_pattern(dry)
    sums = torch.zeros(int(ring.max()) + 1).double().index_add(0, ring, more)
    means: Tensor = sums / torch.bincount(ring).clamp(min=1)
    return means.clamp(min=0)[ring].float()


def _mean_pattern(patterns: PatternSet) -> Float[Tensor, " pixel"]:
    total = torch.zeros(len(patterns.pixels.points)).double()
    for batch in patterns.batches():
        total += batch.values.double().sum(0)
    return total / len(patterns)


def _with_pixels(
    patterns: PatternSet, kept: Tensor, read: Callable[[Sequence[int]], Tensor]
) -> PatternSet:
    pixels = Pixels(patterns.pixels.points[kept], patterns.pixels.places[kept])
    return replace(patterns, pixels=pixels, read=read)


def _side(patterns: PatternSet) -> int:
    """Return the width of the square pattern, whose rows the places of pixels count [pixels]."""
    box = patterns.experiment.box_angstrom
    x, y = (patterns.pixels.points[[0, -1], :2].double() * box).round().long().T.tolist()
    first, last = patterns.pixels.places[[0, -1]].tolist()
    side: int = ((last - x[1]) - (first - x[0])) // (y[1] - y[0])
    return side
