"""The holograms of all frames laid together: a map of phase shifts over the scanned field.

Beams overlap, so a molecule is in several frames, each of which sees it elsewhere in its beam: in
its middle, where a hologram is blind, or near the rim. Scores and information about the same place
add up. Then every frame is asked what the map shows inside its own beam.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.hologram import CELLS, Maps

Floats = NDArray[np.floating[Any]]

LEAST_INFORMATION = 0.02
"""Places about which less than that share of the most is known are not looked at."""
ALONE_ANGSTROM = 30.0
"""Another molecule is at least that far from the first [Å]."""
LARGEST_MISFIT = 3.0
"""Misfit beyond which a frame is trusted less by its square."""
NEAR_RIM = 1.25
"""How far beyond the beam's radius a molecule still scatters into a frame, in radii."""


@dataclass(frozen=True, slots=True)
class InBeam:
    """What lies in the beam of each frame, as the map shows it."""

    peak: Floats
    """`(frame)` significance of the best molecule [standard errors of counting]."""
    phase: Floats
    """`(frame)` its total phase shift against what it displaces [rad Å2]."""
    position: Floats
    """`(frame, 2)` its place x, y from the beam's middle [Å]."""
    second: Floats
    """`(frame)` significance of the best other one."""
    second_phase: Floats
    second_distance: Floats
    """`(frame)` how far that is from the beam's middle [Å]."""
    overlap: Floats
    """`(frame)` information of all frames about the place of the peak, over the frame's own."""


def lay_together(
    scores: Maps,
    information: Maps,
    misfit: Floats,
    positions: Floats | None,
    diameter_angstrom: float,
) -> InBeam:
    """Add up what frames say of the same places, and look into every beam.

    Parameters
    ----------
    scores, information, misfit : See `hologram.Hologram`. Frames that fit worse than a molecule
        explains, as those on an edge of carbon, count for less.
    positions : `(frame, 2)`, x and y of each beam's middle in the axes of the detector [Å]; every
        frame stands for itself when left out.
    diameter_angstrom : Of the beam.
    """
    trust = (LARGEST_MISFIT / np.maximum(misfit, LARGEST_MISFIT)).astype(np.float32) ** 2
    if positions is None:
        parts = [
            _in_beams(scores[[n]], information[[n]], np.zeros((1, 2)), diameter_angstrom)
            for n in range(len(scores))
        ]
        return InBeam(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    weight = trust[:, None, None]
    return InBeam(*_in_beams(scores * weight, information * weight, positions, diameter_angstrom))


def _in_beams(
    scores: Maps, information: Maps, positions: Floats, diameter: float
) -> tuple[Floats, ...]:
    cell = diameter / CELLS
    # Corners of the frames' grids on the map, whose cells are as large; a margin for looking about.
    reach = int(np.ceil(CELLS / 2 * NEAR_RIM))
    corner = np.round((positions - positions.min(0)) / cell).astype(int) + reach - CELLS // 2
    width, height = corner.max(0) + CELLS // 2 + reach
    total, known = np.zeros((height, width)), np.zeros((height, width))
    for score, own, (x, y) in zip(scores, information, corner, strict=True):
        total[y : y + CELLS, x : x + CELLS] += score
        known[y : y + CELLS, x : x + CELLS] += own
    side = 2 * reach
    steps = (np.arange(side) + 0.5 - reach) * cell
    away = np.hypot(steps[:, None], steps[None, :])
    rows = []
    for own, (x, y) in zip(information, corner, strict=True):
        top, left = y + CELLS // 2 - reach, x + CELLS // 2 - reach
        place = (slice(top, top + side), slice(left, left + side))
        rows.append(_look(total[place], known[place], own, away, steps, diameter / 2))
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def _look(
    total: Floats,
    known: Floats,
    own: NDArray[np.float32],
    away: Floats,
    steps: Floats,
    radius: float,
) -> tuple[float, float, tuple[float, float], float, float, float, float]:
    """Find the best molecule in one beam, and the best other one in or near it."""
    z = total / np.sqrt(known + 1e-12)
    z = np.where((known > LEAST_INFORMATION * own.max()) & (known > 0), z, -1e9)
    inside = np.where(away < radius, z, -1e9)
    row, column = divmod(int(inside.argmax()), len(steps))
    if inside[row, column] < -1e8:
        return 0.0, 0.0, (0.0, 0.0), 0.0, 0.0, 0.0, 1.0
    phase = total[row, column] / known[row, column]
    apart = np.hypot(steps[:, None] - steps[row], steps[None, :] - steps[column])
    others = np.where((apart > ALONE_ANGSTROM) & (away < NEAR_RIM * radius), z, -1e9)
    row2, column2 = divmod(int(others.argmax()), len(steps))
    found = others[row2, column2] > -1e8
    second = max(float(others[row2, column2]), 0.0) if found else 0.0
    second_phase = total[row2, column2] / known[row2, column2] if found else 0.0
    margin = (len(steps) - CELLS) // 2
    mine = own[row - margin, column - margin] if _within(row, column, margin) else 0.0
    return (
        float(inside[row, column]),
        float(phase),
        (float(steps[column]), float(steps[row])),
        second,
        float(second_phase),
        float(away[row2, column2]) if found else 0.0,
        float(known[row, column] / max(float(mine), known[row, column] / 100)),
    )


def _within(row: int, column: int, margin: int) -> bool:
    return 0 <= row - margin < CELLS and 0 <= column - margin < CELLS
