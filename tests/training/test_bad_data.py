"""Data sets that cannot be learned from are refused in one line."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffragan.config.networks import GeneratorSettings
from diffragan.config.training import TrainingSettings
from diffragan.errors import ConfigError, DiffraganError, InputError
from diffragan.io.triplets import TripletStore
from diffragan.training.loop import train
from tiny_data import tiny_data

TINY = TrainingSettings(
    generator=GeneratorSettings(pixels=32, width=4, depth=3), steps=2, batch=2, validate_every=2
)


def refusal(data: Path, run: Path, **options: Any) -> str:
    settings = options.pop("settings", TINY)
    with pytest.raises(DiffraganError) as caught:
        train(data, settings, run, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_data(tmp_path_factory.mktemp("data") / "data.zarr").store.path


def spoilt(monkeypatch: pytest.MonkeyPatch, name: str, value: float) -> None:
    """Let the data set hold `value` everywhere in one of its arrays."""
    read = TripletStore.read

    def reading(store: TripletStore, wanted: str, items: Any = None) -> Any:
        values = read(store, wanted, items)
        return np.full_like(values, value) if wanted == name else values

    monkeypatch.setattr(TripletStore, "read", reading)


def test_one_view_is_too_few_with_and_without_others_to_validate_on(
    data: Path, tmp_path: Path
) -> None:
    one = tiny_data(tmp_path / "one.zarr", orientations=1).store.path
    for validation in (None, data):
        said = refusal(one, tmp_path / "run", validation=validation)
        assert "one.zarr: has 1 view(s), and training needs two or more" in said


def test_patterns_of_nothing_but_zeros(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt(monkeypatch, "diffraction", 0)
    said = refusal(data, tmp_path / "run")
    assert "every diffraction pattern of the training data is empty" in said


def test_a_pattern_of_zeros_among_others_is_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = TripletStore.read

    def reading(store: TripletStore, wanted: str, items: Any = None) -> Any:
        values = read(store, wanted, items)
        if wanted == "diffraction":
            values = values * (np.asarray(items) != 3)[:, None, None]
        return values

    monkeypatch.setattr(TripletStore, "read", reading)
    assert "the pattern of item 3 is zero everywhere" in refusal(data, tmp_path / "run")


def test_values_that_are_not_finite(data: Path, tmp_path: Path) -> None:
    import zarr

    broken = tmp_path / "broken.zarr"
    shutil.copytree(data, broken)
    array = zarr.open_group(broken, mode="r+")["high_resolution"]
    array[0, 0, 0] = np.nan
    said = refusal(broken, tmp_path / "run")
    assert "the array 'high_resolution' holds values that are not finite" in said


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"box_angstrom": 22}, ("box_angstrom 22", "has 24", "--box-angstrom 24")),
        ({"image_pixels": 44}, ("image_pixels 44", "has 48", "image_pixels: 48")),
        (
            {"diffraction": {"max_angle_mrad": 15}},
            ("max_angle_mrad 15", "has 20", "diffraction: {max_angle_mrad: 20.0}"),
        ),
    ],
)
def test_another_experiment_to_validate_on_and_the_command_that_makes_the_right_one(
    data: Path, tmp_path: Path, changed: dict[str, Any], words: tuple[str, ...]
) -> None:
    other = tiny_data(tmp_path / "other.zarr", **changed).store.path
    said = refusal(data, tmp_path / "run", validation=other)
    assert all(word in said for word in (*words, "diffragan simulate")), said


def test_another_experiment_to_resume_with(data: Path, tmp_path: Path) -> None:
    train(data, TINY, tmp_path / "run")
    other = tiny_data(tmp_path / "other.zarr", box_angstrom=22).store.path
    said = refusal(other, tmp_path / "run", resume=True)
    assert "was trained with box_angstrom 24" in said
    assert "other.zarr has 22" in said
    assert "diffragan simulate STRUCTURES --preset tiny --box-angstrom 24" in said


def test_the_validation_set_is_judged_and_shared_molecules_are_told(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = train(data, TINY, tmp_path / "run", validation=data)
    assert result.step == 2
    assert "shows alpha, which the network learns from" in capsys.readouterr().err


def test_a_batch_that_cannot_be_shared(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="batch is 3, which cannot be cut into 2 equal parts"):
        train(data, TINY.model_copy(update={"batch": 3}), tmp_path / "run", processes=2)


def test_no_such_validation_set(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such data set"):
        train(data, TINY, tmp_path / "run", validation=tmp_path / "absent.zarr")
