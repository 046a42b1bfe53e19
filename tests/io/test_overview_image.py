"""Overview images in several formats."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from diffragan.config.acquisition import OverviewSettings
from diffragan.errors import InputError
from diffragan.io.mrc import write_stack
from diffragan.io.overview_image import read_overview


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    """Electrons `(y, x)`, more of them towards one corner."""
    slope = 20 + np.arange(64)[:, None] / 8 + np.arange(80)[None, :] / 40
    return np.random.default_rng(0).poisson(slope).astype(np.float32)


@pytest.fixture
def mrc(tmp_path: Path, counts: np.ndarray) -> Path:
    path = tmp_path / "image.mrc"
    write_stack(path, counts[None], 2.5)
    return path


def test_an_mrc_image_is_read_with_its_pixel(mrc: Path, counts: np.ndarray) -> None:
    image = read_overview(mrc, OverviewSettings())
    np.testing.assert_array_equal(image.electrons, counts)
    assert image.pixel_angstrom == pytest.approx(2.5)
    assert image.warnings == ()


def test_electrons_follow_from_dose_and_mean(mrc: Path, counts: np.ndarray) -> None:
    dose = float(counts.mean()) / 4 / 2.5**2
    image = read_overview(mrc, OverviewSettings(dose_e_per_a2=dose))
    assert image.counts_per_electron == pytest.approx(4.0)
    np.testing.assert_allclose(image.electrons, counts / 4)


def test_contradictions_are_warnings(mrc: Path) -> None:
    settings = OverviewSettings(pixel_angstrom=3.0, dose_e_per_a2=0.5, counts_per_electron=1.0)
    image = read_overview(mrc, settings)
    assert image.pixel_angstrom == 3.0
    assert len(image.warnings) == 2
    assert "overview.pixel_angstrom" in image.warnings[0]
    assert "overview.dose_e_per_a2" in image.warnings[1]


def test_a_tiff_is_read_with_its_pixel(tmp_path: Path, counts: np.ndarray) -> None:
    tifffile = pytest.importorskip("tifffile")
    path = tmp_path / "image.tif"
    tifffile.imwrite(
        path, counts, imagej=True, resolution=(1 / 0.25, 1 / 0.25), metadata={"unit": "nm"}
    )
    image = read_overview(path, OverviewSettings())
    np.testing.assert_array_equal(image.electrons, counts)
    assert image.pixel_angstrom == pytest.approx(2.5, rel=1e-4)


def test_other_formats_are_read_by_rosettasciio(tmp_path: Path, counts: np.ndarray) -> None:
    hspy = pytest.importorskip("rsciio.hspy")
    path = tmp_path / "image.hspy"
    axes = [
        {"name": name, "units": "nm", "scale": 0.25, "offset": 0.0, "size": n, "navigate": False}
        for name, n in zip("yx", counts.shape, strict=True)
    ]
    signal = {
        "data": counts, "axes": axes,
        "metadata": {"General": {"title": "image"}}, "original_metadata": {},
        "attributes": {"_lazy": False}, "learning_results": {}, "models": {}, "package_info": {},
        "tmp_parameters": {},
    }  # fmt: skip
    hspy.file_writer(str(path), signal)
    image = read_overview(path, OverviewSettings())
    np.testing.assert_array_equal(image.electrons, counts)
    assert image.pixel_angstrom == pytest.approx(2.5)


def test_a_missing_pixel_size_is_asked_for_by_name(tmp_path: Path, counts: np.ndarray) -> None:
    path = tmp_path / "image.mrc"
    with mrcfile.new(path) as file:
        file.set_data(counts)
    with pytest.raises(InputError, match=r"overview\.pixel_angstrom"):
        read_overview(path, OverviewSettings())
    assert read_overview(path, OverviewSettings(pixel_angstrom=2.0)).pixel_angstrom == 2.0


def test_what_is_no_image_of_counts_is_refused(tmp_path: Path, counts: np.ndarray) -> None:
    settings, path = OverviewSettings(), tmp_path / "image.mrc"
    write_stack(path, np.stack([counts, counts]), 2.5)
    with pytest.raises(InputError, match="one image is needed"):
        read_overview(path, settings)
    write_stack(path, counts[None] - 1000, 2.5)
    with pytest.raises(InputError, match="background"):
        read_overview(path, settings)
    write_stack(path, counts[None, :32], 2.5)
    with pytest.raises(InputError, match="no overview"):
        read_overview(path, settings)
    other = tmp_path / "image.xyz"
    other.write_bytes(b"something")
    with pytest.raises(InputError, match="no reader"):
        read_overview(other, settings)
    with pytest.raises(InputError, match="no such file"):
        read_overview(tmp_path / "missing.tif", settings)
    damaged = tmp_path / "damaged.tif"
    damaged.write_bytes(b"not a tiff")
    with pytest.raises(InputError, match=r"damaged\.tif"):
        read_overview(damaged, settings)
