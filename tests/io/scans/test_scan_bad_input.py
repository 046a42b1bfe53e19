"""Files that are cut, swapped, empty or of another kind: one line says what and what to do."""

import os
from pathlib import Path

import numpy as np
import pytest
from f_scan import FRAME, SHAPE, scan_of_f

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import ConfigError, DiffraganError, InputError
from diffragan.io.scans.known import check_known, known_settings, missing
from diffragan.io.scans.open import open_scan
from diffragan.io.scans.write import scan_writer

NOTHING = ScanSettings()
FRAMES = scan_of_f().reshape(-1, *FRAME)
RECORD_BYTES = 384 + 2 * FRAME[0] * FRAME[1]


@pytest.fixture
def mib(tmp_path: Path) -> Path:
    path = tmp_path / "f.mib"
    with scan_writer(path, "mib", SHAPE, FRAME, "uint16", NOTHING) as write:
        write(FRAMES)
    return path


def one_line(error: pytest.ExceptionInfo[DiffraganError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def cut(path: Path, size: int) -> None:
    os.truncate(path, size)


def test_a_scan_cut_in_a_frame_says_how_many_are_whole(mib: Path) -> None:
    cut(mib, 12 * RECORD_BYTES + 100)
    with pytest.raises(InputError) as error:
        open_scan(mib, NOTHING)
    line = one_line(error)
    assert "12 frames of 15 are whole, and 100 bytes of one more" in line
    assert "scan.shape [2, 5] for its whole rows" in line
    part = open_scan(mib, ScanSettings(shape=(2, 5)))
    assert part.available() == 10
    assert any("cut off behind the scan" in words for words in part.info.warnings)


def test_a_wrong_shape_says_which_fit(mib: Path) -> None:
    with pytest.raises(InputError) as error:
        open_scan(mib, ScanSettings(shape=(4, 5)))
    line = one_line(error)
    assert "holds 15 whole frames, and a scan of 4 x 5 has 20" in line
    assert "[3, 5], [1, 15]" in line


def test_a_few_frames_left_over_are_a_warning(mib: Path) -> None:
    opened = open_scan(mib, ScanSettings(shape=(2, 7)))
    assert opened.available() == 14
    assert any("the last 1 of its 15 frames" in words for words in opened.info.warnings)
    assert any("[3, 5], and [2, 7] was given" in words for words in opened.info.warnings)


def test_early_frames_are_left_out(mib: Path) -> None:
    with pytest.raises(InputError, match=r"or scan\.first_frame, if the first are of no"):
        open_scan(mib, ScanSettings(shape=(2, 5)))
    opened = open_scan(mib, ScanSettings(shape=(2, 5), first_frame=5))
    assert opened.available() == 10
    np.testing.assert_array_equal(opened.read(0, 10), FRAMES[5:])


def test_a_header_that_is_not_there_is_told(mib: Path) -> None:
    content = bytearray(mib.read_bytes())
    del content[3 * RECORD_BYTES : 3 * RECORD_BYTES + 2]
    mib.write_bytes(bytes(content) + b"  ")
    with pytest.raises(InputError, match="where frame 4 should begin, no header stands"):
        open_scan(mib, NOTHING)


@pytest.mark.parametrize(("order", "other"), [("big", "little"), ("little", "big")])
@pytest.mark.parametrize("dtype", ["uint16", "uint32", "float32"])
def test_swapped_bytes_say_which_key_mends_them(
    order: str, other: str, dtype: str, tmp_path: Path
) -> None:
    FRAMES.astype(np.dtype(dtype).newbyteorder(order)).tofile(tmp_path / "f.bin")
    described = tmp_path / "f.yaml"
    text = f"{{kind: raw-scan, dtype: {dtype}, frame_shape: [18, 14], scan: {{shape: [3, 5]}}"
    described.write_text(f"{text}, byte_order: {other}}}")
    with pytest.raises(ConfigError, match=f"set byte_order: {order} in the YAML"):
        open_scan(tmp_path / "f.bin", NOTHING)
    described.write_text(f"{text}, byte_order: {order}}}")
    np.testing.assert_array_equal(open_scan(tmp_path / "f.bin", NOTHING).read(0, 15), FRAMES)


def test_gaps_between_frames_are_skipped(tmp_path: Path) -> None:
    record = [("before", "u1", 6), ("data", "<u2", FRAME), ("after", "u1", 4)]
    records = np.full(15, 255, np.uint8).astype(record)
    records["data"] = FRAMES
    (tmp_path / "f.dat").write_bytes(b"x" * 10 + records.tobytes())
    (tmp_path / "f.yml").write_text(
        "{kind: raw-scan, frame_shape: [18, 14], header_bytes: 10, gap_before_bytes: 6, "
        "gap_after_bytes: 4, scan: {shape: [3, 5], energy_kev: 300, detector_flipped_y: true}}"
    )
    opened = open_scan(tmp_path / "f.dat", ScanSettings(step_angstrom=40))
    np.testing.assert_array_equal(opened.read(0, 15), FRAMES)
    known = known_settings(opened.info.found, ScanSettings(step_angstrom=40))
    assert (known.energy_kev, known.step_angstrom, known.detector_flipped_y) == (300, 40, True)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("f.mib", b"", "is empty"),
        ("f.mib", b"MQ1,000001,00384,01,02", "no whole MIB header"),
        ("f.mib", b"MQ1,000001,00384,01,0256,0256,R64,   1x1,01,", "raw bits of the chips"),
        ("f.mib", b"MPX,0000000769,MQ1,", "network stream"),
        ("f.raw", b"abcd" * 99, "put f.yaml beside it, with `kind: raw-scan"),
        ("f.tvips", b"abcd" * 99, "is no TVIPS file"),
        ("f.tvips", b"abcd", "no whole TVIPS header"),
        ("f_001.tvips", b"abcd" * 99, "name f_000.tvips"),
        ("f.h5", b"\x89HDF\r\n\x1a\n" + b"0" * 99, "is damaged, cut off or still being written"),
        ("f.tif", b"II*\0abcdefgh", "cannot be read as TIFF"),
        ("f.xml", b"<root><other/></root>", "is XML, but not EMPAD's"),
        ("f.xml", b"<root>", "cannot be read as XML"),
        ("f.xml", b'<root><raw_file filename="g.raw"/></root>', "g.raw: there is no such file"),
        ("f.yaml", b"kind: raw-scan", "name the file of frames that it describes"),
        ("f.hdr", b"HDR,", "of no format this program knows"),
        ("f.trpx", b"<Terse prolix_bits=", "its header does not end"),
        ("f.trpx", b'<Terse prolix_bits="16"/>', "tells no number_of_values"),
        ("f.mrc", b"\0" * 208 + b"MAP " + b"\0" * 812, "cannot be read as MRC"),
        ("f.txt", b"words and words", "of no format this program knows"),
    ],
)
def test_a_file_that_is_none_is_told(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        open_scan(tmp_path / name, NOTHING)
    assert told in one_line(error)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        open_scan(tmp_path / "none.mib", NOTHING)


def test_frames_that_are_not_there_are_told(mib: Path) -> None:
    with pytest.raises(InputError, match="frames 10 to 16 are asked for, and 15 are there"):
        open_scan(mib, NOTHING).read(10, 16)


def test_all_that_is_missing_is_named_at_once(mib: Path) -> None:
    given = ScanSettings(energy_kev=200)
    known = known_settings(open_scan(mib, given).info.found, given)
    assert missing(known) == (
        "mrad_per_pixel", "step_angstrom", "beam_diameter_angstrom", "exposure_e_per_a2",
    )  # fmt: skip
    with pytest.raises(InputError) as error:
        check_known(mib, known)
    line = one_line(error)
    assert "scan: {mrad_per_pixel: ..., step_angstrom: ..., beam_diameter_angstrom: ..., " in line
    check_known(
        mib,
        ScanSettings(
            energy_kev=200, camera_length_mm=1000, detector_pixel_um=55, step_angstrom=40,
            beam_diameter_angstrom=200, exposure_e_per_a2=100,
        ),
    )  # fmt: skip


def test_contradictions_are_told_and_the_given_counts(tmp_path: Path) -> None:
    path = tmp_path / "f.raw"
    taken = ScanSettings(energy_kev=200, mrad_per_pixel=0.1, step_angstrom=40)
    with scan_writer(path, "raw", SHAPE, FRAME, "uint16", taken) as write:
        write(FRAMES)
    given = ScanSettings(
        energy_kev=201, camera_length_mm=1000, detector_pixel_um=110, step_angstrom=40.1
    )
    info = open_scan(path, given).info
    (line,) = info.warnings
    assert line == "the file says scan.mrad_per_pixel 0.1, and 0.11 was given, which counts"
    known = known_settings(info.found, given)
    assert known.angle_per_pixel_mrad == pytest.approx(0.11)
    assert known.mrad_per_pixel is None
    assert known.energy_kev == 201
