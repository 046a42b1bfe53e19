"""Frames of two sets of orientations laid on each other, and intensities with them."""

import pytest
import torch
from made_up_patterns import LIMIT, grid, orientations, truth

from diffragan.reconstruction.many_views.frames import (
    HALF_TURN,
    shared_frame,
    turned_intensity,
)
from diffragan.reconstruction.many_views.intensity_correlation import intensity_correlation
from diffragan.reconstruction.many_views.lattice import frequency


def test_the_turn_is_found_though_some_are_half_turned_and_some_at_random() -> None:
    true, turn = orientations(90), orientations(1, seed=3)[0]
    found = true @ turn.mT
    found[:20] = HALF_TURN @ found[:20]
    found[20:50] = orientations(30, seed=9)
    frame = shared_frame(found, true)
    assert torch.allclose(frame.turn, turn, atol=1e-6)
    assert float(frame.degrees_or_half_turn[:20].max()) < 1e-3
    assert float(frame.degrees[50:].max()) < 1e-3
    assert torch.allclose(frame.degrees[:20], torch.tensor(180.0, dtype=torch.float64))


def test_small_errors_are_averaged() -> None:
    true, turn = orientations(200), orientations(1, seed=4)[0]
    steps = 0.05 * torch.randn(200, 3, dtype=torch.float64)
    small = torch.linalg.matrix_exp(_cross(steps))
    frame = shared_frame(small @ true @ turn.mT, true)
    off = torch.rad2deg(torch.arccos(((frame.turn @ turn.mT).trace() - 1).clamp(max=2) / 2))
    assert float(off) < 0.6
    median = torch.rad2deg(steps.norm(dim=1)).median()
    assert float(frame.degrees.median()) == pytest.approx(float(median), rel=0.1)


def test_a_turned_intensity_is_that_of_the_turned_molecule() -> None:
    field = grid()
    exact = torch.fft.rfftn(truth()).abs().square()
    quarter = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    known = frequency(field) <= LIMIT
    there, sure = turned_intensity(exact, known, quarter, field)
    # Samples fall on samples; the point (x, y) of the turned frame shows what was at (-y, x).
    z, y, x = 4, 5, 2
    assert torch.allclose(there[z, y, x], _at(exact, -y, x, z), rtol=1e-4)
    back, _ = turned_intensity(there, sure, quarter.mT, field)
    inner = frequency(field) < LIMIT - 2 / field.box_angstrom
    assert torch.allclose(back[inner], exact[inner].float(), rtol=1e-3, atol=1e-3)


def test_correlation_is_one_with_itself_and_none_with_noise() -> None:
    field = grid()
    exact = torch.fft.rfftn(truth()).abs().square()
    known = frequency(field) <= LIMIT
    last = int(LIMIT * field.box_angstrom)
    itself = intensity_correlation(exact, 3 * exact + 1, known, field)[2:last]
    noise = intensity_correlation(exact, torch.rand_like(exact), known, field)[6:last]
    assert torch.allclose(itself, torch.ones_like(itself), atol=1e-6)
    assert float(noise.mean().abs()) < 0.1


def _at(half: torch.Tensor, x: int, y: int, z: int) -> torch.Tensor:
    """Read a sample of a half transform, at its mate where x is negative."""
    if x < 0:
        x, y, z = -x, -y, -z
    return half[z, y, x]


def _cross(vectors: torch.Tensor) -> torch.Tensor:
    x, y, z = vectors.T
    none = torch.zeros_like(x)
    rows = [torch.stack(r, -1) for r in ((none, -z, y), (z, none, -x), (-y, x, none))]
    return torch.stack(rows, -2)
