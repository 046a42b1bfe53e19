"""Scans that are still being written: each whole frame counts, and no part of one."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from f_scan import FRAME, SHAPE, scan_of_f

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.io.scans.open import open_scan
from diffragan.io.scans.write import scan_file_name, scan_writer

FRAMES = scan_of_f().reshape(-1, *FRAME)
GIVEN = ScanSettings(shape=SHAPE)


@pytest.mark.parametrize("name", ["mib", "tvips", "raw"])
def test_frames_come_as_a_file_grows(name: str, tmp_path: Path) -> None:
    whole = tmp_path / scan_file_name("whole", name)
    with scan_writer(whole, name, SHAPE, FRAME, "uint16", GIVEN) as write:
        write(FRAMES)
    content = whole.read_bytes()
    growing = tmp_path / scan_file_name("growing", name)
    if name == "raw":
        whole.with_suffix(".yaml").rename(growing.with_suffix(".yaml"))
    record = len(content) // 15
    growing.write_bytes(content[: 2 * record + 300])
    opened = open_scan(growing, GIVEN, growing=True)
    counts = [opened.available()]
    for end in (5 * record + record // 2, 9 * record + 300, len(content)):
        growing.write_bytes(content[:end])
        counts.append(opened.available())
        np.testing.assert_array_equal(opened.read(0, counts[-1]), FRAMES[: counts[-1]])
    assert counts == sorted(counts)
    assert counts[0] in {1, 2}  # TVIPS's first 256 bytes are of no frame
    assert counts[-1] == 15


def test_later_parts_of_a_series_are_found(tmp_path: Path) -> None:
    whole = tmp_path / "whole_000.tvips"
    with scan_writer(whole, "tvips", SHAPE, FRAME, "uint16", GIVEN) as write:
        write(FRAMES)
    content = whole.read_bytes()
    first = 256 + 4 * (len(content) - 256) // 15
    (tmp_path / "f_000.tvips").write_bytes(content[:first])
    opened = open_scan(tmp_path / "f_000.tvips", GIVEN, growing=True)
    assert opened.available() == 4
    (tmp_path / "f_001.tvips").write_bytes(content[first:])
    assert opened.available() == 15
    np.testing.assert_array_equal(opened.read(2, 9), FRAMES[2:9])


def write_frame(path: Path, frame: np.ndarray) -> None:
    if path.suffix == ".mrc":
        with mrcfile.new(path) as file:
            file.set_data(frame)
    elif path.suffix == ".tif":
        pytest.importorskip("tifffile").imwrite(path, frame, compression="zlib")
    else:
        with scan_writer(path, "mib", (1, 1), frame.shape, "uint16", ScanSettings()) as write:
            write(frame[None])


@pytest.mark.parametrize("ending", [".mib", ".tif", ".mrc"])
def test_a_folder_is_read_by_the_numbers_in_its_names(ending: str, tmp_path: Path) -> None:
    for number in (9, 10, 8):  # not in the order of letters
        write_frame(tmp_path / f"f{number}{ending}", FRAMES[number])
    opened = open_scan(tmp_path, GIVEN, growing=True)
    assert opened.available() == 3
    np.testing.assert_array_equal(opened.read(0, 3), FRAMES[8:11])
    write_frame(tmp_path / f"f12{ending}", FRAMES[12])
    assert opened.available() == 3
    with pytest.raises(InputError, match="no file of number 11"):
        open_scan(tmp_path, ScanSettings())
    write_frame(tmp_path / f"f11{ending}", FRAMES[11])
    assert opened.available() == 5
    np.testing.assert_array_equal(opened.read(2, 5), FRAMES[10:13])


def test_a_last_file_that_is_not_done_does_not_count(tmp_path: Path) -> None:
    for number in range(3):
        write_frame(tmp_path / f"{number}.mib", FRAMES[number])
    last = tmp_path / "2.mib"
    last.write_bytes(last.read_bytes()[:500])
    assert open_scan(tmp_path, GIVEN, growing=True).available() == 2


def test_frames_of_other_size_in_a_folder_are_told(tmp_path: Path) -> None:
    write_frame(tmp_path / "0.mrc", FRAMES[0])
    write_frame(tmp_path / "1.mrc", FRAMES[0][:-2])
    write_frame(tmp_path / "2.mrc", FRAMES[0])
    with pytest.raises(InputError, match=r"1.mrc: is of 1 frames of \(16, 14\) pixels"):
        open_scan(tmp_path, ScanSettings(shape=(1, 3))).read(0, 3)


def test_two_kinds_of_files_in_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it has none of them"):
        open_scan(tmp_path, GIVEN)
    write_frame(tmp_path / "0.mrc", FRAMES[0])
    write_frame(tmp_path / "1.mib", FRAMES[0])
    with pytest.raises(InputError, match=r"it has \.mib, \.mrc"):
        open_scan(tmp_path, GIVEN)
