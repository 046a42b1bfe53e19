"""`auto` computes in bfloat16 where the device does, and a run keeps to what it was begun in."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from diffragan.config.training import TrainingSettings
from diffragan.config.unrolled_training import UnrolledTraining
from diffragan.io.checkpoints import LAST, Checkpoint, write_checkpoint
from diffragan.training import precision
from diffragan.training.precision import computes_in_bfloat16, with_precision

AUTO = TrainingSettings(precision="auto")


@pytest.fixture
def on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def on(*names: str) -> None:
        able = {"avx2": True, "avx512_bf16": False, "amx_bf16": False} | dict.fromkeys(names, True)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)

    return on


@pytest.mark.parametrize(
    ("names", "chosen"),
    [((), "32-true"), (("avx512_bf16",), "bf16-mixed"), (("bf16",), "bf16-mixed")],
)
def test_auto_is_what_the_cpu_computes_in(
    on_a_cpu: Callable[..., None], names: tuple[str, ...], chosen: str, tmp_path: Path
) -> None:
    on_a_cpu(*names)
    assert with_precision(AUTO, "cpu", tmp_path, resume=False).precision == chosen
    settled = with_precision(UnrolledTraining(), "cpu", tmp_path, resume=False)
    assert settled.precision == chosen


def test_a_pytorch_that_cannot_tell_computes_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not computes_in_bfloat16("cpu")


def test_a_run_goes_on_in_what_it_was_begun_in(
    on_a_cpu: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    on_a_cpu("amx_bf16")
    begun = with_precision(AUTO, "cpu", tmp_path, resume=False)
    described = {"settings": begun.model_dump(mode="json")}
    write_checkpoint(tmp_path / LAST, Checkpoint({"generator": {"w": torch.ones(1)}}, described))
    on_a_cpu()
    assert with_precision(AUTO, "cpu", tmp_path, resume=True).precision == "bf16-mixed"
    assert capsys.readouterr().err == f"{precision.EMULATED}\n"


def test_bfloat16_that_a_cpu_emulates_is_said_to_be_slow(
    on_a_cpu: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    on_a_cpu()
    asked = TrainingSettings(precision="bf16-mixed")
    assert with_precision(asked, "cpu", tmp_path, resume=False) == asked
    assert "--precision 32-true is faster" in capsys.readouterr().err
    with_precision(asked, "cpu", tmp_path, resume=False, talks=False)
    assert not capsys.readouterr().err
