"""A whole simulated experiment: its files, its truth, and that workers do not change it."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from diffragan.cli.main import run
from diffragan.config.load import load_acquisition
from diffragan.io.mrc import read_mrc
from diffragan.io.scans.open import open_scan
from diffragan.io.scans.truth import FRAME_CLASSES, read_truth
from diffragan.structures.prepared import PreparedStructure

SETTINGS = {
    "preset": "scan-small",
    "path": {"shape": [5, 6]},
    "field": {
        "molecules": 2,
        "ice_tile_angstrom": 50,
        "ice_tile_thickness_angstrom": 20,
        "ice_crystals": 1,
        "hole_radius_angstrom": 60,
    },
    "camera": {"pixels": 64, "mrad_per_pixel": 0.25, "flipped_y": True, "bits": 16},
    "image": {"margin_angstrom": 100, "flipped_y": True},
}


@pytest.fixture(scope="module")
def experiments(
    villin: PreparedStructure, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The same experiment by one worker and by two, in two formats."""
    folder = tmp_path_factory.mktemp("scan")
    config = folder / "scan.yaml"
    config.write_text(yaml.safe_dump({"kind": "scan-simulation", **SETTINGS}))
    outs = []
    for workers in ("1", "2"):
        out = folder / f"by-{workers}"
        command = ["simulate", str(villin.path), "--scan", "--config", str(config)]
        command += ["--out", str(out), "--seed", "4", "--workers", workers]
        assert run([*command, "--format", "mib", "tvips"]) == 0
        outs.append(out)
    return outs[0], outs[1]


def test_any_number_of_workers_makes_the_same_files(experiments: tuple[Path, Path]) -> None:
    one, two = experiments
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in two.iterdir())
    assert {"experiment.yaml", "overview.mrc", "scan.mib", "scan.hdr", "truth.json"} <= set(names)
    assert len([name for name in names if name.endswith(".tvips")]) == 1
    for name in names:
        if name != "truth.npz":  # an archive keeps the time
            assert (one / name).read_bytes() == (two / name).read_bytes(), name
    first, second = read_truth(one).arrays, read_truth(two).arrays
    assert (first.waves == second.waves).all()
    assert (first.frame_offset == second.frame_offset).all()


def test_a_laboratory_is_told_nominal_values_alone(experiments: tuple[Path, Path]) -> None:
    settings = load_acquisition(experiments[0] / "experiment.yaml")
    truth = read_truth(experiments[0])
    assert settings.scan.shape == (5, 6)
    assert settings.scan.mrad_per_pixel == 0.25
    assert truth.scan["mrad_per_pixel"] == pytest.approx(0.2525)
    assert settings.scan.detector_flipped_y
    assert settings.overview.image_flipped_y
    assert settings.overview.defocus_angstrom is None
    assert settings.scan.saturation_counts == 65535


def test_truth_is_of_every_frame_and_molecule(experiments: tuple[Path, Path]) -> None:
    truth = read_truth(experiments[0])
    arrays = truth.arrays
    assert arrays.frame_class.shape == (30,)
    assert arrays.frame_class.max() < len(FRAME_CLASSES)
    assert arrays.waves.shape == (2, 64, 64)
    assert truth.structures == ["test_A"] or len(truth.structures) == 1
    hit = arrays.frame_molecule >= 0
    assert hit.any()
    wanted = arrays.molecule_place[arrays.frame_molecule[hit]] - arrays.beam[hit]
    assert arrays.frame_offset[hit] == pytest.approx(wanted, abs=1e-3)
    assert (arrays.frame_share[hit] >= 0.1).all()


def test_frames_and_image_hold_the_electrons_of_their_doses(
    experiments: tuple[Path, Path],
) -> None:
    out = experiments[0]
    known = load_acquisition(out / "experiment.yaml").scan
    frames = open_scan(out / "scan.mib", known).read(0, 30)
    assert frames.shape == (30, 64, 64)
    known = load_acquisition(out / "experiment-tvips.yaml").scan
    (tvips,) = out.glob("scan*.tvips")
    assert (open_scan(tvips, known).read(0, 30) == frames).all()
    # Upright again, the direct beam lies where the truth says.
    upright = frames[:, ::-1]
    truth = read_truth(out).arrays
    sound = truth.frame_class < FRAME_CLASSES.index("saturated")
    brightest = [np.unravel_index(f.argmax(), f.shape) for f in upright[sound]]
    assert np.abs(np.array(brightest) - truth.direct_beam_pixels[sound]).max() < 2.5
    image, pixel, _ = read_mrc(out / "overview.mrc")
    assert pixel == pytest.approx(2.5)
    expected = 200 * (2.5 * 0.996) ** 2
    assert 0.5 * expected < image.mean() < 1.02 * expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "mibb"], "did you mean 'mib'?"),
        (["--format", "mib", "mib"], "each format once"),
        (["--orientations", "3"], "--orientations does not go with --scan"),
        (["--device", "cuda"], "--device does not go with --scan"),
        (["--preset", "scn"], "did you mean 'scan"),
    ],
)
def test_bad_options_are_one_line(
    villin: PreparedStructure,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    command = ["simulate", str(villin.path), "--scan", "--out", str(tmp_path / "new")]
    assert run([*command, *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert words in said
    assert "\n" not in said
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(
    experiments: tuple[Path, Path],
    villin: PreparedStructure,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = {path: path.stat().st_mtime_ns for path in experiments[0].iterdir()}
    command = ["simulate", str(villin.path), "--scan", "--preset", "scan-small"]
    assert run([*command, "--out", str(experiments[0])]) == 2
    assert "is there already" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in experiments[0].iterdir()} == before


def test_damaged_truth_is_one_line(experiments: tuple[Path, Path], tmp_path: Path) -> None:
    from diffragan.errors import InputError

    (tmp_path / "truth.json").write_bytes((experiments[0] / "truth.json").read_bytes())
    with pytest.raises(InputError, match="no such file"):
        read_truth(tmp_path)
    (tmp_path / "truth.npz").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match="damaged"):
        read_truth(tmp_path)
    (tmp_path / "truth.json").write_text("{}")
    with pytest.raises(InputError, match="not the truth"):
        read_truth(tmp_path)
