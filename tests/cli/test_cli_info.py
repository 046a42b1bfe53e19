import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from diffragan.cli.main import run
from diffragan.io.checkpoints import BEST, DESCRIPTION, LAST, Checkpoint, write_checkpoint
from diffragan.phasing.confidence import FILE
from small_weights import small_weights


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


def test_weights_say_what_they_were_trained_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["info", str(small_weights(tmp_path / "weights"))]) == 0
    shown = capsys.readouterr().out
    assert "weights of an unrolled network" in shown
    assert "step 7; average 0." in shown
    assert "trained for 3 molecules, 200 keV, boxes of 20 to 200 Å" in shown
    assert "images of SNR 0.1 to 3, 500 to 3000 Å defocus" in shown
    assert "patterns of 10 to 1e+06 e/Å2, 50 % free of noise" in shown
    assert "  calibrated (confidence.json)" in shown
    assert "no problem found" in shown


def test_a_run_of_an_unrolled_network_says_so_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_weights(tmp_path / "run" / BEST, calibrated=False)
    assert run(["info", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().out
    assert "best: step 7" in shown
    assert "trained for 3 molecules" in shown
    assert "not calibrated (no confidence.json)" in shown


def test_a_run_that_has_not_come_to_a_best_yet_is_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_weights(tmp_path / "run" / LAST)
    assert run(["info", str(tmp_path / "run")]) == 0
    assert "last: step 7" in capsys.readouterr().out


def spoil_settings(weights: Path) -> None:
    described = json.loads((weights / DESCRIPTION).read_text())
    described["settings"]["network"]["width"] = 16
    (weights / DESCRIPTION).write_text(json.dumps(described))


def spoil_kind(weights: Path) -> None:
    described = json.loads((weights / DESCRIPTION).read_text())
    (weights / DESCRIPTION).write_text(json.dumps({**described, "kind": "gan"}))


def spoil_calibration(weights: Path) -> None:
    (weights / FILE).write_text("[]")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (spoil_settings, "the weights do not fit the configuration beside them"),
        (spoil_kind, "holds weights of another kind of network"),
        (spoil_calibration, "confidence.json: is of version"),
    ],
)
def test_weights_that_cannot_be_used_are_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    told: str,
) -> None:
    weights = small_weights(tmp_path / "weights")
    spoil(weights)
    assert run(["info", str(weights)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
