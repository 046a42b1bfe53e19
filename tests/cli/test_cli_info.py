import json
from pathlib import Path

import pytest
import torch

from diffragan.cli.main import run
from diffragan.io.checkpoints import LAST, Checkpoint, write_checkpoint


def test_a_training_run_is_described_by_its_checkpoints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = {"generator": {"weight": torch.zeros(1000, 1000)}}
    write_checkpoint(tmp_path / "run" / LAST, Checkpoint(tensors, {"position": {"step": 7}}))
    assert run(["info", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().out
    assert "last: step 7; generator 1.00 M values" in shown


def test_a_training_run_cut_short_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = {"generator": {"weight": torch.zeros(1000)}}
    write_checkpoint(tmp_path / LAST, Checkpoint(tensors, {}))
    weights = tmp_path / LAST / "generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:50])
    assert run(["info", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("diffragan: ")
    assert "generator.safetensors" in line


def test_scores_are_worded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ("resolution_frc_0p5_angstrom", "resolution_reaches_limit", "resolution_starts_below")
    found = {"er": (2.5, False, False), "hio": (0.9, True, False), "raar": (17.5, False, True)}
    methods = {
        name: {**dict(zip(keys, f, strict=True)), "ssim_mean": 0.9} for name, f in found.items()
    }
    scores = tmp_path / "metrics.json"
    scores.write_text(json.dumps({"methods": methods}))
    assert run(["info", str(scores)]) == 0
    shown = capsys.readouterr().out
    assert "er: 2.50 Å at FRC 0.5, SSIM 0.900" in shown
    assert "hio: ≤ 0.90 Å at FRC 0.5, SSIM 0.900" in shown
    assert "raar: > 18 Å at FRC 0.5, SSIM 0.900" in shown
