import json
from pathlib import Path

import pytest
import torch

from diffragan.errors import InputError, OutputError
from diffragan.io.checkpoints import (
    DESCRIPTION,
    Checkpoint,
    fill_module,
    has_checkpoint,
    read_checkpoint,
    read_run,
    write_checkpoint,
)


def example(value: float = 1.0) -> Checkpoint:
    tensors = {
        "generator": {"weight": torch.full((2, 3), value), "step": torch.tensor(7.0)},
        "random": {"torch": torch.arange(5, dtype=torch.uint8)},
    }
    return Checkpoint(tensors, {"step": 3, "loss": value})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    write_checkpoint(run / "best", example())
    return run


def test_what_was_written_is_read(run: Path) -> None:
    back = read_run(run)
    assert back.description["step"] == 3
    for part, tensors in example().tensors.items():
        assert set(back.tensors[part]) == set(tensors)
        for name, value in tensors.items():
            assert torch.equal(back.tensors[part][name], value)


def test_a_part_can_be_read_alone(run: Path) -> None:
    assert set(read_run(run, "best", ("random",)).tensors) == {"random"}


def test_a_newer_one_replaces_it_and_nothing_is_left_beside(run: Path) -> None:
    write_checkpoint(run / "best", example(2.0))
    assert read_run(run).description["loss"] == 2
    assert [path.name for path in run.iterdir()] == ["best"]


def test_a_write_that_fails_leaves_the_old_one(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("diffragan.io.checkpoints.write_json", fail)
    with pytest.raises(OSError, match="No space"):
        write_checkpoint(run / "best", example(2.0))
    assert read_run(run).description["loss"] == 1
    assert [path.name for path in run.iterdir()] == ["best"]


def test_a_stop_between_the_two_renames_loses_nothing(run: Path) -> None:
    (run / "best").rename(run / ".best.old")
    assert has_checkpoint(run, "best")
    assert read_run(run).description["loss"] == 1


def test_a_foreign_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "last").mkdir()
    (tmp_path / "last" / "thesis.tex").touch()
    with pytest.raises(OutputError, match="will not be replaced"):
        write_checkpoint(tmp_path / "last", example())
    assert (tmp_path / "last" / "thesis.tex").exists()


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run folder"):
        read_run(tmp_path / "absent")
    with pytest.raises(InputError, match="holds no checkpoint 'best'"):
        read_run(tmp_path)


@pytest.mark.parametrize("content", [b"", b"garbage" * 100, None])
def test_damaged_weights(run: Path, content: bytes | None) -> None:
    path = run / "best" / "generator.safetensors"
    path.write_bytes(path.read_bytes()[:-4] if content is None else content)
    with pytest.raises(InputError, match="damaged or not safetensors"):
        read_run(run)


def test_missing_weights(run: Path) -> None:
    (run / "best" / "random.safetensors").unlink()
    with pytest.raises(InputError, match=r"random\.safetensors: .* missing"):
        read_run(run)


def test_missing_description(run: Path) -> None:
    (run / "best" / DESCRIPTION).unlink()
    with pytest.raises(InputError, match="not a checkpoint"):
        read_run(run)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "{}"])
def test_damaged_description(run: Path, text: str) -> None:
    (run / "best" / DESCRIPTION).write_text(text)
    with pytest.raises(InputError, match=DESCRIPTION):
        read_checkpoint(run / "best")


def test_another_version(run: Path) -> None:
    path = run / "best" / DESCRIPTION
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 99}))
    with pytest.raises(InputError, match="version 99"):
        read_run(run)


@pytest.mark.parametrize("tensors", [{}, {"weight": torch.ones(3, 2), "bias": torch.ones(2)}])
def test_weights_of_another_network(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    with pytest.raises(InputError, match="do not fit the configuration"):
        fill_module(torch.nn.Linear(2, 2), tensors, tmp_path)


def test_weights_of_this_network(tmp_path: Path) -> None:
    network = torch.nn.Linear(2, 2)
    fill_module(network, {"weight": torch.ones(2, 2), "bias": torch.zeros(2)}, tmp_path)
    assert torch.equal(network.weight, torch.ones(2, 2))
