"""Orientations and shifts from defocused images alone: one frame, either hand, an honest error."""

import math

import pytest
import torch

from diffragan.errors import InputError
from diffragan.io.triplets import TripletStore
from diffragan.reconstruction.many_views.image_poses import (
    ImagePoses,
    other_hand,
    poses_from_images,
)
from diffragan.reconstruction.map_alignment import align_maps
from diffragan.reconstruction.orientations import angle_between
from diffragan.reconstruction.refinement import Poses, RefinementSettings
from diffragan.reconstruction.refinement.halves import change_frame
from diffragan.reconstruction.sources.stores import particles_of_store
from diffragan.reconstruction.truth import true_potential_map

QUICK = RefinementSettings(
    seed=1,
    max_shift_angstrom=4,
    starts=1,
    start_iterations=30,
    start_batch=60,
    start_step_degrees=24,
    start_finest_angstrom=7.5,
    search_step_degrees=24,
    max_iterations=5,
)
HALVES = torch.arange(90) % 2


@pytest.fixture(scope="module")
def found(defocused_views: TripletStore) -> ImagePoses:
    return poses_from_images(defocused_views, range(20, 110), HALVES, QUICK)


def test_orientations_are_found_and_their_error_is_foretold(
    defocused_views: TripletStore, found: ImagePoses
) -> None:
    (particles,) = particles_of_store(defocused_views, defocused_views.structures())
    assert particles.poses is not None
    assert particles.model is not None
    truth = true_potential_map(particles.model, found.grid)
    laid = align_maps(found.maps.full, truth, found.grid)
    right = other_hand(found) if laid.mirrored else found
    moved = change_frame(
        Poses(right.rotations, right.shifts_angstrom), laid.rotation, laid.shift_angstrom
    )
    error = torch.rad2deg(angle_between(moved.rotations, particles.poses.rotations[20:110]))
    shifted = moved.shifts_angstrom - particles.poses.shifts_angstrom[20:110]
    assert error.median() < 4
    assert shifted.norm(dim=1).median() < 0.7
    assert 0.4 < found.median_error_degrees / float(error.median()) < 2
    assert found.median_error_degrees <= found.rms_error_degrees


def test_half_sets_stay_as_they_were_given(found: ImagePoses) -> None:
    assert torch.equal(found.half_sets, HALVES)
    assert found.resolution_angstrom is None or found.resolution_angstrom < 8


def test_the_other_hand_twice_is_the_first(found: ImagePoses) -> None:
    other = other_hand(found)
    assert angle_between(other.rotations, found.rotations).median() > math.radians(20)
    torch.testing.assert_close(other_hand(other).rotations, found.rotations)
    assert torch.equal(other_hand(other).maps.half2, found.maps.half2)


def test_views_without_halves_of_their_own_are_refused(defocused_views: TripletStore) -> None:
    with pytest.raises(InputError, match="20 images came with 90 half sets"):
        poses_from_images(defocused_views, range(20), HALVES)
    with pytest.raises(InputError, match="holds no view of molecule 3"):
        poses_from_images(defocused_views, range(20), HALVES[:20], structure=3)
