"""The unrolled network's settings, and which of two trainings a command line means."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from diffragan.config.load import (
    load_any,
    load_training,
    load_unrolled,
    preset_names,
    trains_unrolled,
)
from diffragan.config.unrolled_training import (
    ConditionSettings,
    UnrolledObjective,
    UnrolledTraining,
)
from diffragan.errors import ConfigError, InputError


def written(folder: Path, content: dict[str, Any]) -> Path:
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.mark.parametrize("name", preset_names("unrolled-training"))
def test_every_preset_is_valid_and_keeps_its_name(name: str) -> None:
    settings = load_unrolled(name)
    assert settings.preset == name
    assert UnrolledTraining.model_validate(settings.model_dump(mode="json")) == settings


def test_the_presets_of_both_trainings_have_names_of_their_own() -> None:
    """One option, `--preset`, is for both."""
    assert not set(preset_names("training")) & set(preset_names("unrolled-training"))


def test_a_file_replaces_single_settings_and_options_count_most(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        {"kind": "unrolled-training", "batch": 3, "network": {"width": 40}, "steps": 9},
    )
    settings = load_unrolled(None, file, {"steps": 5})
    assert (settings.batch, settings.network.width, settings.steps) == (3, 40, 5)
    assert settings.network.depth == load_unrolled().network.depth
    assert load_any(file) == load_unrolled(file=file)


@pytest.mark.parametrize(
    ("preset", "content", "expected"),
    [
        (None, None, False),
        ("unrolled", None, True),
        ("paper-small", None, False),
        ("papper", None, False),  # which `load_training` refuses
        (None, {"kind": "unrolled-training"}, True),
        (None, {"kind": "training"}, False),
        (None, {"preset": "unrolled"}, True),
        (None, {"preset": "paper", "batch": 2}, False),
        (None, {"batch": 2}, False),
        ("unrolled", {"batch": 2}, True),
        ("unrolled", {"kind": "unrolled-training"}, True),
        ("paper", {"batch": 2}, False),
        ("paper", {"kind": "training"}, False),
        ("unrolled", {"preset": "paper", "batch": 2}, True),
    ],
)
def test_preset_and_file_say_which_network_is_trained(
    tmp_path: Path, preset: str | None, content: dict[str, Any] | None, expected: bool
) -> None:
    file = None if content is None else written(tmp_path, content)
    assert trains_unrolled(preset, file) == expected
    if preset == "papper":
        return
    settings = load_unrolled(preset, file) if expected else load_training(preset, file)
    assert settings.kind == ("unrolled-training" if expected else "training")


@pytest.mark.parametrize(
    ("preset", "kind"), [("unrolled", "training"), ("paper", "unrolled-training")]
)
def test_a_preset_of_one_kind_and_a_file_of_another_are_refused(
    tmp_path: Path, preset: str, kind: str
) -> None:
    file = written(tmp_path, {"kind": kind})
    with pytest.raises(ConfigError, match=f"is of kind '{kind}', which preset '{preset}' is not"):
        trains_unrolled(preset, file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such configuration file"):
        trains_unrolled(None, tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": {"widht": 8}}, "no setting 'network.widht'; did you mean 'width'"),
        ({"network": {"width": 4}}, "network.width: .*8 .*got 4"),
        ({"network": {"stages": 0}}, "network.stages"),
        ({"network": {"pixel_angstrom": 0.1}}, "network.pixel_angstrom"),
        ({"network": {"normalisation": "batch"}}, "network.normalisation"),
        ({"conditions": {"box_angstrom": [200, 60]}}, "lower limit first, not 200 before 60"),
        ({"conditions": {"exposure_e_per_a2": [0, 10]}}, "conditions.exposure_e_per_a2"),
        ({"conditions": {"noise_free_share": 1.5}}, "conditions.noise_free_share"),
        ({"conditions": {"low_resolution_snr": 0.8}}, "conditions.low_resolution_snr"),
        ({"conditions": {"b_factor_a2": [-1, 30]}}, "conditions.b_factor_a2"),
        ({"objective": {"stage_weight": 0}}, "objective.stage_weight"),
        (
            {"objective": {"ring_weight": 0, "difference_weight": 0, "envelope_weight": 0}},
            "there is nothing to learn; raise one",
        ),
        ({"steps": 0}, "steps"),
        ({"average_decay": 1.0}, "average_decay"),
        ({"learning_rate": float("nan")}, "learning_rate: .*finite"),
        ({"precision": "float16"}, "precision"),
        ({"preset": "unroled"}, "no unrolled-training preset 'unroled'; did you mean 'unrolled'"),
    ],
)
def test_an_impossible_setting_is_named(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    file = written(tmp_path, {"kind": "unrolled-training", **changes})
    with pytest.raises(ConfigError, match=words):
        load_any(file)


def test_one_part_of_the_loss_is_enough() -> None:
    for name in ("ring_weight", "difference_weight", "envelope_weight"):
        nothing = {"ring_weight": 0, "difference_weight": 0, "envelope_weight": 0}
        UnrolledObjective.model_validate({**nothing, name: 0.1})
    with pytest.raises(ValidationError):
        UnrolledObjective.model_validate({**nothing, "counts_weight": 1})


def test_conditions_may_start_from_no_thermal_motion_and_no_shift() -> None:
    settings = ConditionSettings.model_validate({"b_factor_a2": [0, 0], "shift_angstrom": 0})
    assert (settings.b_factor_a2, settings.shift_angstrom) == ((0, 0), 0)


def test_a_mistyped_preset_of_training_may_have_meant_the_other_network() -> None:
    with pytest.raises(ConfigError, match="did you mean 'unrolled'"):
        load_training("unrolld")
