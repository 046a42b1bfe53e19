"""Contradictory beams and detectors are refused in words that say what to do."""

from typing import Any

import pytest
from pydantic import ValidationError

from diffragan.config.beam import BeamSettings, InelasticSettings
from diffragan.config.detector import DetectorSettings


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"probe_diameter_angstrom": -1.0}, "greater than 0"),
        ({"probe_diameter_angstrom": 20.0}, "no flat part; its diameter must exceed 30"),
        ({"probe_offset_angstrom": (1.0, 0.0)}, "a plane wave has none"),
        ({"convergence_mrad": -0.1}, "greater than or equal to 0"),
        ({"probe_edge_angstrom": -1.0}, "greater than or equal to 0"),
        ({"probe_diameter": 100.0}, "not permitted"),
    ],
)
def test_impossible_beams_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        BeamSettings(**wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"mean_free_path_angstrom": 0.0}, "greater than 0"),
        ({"cross_section_factor": 0.0}, "greater than 0"),
        ({"energy_loss_ev": -20.0}, "greater than 0"),
        ({"mean_free_path_angstrom": 3000.0, "cross_section_factor": 2.0}, "one of the two"),
    ],
)
def test_impossible_losses_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        InelasticSettings(**wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"exposure_e_per_a2": 0.0}, "greater than 0"),
        ({"exposure_e_per_a2": -5.0}, "greater than 0"),
        ({"dead_pixel_fraction": 1.0}, "less than 1"),
        ({"dead_pixel_fraction": -0.1}, "greater than or equal to 0"),
        ({"hot_pixel_fraction": 1.5, "hot_pixel_counts": 2.0}, "less than 1"),
        ({"hot_pixel_fraction": 0.1}, "go together"),
        ({"hot_pixel_counts": 10.0}, "go together"),
        ({"hot_pixel_fraction": 0.1, "hot_pixel_counts": 5.0}, "give exposure_e_per_a2 too"),
        ({"read_noise_electrons": 1.0}, "give exposure_e_per_a2 too"),
        ({"gap_pixels": 2}, "one module has no gaps"),
        ({"modules": (0, 2)}, "at least one module"),
        ({"beam_stop_arm_mrad": 1.0}, "give beam_stop_mrad too"),
        (
            {
                "dead_pixel_fraction": 0.6,
                "hot_pixel_fraction": 0.4,
                "hot_pixel_counts": 1.0,
                "exposure_e_per_a2": 1.0,
            },
            "no sound pixel",
        ),
    ],
)
def test_impossible_detectors_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        DetectorSettings(**wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"beam_stop_mrad": 20.0}, "below the 20 mrad that are recorded"),
        ({"beam_stop_mrad": 2.0, "beam_stop_arm_mrad": 25.0}, "beam_stop_arm_mrad is 25"),
        ({"modules": (1, 4), "gap_pixels": 40}, "along x do not fit in the recorded 111 pixels"),
    ],
)
def test_a_detector_must_fit_the_recorded_square(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DetectorSettings(**wrong).refuse_impossible(111, 20.0)


def test_sound_settings_are_taken_and_survive_a_round_trip() -> None:
    detector = DetectorSettings(
        exposure_e_per_a2=30.0, modules=(2, 2), gap_pixels=3, beam_stop_mrad=1.0
    )
    detector.refuse_impossible(111, 20.0)
    assert DetectorSettings.model_validate(detector.model_dump(mode="json")) == detector
    beam = BeamSettings(probe_diameter_angstrom=200.0, probe_offset_angstrom=(1.0, 2.0))
    assert BeamSettings.model_validate(beam.model_dump(mode="json")) == beam
