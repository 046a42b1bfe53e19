"""What our writers write, RosettaSciIO reads, and so do we; a scan is never whole in memory."""

import logging
from pathlib import Path

import numpy as np
import pytest
from f_scan import FRAME, SHAPE, scan_of_f

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import ConfigError, InputError
from diffragan.io.scans.open import open_scan
from diffragan.io.scans.write import scan_file_name, scan_writer

TAKEN = ScanSettings(energy_kev=200, camera_length_mm=1500, detector_pixel_um=55, step_angstrom=40)
TYPES = {"mib": "uint16", "tvips": "uint16", "empad": "float32", "raw": "uint32"}


def written(folder: Path, name: str, dtype: str | None = None) -> tuple[Path, np.ndarray]:
    """Write the letter F in two parts that end within a row."""
    scan = scan_of_f((128, 128) if name == "empad" else FRAME)
    frames = scan.reshape(-1, *scan.shape[-2:])
    path = folder / scan_file_name("f", name)
    with scan_writer(path, name, SHAPE, frames.shape[1:], dtype or TYPES[name], TAKEN) as write:
        write(frames[:7])
        write(frames[7:])
    return path, frames


@pytest.mark.parametrize(
    ("name", "dtype", "told"),
    [
        ("mib", "uint8", {"shape", "saturation"}),
        ("mib", "uint16", {"shape", "saturation"}),
        ("mib", "uint32", {"shape", "saturation"}),
        ("tvips", "uint16", {"energy", "angle"}),
        ("empad", "float32", {"shape", "energy", "angle", "step"}),
        ("raw", "uint32", {"shape", "energy", "angle", "step"}),
    ],
)
def test_what_is_written_is_read_again(
    name: str, dtype: str, told: set[str], tmp_path: Path
) -> None:
    path, frames = written(tmp_path, name, dtype)
    opened = open_scan(path, ScanSettings(shape=SHAPE))
    np.testing.assert_array_equal(opened.read(0, len(frames)), frames)
    assert opened.info.dtype == np.dtype(dtype)
    assert opened.info.warnings == ()
    found = opened.info.found
    assert found.shape == (SHAPE if "shape" in told else None)
    assert found.energy_kev == (200 if "energy" in told else None)
    assert found.step_angstrom == (pytest.approx(40) if "step" in told else None)
    angle = pytest.approx(55 / 1500) if "angle" in told else None
    assert found.angle_per_pixel_mrad == angle
    bits = {"uint8": 6, "uint16": 12, "uint32": 24}.get(dtype)
    assert found.saturation_counts == (2**bits - 1 if "saturation" in told and bits else None)


@pytest.mark.parametrize(
    ("name", "reader"), [("mib", "quantumdetector"), ("tvips", "tvips"), ("empad", "empad")]
)
def test_rosetta_reads_the_same(name: str, reader: str, tmp_path: Path) -> None:
    module = pytest.importorskip(f"rsciio.{reader}")
    logging.getLogger("rsciio").setLevel(logging.ERROR)
    path, frames = written(tmp_path, name)
    if name == "tvips":
        (signal,) = module.file_reader(str(path), scan_shape=SHAPE)
    else:
        (signal,) = module.file_reader(str(path.with_suffix(".xml") if name == "empad" else path))
    # It turns Merlin's rows upside down; the file's order is what we give.
    rows = slice(None, None, -1) if name == "mib" else slice(None)
    found = np.asarray(signal["data"])[..., rows, :]
    np.testing.assert_array_equal(found, frames.reshape(*SHAPE, *frames.shape[1:]))


def test_the_same_scan_gives_the_same_bytes(tmp_path: Path) -> None:
    once, again = tmp_path / "once", tmp_path / "again"
    for folder in (once, again):
        folder.mkdir()
        written(folder, "mib")
    assert (once / "f.mib").read_bytes() == (again / "f.mib").read_bytes()


def test_a_scan_that_fails_leaves_nothing(tmp_path: Path) -> None:
    frames = scan_of_f().reshape(-1, *FRAME)
    path = tmp_path / "f.mib"
    with (
        pytest.raises(InputError, match="7 frames came for a scan of 15"),
        scan_writer(path, "mib", SHAPE, FRAME, "uint16", TAKEN) as write,
    ):
        write(frames[:7])
    assert list(tmp_path.iterdir()) == []


def test_values_are_not_changed_silently(tmp_path: Path) -> None:
    frames = scan_of_f().reshape(-1, *FRAME) + np.uint16(300)
    with (
        pytest.raises(InputError, match="do not fit whole into uint8"),
        scan_writer(tmp_path / "f.mib", "mib", SHAPE, FRAME, "uint8", TAKEN) as write,
    ):
        write(frames)


@pytest.mark.parametrize(
    ("name", "dtype", "told"),
    [
        ("mib", "float32", "MIB holds uint8, uint16, uint32"),
        ("empad", "float32", "128 x 128"),
        ("mbi", "uint16", "did you mean 'mib'"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(
    name: str, dtype: str, told: str, tmp_path: Path
) -> None:
    with (
        pytest.raises(ConfigError, match=told),
        scan_writer(tmp_path / "f", name, SHAPE, FRAME, dtype, TAKEN),
    ):
        pass
