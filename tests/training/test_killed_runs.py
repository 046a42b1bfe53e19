"""Runs in processes of their own that are killed for real, and go on as if nothing had been."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from diffragan.io.checkpoints import BEST, LAST, read_run
from diffragan.io.training_log import read_log

SETTINGS = """
kind: training
generator: {pixels: 32, width: 4, depth: 3, dropout: 0.3}
batch: 2
steps: 9
validate_every: 3
checkpoint_every: 2
"""
STRIKES = """
import os, sys
from diffragan.training import loop
from diffragan.cli.main import main
step, number, last = loop.adversarial_step, int(sys.argv.pop(1)), int(sys.argv.pop(1))
def strike(networks, parts, settings, fabric, now):
    measured = step(networks, parts, settings, fabric, now)
    if now + 1 == last and fabric.is_global_zero:
        os.kill(os.getpid(), number)
    return measured
loop.adversarial_step = strike
main()
"""
"""The command `diffragan`, which is sent a signal within a step."""
TIMING = {"images_per_second", "waiting_for_data"}


def start(data: Path, run: Path, number: int, step: int, *options: str) -> "subprocess.Popen[str]":
    config = run.with_suffix(".yaml")
    config.write_text(SETTINGS)
    command = [sys.executable, "-c", STRIKES, str(number), str(step), "train", str(data)]
    command += ["--config", str(config), "--out", str(run), "--device", "cpu", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    said, complained = process.communicate()
    assert "Traceback" not in complained
    return process.returncode, said


def step_of(run: Path) -> int:
    return int(read_run(run, LAST, ()).description["position"]["step"])


def assert_same_run(first: Path, second: Path) -> None:
    for which in (LAST, BEST):
        one, other = read_run(first, which), read_run(second, which)
        for part, tensors in one.tensors.items():
            assert set(tensors) == set(other.tensors[part])
            for name, value in tensors.items():
                assert torch.equal(value, other.tensors[part][name]), f"{which} {part} {name}"
        assert json.dumps(one.description) == json.dumps(other.description)
    logs = [read_log(run / "training.csv", 9) for run in (first, second)]
    steady = [[{k: v for k, v in r.items() if k not in TIMING} for r in log] for log in logs]
    assert steady[0] == steady[1]
    assert [row["step"] for row in steady[0]] == ["3", "6", "9"]


@pytest.mark.slow
def test_killed_and_stopped_runs_go_on_to_the_same_networks_bit_by_bit(
    villin_data: Path, tmp_path: Path
) -> None:
    unbroken, run = tmp_path / "unbroken", tmp_path / "broken"
    other = start(villin_data, unbroken, 0, 0)
    code, _ = ended(start(villin_data, run, signal.SIGKILL, 6))
    assert (code, step_of(run)) == (-signal.SIGKILL, 4)
    code, said = ended(start(villin_data, run, signal.SIGTERM, 7, "--resume"))
    assert (code, step_of(run)) == (130, 7)
    assert "stopped; `--resume` goes on" in said
    code, _ = ended(start(villin_data, run, 0, 0, "--resume"))
    assert (code, step_of(run)) == (0, 9)
    assert ended(other)[0] == 0
    assert_same_run(unbroken, run)
