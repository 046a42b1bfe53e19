"""Observations outside what a network was trained for, odd values, images of something else."""

import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from phase_objects import blobs, experiment, observe

from diffragan.config.experiment import Experiment
from diffragan.config.unrolled_training import UnrolledTraining
from diffragan.errors import InputError
from diffragan.phasing.fitness import (
    check_direct_beam,
    check_fit,
    check_trained_for,
    check_values,
    empty_patterns,
)
from diffragan.phasing.protocol import Observations

TRAINED = UnrolledTraining()
DOSE = 3e4


@pytest.fixture(scope="module")
def observations() -> Observations:
    """Two molecules of like strength, with images in which counting noise is small."""
    setup = experiment()
    return observe(blobs(setup, 0.5), setup, DOSE)[1]


def changed(**changes: Any) -> Experiment:
    return Experiment.model_validate({**experiment(128, 128).model_dump(), **changes})


def test_conditions_trained_for_need_no_word() -> None:
    assert check_trained_for(changed(box_angstrom=70.0), TRAINED) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"box_angstrom": 50.0}, "box_angstrom is 50 Å, .* 60 to 200 Å"),
        ({"low_resolution": {"defocus_angstrom": 400}}, "defocus_angstrom is 400 Å"),
        ({"low_resolution": {"aperture_mrad": 7}}, "aperture_mrad is 7 mrad"),
        ({"detector": {"exposure_e_per_a2": 8}}, "exposure_e_per_a2 is 8 e/Å2"),
        ({"diffraction": {"max_angle_mrad": 6}}, "the end of the patterns is 4"),
    ],
)
def test_conditions_a_little_outside_are_said_with_both_values(
    changes: dict[str, Any], words: str
) -> None:
    (said,) = check_trained_for(changed(**{"box_angstrom": 70.0, **changes}), TRAINED)
    assert re.search(words, said)


@pytest.mark.parametrize(
    "changes",
    [
        {"box_angstrom": 25.0},
        {"box_angstrom": 70.0, "low_resolution": {"defocus_angstrom": 9000}},
        {"box_angstrom": 70.0, "low_resolution": {"defocus_angstrom": -1000}},
        {"box_angstrom": 70.0, "detector": {"exposure_e_per_a2": 1}},
    ],
)
def test_conditions_far_outside_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="too far off"):
        check_trained_for(changed(**changes), TRAINED)


def test_values_that_are_none_and_missing_images_are_refused(observations: Observations) -> None:
    broken = observations.diffraction.clone()
    broken[1, 3, 3] = torch.nan
    with pytest.raises(InputError, match="pattern of item 1 is not finite"):
        check_values(replace(observations, diffraction=broken))
    missing = observations.low_resolution * torch.tensor([0.0, 1.0])[:, None, None]
    with pytest.raises(InputError, match="item 0 has no low-resolution image"):
        check_values(replace(observations, low_resolution=missing))


def test_empty_and_saturated_patterns_are_said(observations: Observations) -> None:
    assert check_values(observations) == []
    empty = observations.diffraction * torch.tensor([1.0, 0.0])[:, None, None]
    nothing = replace(observations, diffraction=empty, items=(7, 9))
    assert empty_patterns(nothing).tolist() == [False, True]
    (said,) = check_values(nothing)
    assert "pattern of item 9 is empty" in said
    clipped = observations.diffraction.clamp(max=float(observations.diffraction.quantile(0.99)))
    (said,) = check_values(replace(observations, diffraction=clipped))
    assert "saturated" in said


def test_images_of_another_molecule_are_told_from_their_own(observations: Observations) -> None:
    assert check_fit(observations) == []
    swapped = replace(observations, low_resolution=observations.low_resolution.roll(1, 0))
    (said,) = check_fit(swapped)
    assert "image of item 0 does not fit its pattern, nor do those of 1 others" in said


def test_a_molecule_that_lies_elsewhere_in_its_box_is_the_same_molecule(
    observations: Observations,
) -> None:
    moved = replace(observations, low_resolution=observations.low_resolution.roll((5, -9), (1, 2)))
    assert check_fit(moved) == []


def test_a_direct_beam_that_spreads_beyond_its_mask_is_said(observations: Observations) -> None:
    assert check_direct_beam(observations) == []
    spread = replace(
        observations,
        experiment=changed(box_angstrom=70.0, detector={"point_spread_pixels": 0.41}),
    )
    middle = observations.diffraction.shape[-1] // 2
    tail = torch.zeros_like(observations.diffraction)
    # A pixel beside the direct beam holds what a Gaussian leaves between 0.5 and 1.5 pixels.
    tail[:, middle, middle + 1] = 0.11 * 0.78
    (said,) = check_direct_beam(replace(spread, diffraction=spread.diffraction + tail))
    assert re.search("spreads the direct beam by 0.41 pixels.*direct_beam_pixels", said)
    masked = observations.measured.clone()
    masked[middle - 3 : middle + 4, middle - 3 : middle + 4] = False
    assert check_direct_beam(replace(spread, measured=masked)) == []
