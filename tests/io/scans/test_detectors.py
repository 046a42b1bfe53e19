"""Detectors of several chips or generations, and files that refer to others."""

from pathlib import Path

import numpy as np
import pytest
from f_scan import FRAME, SHAPE, scan_of_f

from diffragan.config.acquisition import ScanSettings
from diffragan.io.scans.open import open_scan

FRAMES = scan_of_f().reshape(-1, *FRAME)


def test_four_chips_with_a_gap_are_one_frame(tmp_path: Path) -> None:
    path = tmp_path / "quad.mib"
    chip = "3RX," + ",".join(["000"] * 27)
    with path.open("wb") as file:
        for number, frame in enumerate(FRAMES):
            header = (
                f"MQ1,{number + 1:06d},00768,04,{FRAME[1]:04d},{FRAME[0]:04d},U16,  2x2G,0F,"
                f"2024-06-14 11:31:30.060732,0.001000,0,0,0,{','.join([chip] * 4)},"
                "MQ1A,2024-06-14T09:31:30.060732344Z,1000000ns,12,"
            )
            file.write(header.ljust(768, "\0").encode() + frame.astype(">u2").tobytes())
    opened = open_scan(path, ScanSettings(shape=SHAPE))
    np.testing.assert_array_equal(opened.read(0, 15), FRAMES)
    assert opened.info.found.saturation_counts == 4095


@pytest.mark.parametrize("generation", ["later", "second"])
def test_later_files_of_empad_are_understood(generation: str, tmp_path: Path) -> None:
    scan = scan_of_f((128, 128)).reshape(-1, 128, 128)
    records = np.zeros((15, 130, 128), "<f4")
    records[:, :128] = scan
    records.tofile(tmp_path / "scan_x5_y3.raw")
    field = 5 * 4e-9
    if generation == "later":
        inside = (
            f"<full_scan_field_of_view><x>{0.72 * field}</x><scale_factor>0.72</scale_factor>"
            "</full_scan_field_of_view><high_voltage>300000</high_voltage>"
        )
        named = '<raw_file filename="scan_x5_y3.raw"/>'
    else:
        inside = (
            f"<ColumnOpticsGetFullScanFieldOfViewx>{field}</ColumnOpticsGetFullScanFieldOfViewx>"
            "<ColumnSourceHighVoltage>300000</ColumnSourceHighVoltage>"
            "<calibrated_diffraction_angle>1e-4</calibrated_diffraction_angle>"
            "<calibrated_pixelsize>2e-12</calibrated_pixelsize>"
        )
        named = "<rawfile><filename>scan_x5_y3.raw</filename></rawfile>"
    (tmp_path / "a.xml").write_text(
        f"<root>{named}<iom_measurements>{inside}</iom_measurements></root>"
    )
    opened = open_scan(tmp_path / "a.xml", ScanSettings())
    np.testing.assert_array_equal(opened.read(0, 15), scan)
    found = opened.info.found
    assert found.shape == SHAPE
    assert found.energy_kev == 300
    assert found.step_angstrom == pytest.approx(40)
    angle = pytest.approx(0.1) if generation == "second" else None
    assert found.angle_per_pixel_mrad == angle


def test_numbered_arrays_in_other_files_are_one_scan(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    for part, (first, last) in enumerate([(0, 7), (7, 13), (13, 15)], start=1):
        with h5py.File(tmp_path / f"a_data_{part:06d}.h5", "w") as file:
            file["entry/data/data"] = FRAMES[first:last]
    with h5py.File(tmp_path / "a_master.h5", "w") as file:
        group = file.create_group("entry/data")
        group.attrs["NX_class"] = "NXdata"
        for part in (1, 2, 3):
            other = h5py.ExternalLink(f"a_data_{part:06d}.h5", "/entry/data/data")
            group[f"data_{part:06d}"] = other
        group["data_000004"] = h5py.ExternalLink("a_data_000004.h5", "/entry/data/data")
        for name, value, unit in (
            ("entry/instrument/beam/incident_energy", 2e5, "eV"),
            ("entry/instrument/detector/x_pixel_size", 7.5e-5, "m"),
            ("entry/instrument/detector/detector_distance", 1.5, "m"),
            ("entry/instrument/detector/detectorSpecific/saturation_value", 6e4, None),
        ):
            file[name] = value
            if unit is not None:
                file[name].attrs["units"] = unit
    opened = open_scan(tmp_path / "a_master.h5", ScanSettings(shape=SHAPE))
    np.testing.assert_array_equal(opened.read(0, 15), FRAMES)
    np.testing.assert_array_equal(opened.read(6, 14), FRAMES[6:14])
    found = opened.info.found
    assert found.energy_kev == 200
    assert found.angle_per_pixel_mrad == pytest.approx(0.05)
    assert found.saturation_counts == 6e4
