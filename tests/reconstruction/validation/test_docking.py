"""Docking recovers pose and hand, off the grid, and says when a model is not the map's."""

import numpy as np
import pytest
import torch
from made_maps import map_of, noise
from scipy.spatial.transform import Rotation

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.docking import Docking, Pose, dock, expected_score
from diffragan.reconstruction.validation.docking_refinement import field_of, refine_pose
from diffragan.reconstruction.validation.docking_search import Poses, apart
from diffragan.reconstruction.validation.docking_verdict import (
    docking_summary,
    hand_is_told,
    verdict,
    verdict_words,
)
from diffragan.reconstruction.validation.hand import mirror_volume
from diffragan.reconstruction.validation.residue_model import (
    ResidueModel,
    deviation,
    residue_model,
)
from diffragan.reconstruction.validation.rotation_grid import (
    angles_between,
    even_rotations,
    rotations_needed,
)
from diffragan.reconstruction.validation.splines import (
    spline_at,
    spline_of,
    spline_with_slopes,
)

GRID = Grid(40, 56.0)


def test_pose_and_hand_are_recovered_from_a_noisy_map_of_4_angstrom(
    villin_model: ResidueModel, scrambled: ResidueModel
) -> None:
    volume = mirror_volume(map_of(scrambled, GRID, 4.0, snr=0.3))
    found = dock(volume, GRID, villin_model, resolution_angstrom=4.0)
    laid = villin_model.moved(found.best.rotation, found.best.shift)
    assert deviation(laid.positions, scrambled.positions) < 0.3
    assert found.mirrored
    assert verdict(found) == "fits"
    assert hand_is_told(found)
    assert "was mirrored" in verdict_words(found, "villin")


def test_a_model_that_is_not_the_maps_is_said_not_to_fit(villin_model: ResidueModel) -> None:
    # The same atoms with every residue elsewhere: right size, element counts and density.
    generator = np.random.default_rng(0)
    other = villin_model.structure.clone()
    directions = Rotation.random(random_state=0).as_matrix()
    centre = villin_model.positions.mean(0)
    for place, site in enumerate(other[0].all()):
        moved = (villin_model.positions[place] - centre) * [1, -1, 1] @ directions
        site.atom.pos.fromlist((moved + generator.normal(size=3) * 1.5 + centre).tolist())
    volume = map_of(villin_model, GRID, 4.0)
    found = dock(volume, GRID, residue_model(other, "other"), resolution_angstrom=4.0)
    assert verdict(found) != "fits"
    assert not hand_is_told(found)


def test_refinement_climbs_to_the_pose_from_nearby(villin_model: ResidueModel) -> None:
    centred = villin_model.moved(np.eye(3), -villin_model.positions.mean(0))
    own = true_potential_map(centred.atoms(), GRID)
    field = field_of(own, own, GRID, 5.0)
    weights = centred.atomic_numbers.astype(float)
    start = Rotation.from_rotvec([0.1, -0.12, 0.08]).as_matrix()
    rotation, shift, _ = refine_pose(field, centred.positions, weights, start, np.full(3, 0.9))
    assert deviation(centred.positions @ rotation.T + shift, centred.positions) < 0.1


def test_splines_pass_through_voxels_and_know_their_slopes() -> None:
    values = np.random.default_rng(0).normal(size=(9, 9, 9))
    spline = spline_of(values)
    places = np.random.default_rng(1).uniform(-20, 20, (30, 3))
    found, slopes = spline_with_slopes(spline, places, 1.7)
    np.testing.assert_allclose(found, spline_at(spline, places, 1.7), atol=1e-12)
    for axis in range(3):
        step = np.eye(3)[axis] * 1e-5
        before, after = (spline_at(spline, places + s * step, 1.7) for s in (-1, 1))
        np.testing.assert_allclose(slopes[:, axis], (after - before) / 2e-5, atol=1e-6)
    at_voxel, _ = spline_with_slopes(spline, np.array([[1.7, -3.4, 0.0]]), 1.7)
    assert at_voxel[0] == pytest.approx(values[4, 2, 5])


def test_rotations_are_spread_evenly() -> None:
    rotations = even_rotations(2000)
    np.testing.assert_allclose(np.linalg.det(rotations), 1)
    np.testing.assert_allclose(rotations.mean(0), 0, atol=0.01)
    probes = Rotation.random(100, random_state=1).as_matrix()
    nearest = [angles_between(rotations, probe).min() for probe in probes]
    assert np.max(nearest) < 0.4
    assert rotations_needed(0.3) == pytest.approx(8 * rotations_needed(0.6), rel=0.01)


def test_poses_kept_are_the_best_and_apart() -> None:
    turns = Rotation.from_rotvec([[0, 0, a] for a in (0, 0.1, 1.0, 0.05)]).as_matrix()
    poses = Poses(turns, np.zeros((4, 3)), np.array([0.5, 0.9, 0.3, 0.7]))
    assert apart(poses, 3, 0.3, 1.0).tolist() == [1, 2]
    far = Poses(turns, np.eye(4)[:, :3] * 9, poses.scores)
    assert apart(far, 3, 0.3, 1.0).tolist() == [1, 3, 0]


def _docking(
    as_is: float, mirrored: float, runner_up: float, expected: float | None = None
) -> Docking:
    poses = [Pose(np.eye(3), np.zeros(3), s, runner_up) for s in (as_is, mirrored)]
    return Docking(poses[0], poses[1], 4.0, expected)


def test_verdicts_are_said_in_words() -> None:
    for scores, which, hand, words in (
        ((0.8, 0.2, 0.2), "fits", "as is", "the hand is right (0.80 against 0.20)"),
        ((0.2, 0.8, 0.2), "fits", "mirrored", "had the wrong hand and was mirrored"),
        ((0.8, 0.78, 0.2), "fits", "unknown", "too coarse to tell its hand"),
        ((0.8, 0.2, 0.8), "fits", "as is", "the hand is right"),  # a symmetric molecule
        ((0.8, 0.2, 0.2, 0.9), "fits", "as is", "the hand is right"),
        ((0.10, 0.05, 0.05, 0.9), "doubtful", "unknown", "where the half maps let expect 0.90"),
        ((0.096, 0.047, 0.072), "doubtful", "unknown", "only 1.3 times"),  # one barrel in another
        ((0.28, 0.2, 0.21), "doubtful", "unknown", "is in doubt"),
        ((0.21, 0.2, 0.2), "does not fit", "unknown", "may be another protein"),
        ((-0.1, -0.2, -0.2), "does not fit", "unknown", "does not fit"),
    ):
        found = docking_summary(_docking(*scores), "1abc")
        assert (found["verdict"], found["hand"]) == (which, hand)
        assert "1abc" in found["words"]
        assert words in found["words"]


def test_bad_input_is_named(villin_model: ResidueModel) -> None:
    with pytest.raises(InputError, match="not finite"):
        dock(torch.full((40, 40, 40), torch.nan), GRID, villin_model)
    with pytest.raises(InputError, match="same value everywhere"):
        dock(torch.zeros(40, 40, 40), GRID, villin_model)
    with pytest.raises(InputError, match="has 24 x 24 x 24 voxels where 40"):
        dock(torch.randn(24, 24, 24), GRID, villin_model)
    with pytest.raises(InputError, match=r"Å long and the map only 12 Å"):
        dock(torch.randn(24, 24, 24), Grid(24, 12.0), villin_model)


def test_the_expected_score_is_what_a_perfect_model_has(scrambled: ResidueModel) -> None:
    potential = map_of(scrambled, GRID, 4.0)
    halves = [potential + potential.std() * noise(40, seed) for seed in (1, 2)]
    _, fsc = fourier_shell_correlation(halves[0], halves[1], GRID)
    whole = (halves[0] + halves[1]) / 2
    _, against_truth = fourier_shell_correlation(whole, potential, GRID)
    last = round(GRID.box_angstrom / 4.5) + 1
    weights = torch.arange(1, last).double() ** 2
    naive = float((weights * against_truth[1:last]).sum() / weights.sum())
    assert expected_score(fsc, GRID.box_angstrom, 4.5) == pytest.approx(naive, abs=0.05)
    assert expected_score(torch.ones(20), GRID.box_angstrom, 4.0) == 1
