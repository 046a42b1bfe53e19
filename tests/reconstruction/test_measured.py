"""A map of unknown orientation and hand is measured against the truth where it lies."""

import pytest
import torch
from phantom import atoms, orientations

from diffragan.grid import Grid
from diffragan.io.star import ParticleOptics
from diffragan.reconstruction.found import Found
from diffragan.reconstruction.map_alignment import mirror_map
from diffragan.reconstruction.maps import Maps
from diffragan.reconstruction.measured import hand_words, is_mirrored, measure_map
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.reconstruction.truth import true_potential_map
from diffragan.typing import Volume

GRID = Grid(48, 72.0)
MODEL = atoms(20.0, count=80)


def particles(*, with_truth: bool) -> ParticleSet:
    return ParticleSet(
        "p",
        4,
        GRID,
        lambda numbers: torch.zeros(len(numbers), 48, 48),
        ParticleOptics(200.0, 0.0, 0.0, 1.5, 48),
        {},
        model=MODEL if with_truth else None,
    )


def found(volume: Volume) -> Found:
    generator = torch.Generator().manual_seed(0)
    noise = 0.1 * volume.std() * torch.randn(2, *volume.shape, generator=generator)
    maps = Maps(volume, volume + noise[0], volume + noise[1], 4)
    return Found(maps, Poses(orientations(4), torch.zeros(4, 2)), torch.arange(4) % 2)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_map_of_either_hand_is_laid_on_the_truth(mirrored: bool) -> None:
    moved = MODEL.rotated(orientations(1, seed=3)[0]).shifted(torch.tensor([2.0, -1.0, 3.0]))
    volume = true_potential_map(moved, GRID)
    volume = mirror_map(volume) if mirrored else volume
    measured = measure_map(found(volume), particles(with_truth=True), "unknown")
    assert measured.laid is not None
    assert measured.laid.mirrored == mirrored
    assert measured.agreement.fsc_truth is not None
    assert measured.agreement.fsc_truth.min() > 0.95
    assert is_mirrored(measured) == mirrored
    assert hand_words("unknown", measured.laid).endswith("were mirrored" if mirrored else "tells")
    # Where orientations are known the same map is wrong, and nothing is moved to help it.
    known = measure_map(found(volume), particles(with_truth=True), "known")
    assert known.laid is None
    assert known.agreement.fsc_truth is not None
    assert known.agreement.fsc_truth[5:].max() < 0.7


def test_a_map_of_images_that_drifted_is_laid_on_the_truth_by_a_shift_alone() -> None:
    off = torch.tensor([0.8, -0.5, 1.1])
    volume = true_potential_map(MODEL.shifted(off), GRID)
    measured = measure_map(found(volume), particles(with_truth=True), "shifts")
    assert measured.off_truth_angstrom is not None
    torch.testing.assert_close(measured.off_truth_angstrom, off.double(), rtol=0, atol=0.02)
    assert measured.agreement.fsc_truth is not None
    assert measured.agreement.fsc_truth.min() > 0.95
    turned = true_potential_map(MODEL.rotated(orientations(1, seed=3)[0]), GRID)
    wrong = measure_map(found(turned), particles(with_truth=True), "shifts")
    assert wrong.agreement.fsc_truth is not None
    assert wrong.agreement.fsc_truth[5:].max() < 0.7


def test_without_a_truth_the_hand_stays_open() -> None:
    volume = true_potential_map(MODEL, GRID)
    measured = measure_map(found(volume), particles(with_truth=False), "unknown")
    assert measured.truth is None
    assert measured.agreement.fsc_truth is None
    assert hand_words("unknown", measured.laid).startswith("undecided")
