"""Each format: a file written by an independent writer is read with the right axes and units."""

import json
import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f_scan import FRAME, SHAPE, scan_of_f

from diffragan.config.acquisition import ScanSettings
from diffragan.electron import Electron
from diffragan.io.scans.open import open_scan

NOTHING = ScanSettings()
ENERGY = 200.0
STEP_NM, Q_PER_NM = 4.0, 0.05
MRAD = Electron(ENERGY).angle_mrad(Q_PER_NM / 10)
AXES = [
    ("scan_y", STEP_NM, "nm"),
    ("scan_x", STEP_NM, "nm"),
    ("q_y", Q_PER_NM, "1/nm"),
    ("q_x", Q_PER_NM, "1/nm"),
]


def signal(scan: np.ndarray) -> dict[str, Any]:
    """Return what RosettaSciIO's writers take."""
    axes = [
        {
            "_type": "UniformDataAxis",
            "name": name,
            "scale": scale,
            "units": units,
            "offset": 0.0,
            "size": size,
            "navigate": place < 2,
            "index_in_array": place,
        }
        for place, ((name, scale, units), size) in enumerate(zip(AXES, scan.shape, strict=True))
    ]
    return {
        "data": scan,
        "axes": axes,
        "metadata": {
            "General": {"title": "letter F"},
            "Signal": {"signal_type": ""},
            "Acquisition_instrument": {"TEM": {"beam_energy": ENERGY, "camera_length": 500.0}},
        },
        "original_metadata": {},
        "attributes": {"_lazy": False, "ragged": False},
        "learning_results": {},
        "tmp_parameters": {},
        "package_info": {"package": "test", "package_version": "0"},
        "models": {},
    }


def by_rosetta(module: str, **options: Any) -> Callable[[Path, np.ndarray], None]:
    def write(path: Path, scan: np.ndarray) -> None:
        writer = pytest.importorskip(f"rsciio.{module}")
        logging.getLogger("rsciio").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            writer.file_writer(str(path), signal(scan), **options)

    return write


def by_tifffile(path: Path, scan: np.ndarray) -> None:
    pytest.importorskip("tifffile").imwrite(path, scan)


def by_tifffile_packed(path: Path, scan: np.ndarray) -> None:
    pages = scan.reshape(-1, *FRAME)
    pytest.importorskip("tifffile").imwrite(
        path, pages, compression="zlib", photometric="minisblack"
    )


def by_mrcfile(path: Path, scan: np.ndarray) -> None:
    import mrcfile

    with mrcfile.new(path) as file:
        file.set_data(scan.reshape(-1, *FRAME))
        file.set_image_stack()


def as_zspy(path: Path, scan: np.ndarray) -> None:
    """Write HyperSpy's layout, which RosettaSciIO cannot write with Zarr 3."""
    import zarr

    root = zarr.open_group(path, mode="w", zarr_format=2)
    group = root.create_group("Experiments").create_group("letter F")
    group.create_array("data", data=scan, chunks=(2, 2, *FRAME))
    for place, (name, scale, units) in enumerate(AXES):
        group.create_group(f"axis-{place}").attrs.update(name=name, scale=scale, units=units)
    metadata = group.create_group("metadata").create_group("Acquisition_instrument")
    metadata.create_group("TEM").attrs.update(beam_energy=ENERGY)


def as_nexus(path: Path, scan: np.ndarray) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        beam = entry.create_group("instrument/beam")
        beam["incident_energy"] = ENERGY
        beam["incident_energy"].attrs["units"] = "keV"
        data = entry.create_group("data")
        data.attrs.update(NX_class="NXdata", signal="counts", axes=["y", "x", "ky", "kx"])
        data["counts"] = scan
        for name, size, scale, unit in (
            ("y", SHAPE[0], STEP_NM * 1e-3, "um"),
            ("x", SHAPE[1], STEP_NM * 1e-3, "um"),
            ("ky", FRAME[0], MRAD * 1e-3, "rad"),
            ("kx", FRAME[1], MRAD * 1e-3, "rad"),
        ):
            data[name] = scale * np.arange(size)
            data[name].attrs["units"] = unit


def as_py4dstem(path: Path, scan: np.ndarray) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        cube = file.create_group("datacube_root/datacube")
        cube.attrs["emd_group_type"] = "array"
        cube["data"] = scan
        for place, size in enumerate(scan.shape):
            cube[f"dim{place}"] = np.arange(2.0) if size > 1 else np.zeros(1)
            cube[f"dim{place}"].attrs["units"] = "pixels"
        known = file["datacube_root"].create_group("metadatabundle/calibration")
        for key, value in {
            "R_pixel_size": STEP_NM * 10,
            "R_pixel_units": "A",
            "Q_pixel_size": Q_PER_NM / 10,
            "Q_pixel_units": "A^-1",
        }.items():
            known[key] = value


def as_velox(path: Path, scan: np.ndarray) -> None:
    h5py = pytest.importorskip("h5py")
    told = {
        "Optics": {"AccelerationVoltage": str(ENERGY * 1e3)},
        "BinaryResult": {"PixelSize": {"width": str(Q_PER_NM * 1e9)}, "PixelUnitX": "1/m"},
    }
    text = np.zeros(2000, np.uint8)
    words = np.frombuffer(json.dumps(told).encode(), np.uint8)
    text[: len(words)] = words
    with h5py.File(path, "w") as file:
        group = file.create_group("Data/Image/0123abc")
        group["Data"] = np.moveaxis(scan.reshape(-1, *FRAME), 0, -1)
        group["Metadata"] = np.repeat(text[:, None], scan.shape[0] * scan.shape[1], axis=1)


def as_empad(path: Path, scan: np.ndarray) -> None:
    y, x = SHAPE
    records = np.full((y * x, 130, 128), np.nan, "<f4")
    records[:, :128] = scan.reshape(-1, 128, 128)
    records.tofile(path.with_name(f"scan_x{x}_y{y}.raw"))
    field = f"[{y * STEP_NM * 1e-9}, {x * STEP_NM * 1e-9}]"
    path.write_text(
        f'<root name="a"><raw_file filename="C:\\data\\scan_x{x}_y{y}.raw"/>'
        f"<pix_x>{x}</pix_x><pix_y>{y}</pix_y><iom_measurements>"
        f"<high_voltage>{ENERGY * 1e3}</high_voltage>"
        f"<optics.get_full_scan_field_of_view>{field}</optics.get_full_scan_field_of_view>"
        f"<calibrated_pixelsize>{Q_PER_NM * 1e-9}</calibrated_pixelsize>"
        "</iom_measurements></root>"
    )


SHAPED, STEPPED, SAMPLED, POWERED = "shape", "step", "sampling", "energy"
ALL = {SHAPED, STEPPED, SAMPLED, POWERED}
CASES: dict[str, tuple[str, Callable[[Path, np.ndarray], None], set[str]]] = {
    "hspy": ("a.hspy", by_rosetta("hspy"), ALL),
    "zspy": ("a.zspy", as_zspy, ALL),
    "EMD of the NCEM": ("a.emd", by_rosetta("emd"), {SHAPED, STEPPED}),
    "NeXus of HyperSpy": ("a.nxs", by_rosetta("nexus"), {SHAPED, STEPPED}),
    "NeXus": ("b.nxs", as_nexus, ALL),
    "EMD of py4DSTEM": ("b.h5", as_py4dstem, {SHAPED, STEPPED}),
    "Velox": ("c.emd", as_velox, {SAMPLED, POWERED}),
    "TVIPS": ("a_000.tvips", by_rosetta("tvips"), {POWERED}),
    "blockfile": ("a.blo", by_rosetta("blockfile"), {SHAPED, STEPPED}),
    "TIFF of HyperSpy": ("a.tif", by_rosetta("tiff"), set()),
    "TIFF": ("b.tif", by_tifffile, {SHAPED}),
    "packed TIFF": ("c.tiff", by_tifffile_packed, set()),
    "MRC": ("a.mrcs", by_mrcfile, set()),
    "EMPAD": ("a.xml", as_empad, ALL),
}


@pytest.mark.parametrize("name", CASES)
def test_a_scan_is_read_with_its_axes_units_and_flips(name: str, tmp_path: Path) -> None:
    file_name, write, told = CASES[name]
    scan = scan_of_f((128, 128) if name == "EMPAD" else FRAME)
    if name == "blockfile":
        scan = scan_of_f((16, 16)).astype(np.uint8)
    write(tmp_path / file_name, scan)
    opened = open_scan(tmp_path / file_name, NOTHING)
    info = opened.info
    assert opened.available() == SHAPE[0] * SHAPE[1]
    assert info.frame_shape == scan.shape[-2:]
    frames = opened.read(0, opened.available())
    assert frames.dtype == info.dtype
    np.testing.assert_array_equal(frames, scan.reshape(-1, *scan.shape[-2:]))
    # From the middle of one row of the scan to that of the next.
    np.testing.assert_array_equal(opened.read(3, 9), frames[3:9])
    assert info.shape == (SHAPE if SHAPED in told else None)
    found = info.found
    assert found.step_angstrom == (pytest.approx(10 * STEP_NM) if STEPPED in told else None)
    assert found.energy_kev == (pytest.approx(ENERGY) if POWERED in told else None)
    if SAMPLED in told:
        assert found.angle_per_pixel_mrad == pytest.approx(MRAD)


@pytest.mark.parametrize("name", ["EMD of the NCEM", "EMD of py4DSTEM"])
def test_a_frequency_becomes_an_angle_by_the_energy_given(name: str, tmp_path: Path) -> None:
    file_name, write, _ = CASES[name]
    write(tmp_path / file_name, scan_of_f())
    silent = open_scan(tmp_path / file_name, NOTHING).info
    assert silent.found.angle_per_pixel_mrad is None
    assert any("needs scan.energy_kev" in line for line in silent.warnings)
    told = open_scan(tmp_path / file_name, ScanSettings(energy_kev=ENERGY)).info
    assert told.found.angle_per_pixel_mrad == pytest.approx(MRAD)


def test_an_array_among_several_is_named_by_its_path(tmp_path: Path) -> None:
    from diffragan.errors import InputError

    h5py = pytest.importorskip("h5py")
    path = tmp_path / "two.h5"
    with h5py.File(path, "w") as file:
        file["entry/first"] = scan_of_f()
        file["entry/second"] = 2 * scan_of_f()
    with pytest.raises(InputError, match=r"holds several scans, .*second.*; name one as .*first"):
        open_scan(path, NOTHING)
    second = open_scan(path / "entry" / "second", NOTHING)
    np.testing.assert_array_equal(second.read(1, 2)[0], 2 * scan_of_f()[0, 1])
    with pytest.raises(InputError, match="no array of 3 or 4 axes at 'entry/third'"):
        open_scan(path / "entry" / "third", NOTHING)


@pytest.mark.parametrize(
    ("package", "name"),
    [("h5py", "EMD of the NCEM"), ("tifffile", "TIFF"), ("rsciio", "blockfile")],
)
def test_without_its_package_a_format_names_the_extra(
    package: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffragan.errors import MissingExtraError

    file_name, write, _ = CASES[name]
    path = tmp_path / file_name
    if name == "blockfile":
        path.write_bytes(b"anything")
    else:
        write(path, scan_of_f())
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "rsciio.blockfile", raising=False)
    with pytest.raises(MissingExtraError, match=r'pip install "diffragan\[formats\]"'):
        open_scan(path, NOTHING)


@pytest.mark.parametrize(
    "name", ["NeXus", "EMD of py4DSTEM", "Velox", "packed TIFF", "TIFF", "MRC", "EMPAD"]
)
def test_damage_anywhere_is_one_line_or_harmless(name: str, tmp_path: Path) -> None:
    from diffragan.errors import DiffraganError

    file_name, write, _ = CASES[name]
    path = tmp_path / file_name
    write(path, scan_of_f((128, 128) if name == "EMPAD" else FRAME))
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    told = []
    for number in range(16):
        content = bytearray(whole[: len(whole) * (number + 1) // 9])
        if number >= 8:
            for place in rng.integers(min(len(content), 3000), size=4):
                content[place] = rng.integers(256)
        path.write_bytes(bytes(content))
        try:
            opened = open_scan(path, NOTHING)
            opened.read(0, min(opened.available(), 15))
        except DiffraganError as error:
            told.append(str(error))
    assert len(told) >= 6
    assert "\n" not in "".join(told)


def test_a_file_that_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffragan.errors import InputError

    path = tmp_path / "f.mib"
    path.write_bytes(b"MQ1,")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"f\.mib: may not be read; ask its owner"):
        open_scan(path, NOTHING)
