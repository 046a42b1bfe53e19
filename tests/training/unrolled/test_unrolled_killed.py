"""A run in a process of its own that is killed for real goes on as if nothing had been."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from diffragan.io.checkpoints import BEST, LAST, read_run
from tiny_data import tiny_data

SETTINGS = """
kind: unrolled-training
network: {pixel_angstrom: 1.0, stages: 2, width: 8, depth: 2, memory: 2}
conditions: {box_angstrom: [20, 32]}
batch: 2
steps: 8
validation_views: 2
validate_every: 3
checkpoint_every: 2
"""
STRIKES = """
import os, signal, sys
from diffragan.training.unrolled import loop
from diffragan.cli.main import main
step, last = loop._step, int(sys.argv.pop(1))
def strike(run, lesson):
    measured = step(run, lesson)
    if run.state.position.step == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return measured
loop._step = strike
main()
"""
"""The command `diffragan`, killed at the end of a step."""


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_network_bit_by_bit(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data.zarr").store.path
    config, run = tmp_path / "tiny.yaml", tmp_path / "broken"
    config.write_text(SETTINGS)

    def start(last: int, *options: str, out: Path = run) -> int:
        command = [sys.executable, "-c", STRIKES, str(last), "train", str(data), "--out", str(out)]
        command += ["--config", str(config), "--device", "cpu", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        return done.returncode

    assert start(5) == -signal.SIGKILL
    assert read_run(run, LAST, ()).description["position"]["step"] == 4
    assert start(0, "--resume") == 0
    # In a process of its own, too: what tests before this one did to threads changes sums.
    unbroken = tmp_path / "unbroken"
    assert start(0, out=unbroken) == 0
    for which in (LAST, BEST):
        one, other = read_run(run, which), read_run(unbroken, which)
        for part, tensors in one.tensors.items():
            for name, value in tensors.items():
                assert torch.equal(value, other.tensors[part][name]), f"{which} {part} {name}"
        assert json.dumps(one.description) == json.dumps(other.description)
    logs = [(place / "training.csv").read_text() for place in (run, unbroken)]
    assert logs[0] == logs[1]
