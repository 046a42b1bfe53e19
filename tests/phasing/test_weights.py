"""Weights of the unrolled network: of a run, of a folder, and those that come with the package."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from diffragan.config.networks import DiscriminatorSettings, GeneratorSettings
from diffragan.config.training import TrainingSettings
from diffragan.errors import InputError
from diffragan.io.checkpoints import BEST, LAST, read_run
from diffragan.phasing.confidence import read_calibration
from diffragan.phasing.network_alone import NetworkPhaser
from diffragan.phasing.weights import make_network, packaged_weights, read_unrolled
from diffragan.training.loop import train
from diffragan.training.unrolled.loop import train_unrolled
from tiny_data import tiny_data
from tiny_unrolled import some_weights, tiny_training


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_data(tmp_path_factory.mktemp("data") / "data.zarr").store.path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return some_weights(tmp_path / "weights", stir=0.05)


def refusal(place: Path) -> str:
    """The one line with which weights are refused, wherever it is found out."""
    with pytest.raises(InputError) as caught:
        NetworkPhaser(read_unrolled(place))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_run_is_read_by_the_average_of_its_best_step(data: Path, tmp_path: Path) -> None:
    run = train_unrolled(data, tiny_training(steps=3), tmp_path / "run").run
    found = read_unrolled(run)
    best = read_run(run, BEST)
    for name, values in found.tensors.items():
        assert torch.equal(values, best.tensors["average"][name])
    assert found.settings == tiny_training(steps=3)
    assert found.where == run
    assert read_unrolled(run / LAST).where == run / LAST
    network = make_network(found)
    assert not network.training


def test_a_folder_without_the_rest_of_a_run_is_enough(folder: Path) -> None:
    for part in ("network", "optimiser"):
        (folder / f"{part}.safetensors").unlink()
    assert make_network(read_unrolled(folder)).settings == tiny_training().network


def test_a_missing_folder_a_file_and_an_empty_folder(tmp_path: Path) -> None:
    assert "absent: no such folder of weights" in refusal(tmp_path / "absent")
    (tmp_path / "file").touch()
    assert "file: no such folder of weights" in refusal(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert "empty: holds no weights; give a run of `diffragan train" in refusal(tmp_path / "empty")


def test_the_run_of_the_paper_s_network(data: Path, tmp_path: Path) -> None:
    settings = TrainingSettings(
        generator=GeneratorSettings(pixels=32, width=4, depth=3),
        discriminator=DiscriminatorSettings(width=4),
        steps=1,
        batch=2,
    )
    said = refusal(train(data, settings, tmp_path / "cgan").run)
    assert "holds weights of another kind of network" in said
    assert "diffragan train --preset unrolled" in said


def change(folder: Path, **changes: Any) -> None:
    path = folder / "checkpoint.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: change(f, format_version=99), "written in version 99"),
        (lambda f: change(f, settings={"network": {"width": 3}}), "its configuration is not one"),
        (lambda f: change(f, settings=None), "its configuration is not one"),
        (lambda f: change(f, parts="all"), "not the description of a checkpoint"),
        (lambda f: (f / "checkpoint.json").write_text("{"), "not readable as JSON"),
        (lambda f: (f / "average.safetensors").write_bytes(b"garbage"), "damaged"),
        (lambda f: (f / "average.safetensors").unlink(), "this file of the checkpoint is missing"),
        (
            lambda f: (f / "average.safetensors").write_bytes(
                (f / "average.safetensors").read_bytes()[:-100]
            ),
            "damaged",
        ),
    ],
)
def test_damaged_weights_and_those_of_another_version(
    folder: Path, spoil: Callable[[Path], Any], words: str
) -> None:
    spoil(folder)
    assert words in refusal(folder)


def test_numbers_that_are_not_finite_and_shapes_of_another_network(folder: Path) -> None:
    path = folder / "average.safetensors"
    sound = load_file(path)
    name = "stages.0.last.weight"
    broken = {**sound, name: torch.full_like(sound[name], torch.nan)}
    save_file(broken, path)
    assert f"numbers that are not finite (first in '{name}')" in refusal(folder)
    save_file({**sound, name: sound[name][:1]}, path)
    assert f"do not fit the configuration beside them (first at '{name}')" in refusal(folder)
    save_file({key: value for key, value in sound.items() if key != name}, path)
    assert "do not fit the configuration" in refusal(folder)


def test_weights_beside_an_interrupted_write_are_found(data: Path, tmp_path: Path) -> None:
    """A run killed between the two renames of a checkpoint still has its old one."""
    run = train_unrolled(data, tiny_training(steps=1), tmp_path / "run").run
    (run / BEST).rename(run / f".{BEST}.old")
    assert read_unrolled(run).settings.steps == 1


@pytest.fixture
def packaged() -> Path:
    folder = packaged_weights()
    if not folder.is_dir():
        pytest.skip("needs the packaged weights (src/diffragan/weights/unrolled)")
    return folder


def test_the_packaged_weights_are_sound_and_small(packaged: Path) -> None:
    weights = read_unrolled(packaged)
    network = make_network(weights)
    assert sum(p.numel() for p in network.parameters()) > 1e5
    size = sum(path.stat().st_size for path in packaged.rglob("*") if path.is_file())
    assert size <= 16e6
    assert weights.description["views"] > 0
    assert weights.description["molecules"]
    assert {path.suffix for path in packaged.rglob("*") if path.is_file()} <= {
        ".json",
        ".safetensors",
        ".md",
        ".csv",
    }


def test_the_packaged_weights_were_calibrated(packaged: Path) -> None:
    if not (packaged / "confidence.json").is_file():
        pytest.skip("needs the packaged calibration (confidence.json beside the weights)")
    assert read_calibration(packaged) is not None


def test_the_packaged_weights_know_molecules_of_the_train_split_alone(
    packaged: Path, shared_structures: Path
) -> None:
    with (shared_structures / "index.csv").open() as file:
        split = {row["file"].split(".")[0]: row["split"] for row in csv.DictReader(file)}
    learned = [name.split("_")[0] for name in read_unrolled(packaged).description["molecules"]]
    assert {split[name] for name in learned if name in split} == {"train"}
