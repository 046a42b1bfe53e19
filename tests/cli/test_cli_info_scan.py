"""`diffragan info` on a scan: all that is known, all that is missing, and a picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffragan.cli.main import run
from diffragan.config.acquisition import ScanSettings
from diffragan.io.scans.write import scan_writer

SHAPE, FRAME = (4, 6), (32, 24)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A beam in the middle of dim frames, two of which scatter."""
    rng = np.random.default_rng(5)
    frames = rng.poisson(0.05, (24, *FRAME))
    frames[:, 15:18, 11:14] += 60
    frames[[9, 10]] += rng.poisson(2, (2, *FRAME))
    path = tmp_path / "scan.mib"
    with scan_writer(path, "mib", SHAPE, FRAME, "uint16", ScanSettings()) as write:
        write(frames)
    return path


def test_a_scan_is_described_with_what_is_missing(
    scan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["info", str(scan)]) == 0
    shown = capsys.readouterr().out
    assert "MIB scan, 4 x 6 positions (scan_y, scan_x), 32 x 24 px" in shown
    assert "24 frames of uint16" in shown
    assert "largest value: 4095 (the file)" in shown
    assert (
        "still to be given, under scan: energy_kev, mrad_per_pixel, step_angstrom, "
        "beam_diameter_angstrom, exposure_e_per_a2" in shown
    )


def test_what_is_given_is_told_and_drawn(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "experiment.yaml"
    config.write_text(
        "kind: acquisition\nscan: {energy_kev: 200, camera_length_mm: 1100, "
        "detector_pixel_um: 55, step_angstrom: 50, beam_diameter_angstrom: 200, "
        "exposure_e_per_a2: 100, shape: [3, 8], detector_flipped_y: true}\n"
    )
    picture = tmp_path / "scan.png"
    assert run(["info", str(scan), "--config", str(config), "--picture", str(picture)]) == 0
    shown = capsys.readouterr().out
    assert "angle between pixels: 0.05 mrad (given)" in shown
    assert "rows of the detector run against q_y" in shown
    assert "note: the file says scan.shape [4, 6], and [3, 8] was given, which counts" in shown
    assert "still to be given" not in shown
    with Image.open(picture) as drawn:
        assert drawn.width > drawn.height > 500


def test_the_look_tells_what_scatters(scan: Path) -> None:
    from diffragan.evaluation.scan_picture import look_at
    from diffragan.io.scans.open import open_scan

    look = look_at(open_scan(scan, ScanSettings()), ScanSettings())
    assert sorted(np.argsort(look.scattered)[-2:]) == [9, 10]
    assert 9 < look.beam.sum() < 120
    assert look.beam[16, 12]
    assert look.mean.shape == FRAME


def test_an_array_inside_a_file_is_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a/b"], file["c"] = np.ones((2, 3, 8, 8)), np.ones((2, 3, 8, 9))
    assert run(["info", str(tmp_path / "two.h5" / "a" / "b")]) == 0
    assert "2 x 3 positions" in capsys.readouterr().out
    assert run(["info", str(tmp_path / "two.h5")]) == 2
    assert "holds several scans" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--picture scan.jpg", "pictures of scans are PNG"),
        ("--picture none/scan.png", "the folder none does not exist"),
        ("--config none.yaml", "no such configuration file"),
    ],
)
def test_bad_options_are_one_line(
    words: str, told: str, scan: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(scan.parent)
    assert run(["info", "scan.mib", *words.split()]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("diffragan:")]
    assert len(lines) == 1
    assert told in lines[0]
    assert not list(scan.parent.glob("*.png"))
