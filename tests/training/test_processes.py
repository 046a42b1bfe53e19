"""Several processes share each batch, take the steps of one, and stop and fail together."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from lightning_fabric import Fabric
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from diffragan.config.networks import GeneratorSettings
from diffragan.config.training import TrainingSettings
from diffragan.errors import ConfigError, OutputError
from diffragan.io.checkpoints import LAST, read_run
from diffragan.io.training_log import read_log
from diffragan.training.loop import train
from diffragan.training.processes import any_process, launch, make_fabric, together

SETTINGS = TrainingSettings(
    generator=GeneratorSettings(pixels=32, width=4, depth=3, dropout=0.3),
    steps=4,
    batch=4,
    validate_every=2,
)
LOSSES = ("generator_loss", "discriminator_loss", "l1", "real_score", "validation_frc")


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one_and_a_run_can_change_their_number(
    villin_data: Path, tmp_path: Path
) -> None:
    two = SETTINGS.model_copy(update={"steps": 2, "accumulate": 2})
    train(villin_data, two, tmp_path / "two", processes=2)
    train(villin_data, SETTINGS, tmp_path / "one")
    train(villin_data, SETTINGS, tmp_path / "two", resume=True)
    one, other = (read_log(tmp_path / name / "training.csv", 4) for name in ("one", "two"))
    assert [row["step"] for row in other] == ["2", "4"]
    for alone, shared in zip(one, other, strict=True):
        for name in LOSSES:
            assert float(shared[name]) == pytest.approx(float(alone[name]), rel=1e-4, abs=1e-4)
    weights = [read_run(tmp_path / name, LAST).tensors["generator"] for name in ("one", "two")]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_an_error_of_two_processes_is_the_one_line_of_one(
    villin_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(OutputError, match="a file stands") as caught:
        train(villin_data, SETTINGS, tmp_path / "run", processes=2)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_two_processes_stop_together_with_a_checkpoint(villin_data: Path, tmp_path: Path) -> None:
    config, run = tmp_path / "tiny.yaml", tmp_path / "run"
    config.write_text("kind: training\ngenerator: {pixels: 32, width: 4, depth: 3}\nbatch: 4\n")
    command = [sys.executable, "-m", "diffragan", "train", str(villin_data), "--out", str(run)]
    command += ["--config", str(config), "--device", "cpu", "--processes", "2"]
    command += ["--steps", "1000000", "--validate-every", "5"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    give_up = threading.Timer(240, process.kill)
    give_up.start()
    while not (run / "training.csv").exists() and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    said, complained = process.communicate()
    give_up.cancel()
    assert process.returncode == 130, complained
    assert "stopped; `--resume` goes on" in said
    assert "Traceback" not in complained
    assert "Initializing" not in complained
    assert read_run(run, LAST, ()).description["position"]["step"] >= 5


def test_torchruns_processes_are_as_many_as_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="--processes is 3, but 4 were started"):
        make_fabric(SETTINGS.model_copy(update={"batch": 12}), "cpu", 3)
    with pytest.raises(ConfigError, match="cannot be cut into 4 equal parts"):
        make_fabric(SETTINGS.model_copy(update={"batch": 6}), "cpu")


def test_more_processes_than_gpus() -> None:
    if torch.cuda.device_count() >= 4:
        pytest.skip("needs a machine with fewer than 4 GPUs")
    with pytest.raises(ConfigError, match="this machine has"):
        make_fabric(SETTINGS, "cuda", 4)


class Starting:
    """A Fabric whose processes end as `error` says."""

    world_size = 2

    def __init__(self, error: Exception) -> None:
        self.strategy = SimpleNamespace(launcher=object())
        self._error = error

    def launch(self, _function: object) -> None:
        raise self._error


def launched(error: Exception) -> None:
    launch(cast("Fabric", Starting(error)), lambda _fabric, job: job, 1)


def test_a_killed_process_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"process was killed.*--resume to go on") as caught:
        launched(ProcessExitedException("killed", 1, 7, -9))
    assert "\n" not in str(caught.value)


def test_a_defect_in_a_process_keeps_its_traceback() -> None:
    with pytest.raises(ProcessRaisedException, match="where it happened"):
        launched(ProcessRaisedException("where it happened", 1, 7))


def test_signals_are_handled_as_before_once_processes_have_ended() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ConfigError):
        launched(ProcessExitedException("killed", 1, 7, -9))
    assert signal.getsignal(signal.SIGTERM) is before


def test_one_process_agrees_with_itself() -> None:
    fabric = make_fabric(SETTINGS, "cpu")
    assert any_process(fabric, True, False) == [True, False]
    with pytest.raises(OutputError, match="as it was raised"), together(fabric):
        raise OutputError("as it was raised")
