"""The overview image of a real experiment: MRC, TIFF, and what RosettaSciIO reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.config.acquisition import OverviewSettings
from diffragan.errors import InputError, MissingExtraError
from diffragan.io.mrc import read_image

MRC_ENDINGS = frozenset({".mrc", ".mrcs", ".map", ".rec", ".st"})
TIFF_ENDINGS = frozenset({".tif", ".tiff"})
LEAST_PIXELS = 64
"""Sides below which an image shows no field of view."""
CONTRADICTION = 0.01
"""Relative difference from which two statements of one value contradict each other."""
LOST_SHARE = 0.5
"""Apertures, filters and thick ice take electrons away; hardly more than this share."""
ANGSTROM_PER: dict[str, float] = {
    "a": 1.0, "å": 1.0, "angstrom": 1.0, "ang": 1.0, "nm": 10.0, "nanometer": 10.0, "pm": 0.01,
    "um": 1e4, "µm": 1e4, "μm": 1e4, "micron": 1e4, "mm": 1e7, "cm": 1e8, "inch": 2.54e8, "m": 1e10,
}  # fmt: skip
TIFF_UNITS = {2: "inch", 3: "cm"}
PRINTING_PIXEL_ANGSTROM = 1e5
"""Programs that know no pixel size write that of a screen or printer, 72 to 600 dots an inch."""


@dataclass(frozen=True, slots=True)
class OverviewImage:
    """An image of the scanned field, in electrons."""

    path: Path
    electrons: NDArray[np.float32]
    """`(y, x)`, electrons that each pixel counted, origin at pixel n // 2."""
    pixel_angstrom: float
    counts_per_electron: float
    """What one electron adds to the file's values."""
    dose_e_per_a2: float
    """Electrons per area: as given, or the image's own mean [e/Å2]."""
    warnings: tuple[str, ...]
    """What contradicts itself, one line each."""


def read_overview(path: Path, settings: OverviewSettings) -> OverviewImage:
    """Read an overview image; what `settings` give counts, and contradictions are warnings.

    Raises
    ------
    InputError : The file is missing, damaged, no single image, empty of electrons, or nothing
        says how large its pixels are.
    MissingExtraError : The format needs a package that is not installed.
    """
    values, header_pixel = _read(path)
    if min(values.shape) < LEAST_PIXELS:
        raise InputError(
            f"{path}: an image of {values.shape[0]} x {values.shape[1]} pixels is no overview; "
            f"at least {LEAST_PIXELS} x {LEAST_PIXELS} are needed"
        )
    if not np.isfinite(values).all():
        raise InputError(f"{path}: holds values that are not finite; write it again without them")
    mean = float(values.mean(dtype=np.float64))
    if mean <= 0 or float(values.min()) == float(values.max()):
        raise InputError(
            f"{path}: the mean of its pixels is {mean:g} and they must count electrons; name the "
            "image as the camera wrote it, without a background taken off"
        )
    pixel, warnings = _pixel(path, settings, header_pixel)
    per_electron, dose, doubts = _scale(path, settings, mean, pixel)
    values /= np.float32(per_electron)
    return OverviewImage(path, values, pixel, per_electron, dose, (*warnings, *doubts))


def _pixel(
    path: Path, settings: OverviewSettings, header: float | None
) -> tuple[float, tuple[str, ...]]:
    given = settings.pixel_angstrom
    if given is None and header is None:
        raise InputError(f"{path}: does not say its pixel size; give overview.pixel_angstrom")
    if given is None or header is None:
        return float(given or header or 0), ()
    if abs(given / header - 1) <= CONTRADICTION:
        return given, ()
    return given, (
        f"{path}: its header says pixels of {header:.4g} Å and overview.pixel_angstrom "
        f"{given:.4g} Å; the latter is used",
    )


def _scale(
    path: Path, settings: OverviewSettings, mean: float, pixel: float
) -> tuple[float, float, tuple[str, ...]]:
    """Return counts per electron, dose [e/Å2] and warnings."""
    given, dose = settings.counts_per_electron, settings.dose_e_per_a2
    if dose is None:
        per_electron = given or 1.0
        return per_electron, mean / per_electron / pixel**2, ()
    if given is None:
        return mean / (dose * pixel**2), dose, ()
    seen = mean / given / pixel**2
    if dose * (1 - LOST_SHARE) <= seen <= dose * (1 + CONTRADICTION):
        return given, dose, ()
    return given, dose, (
        f"{path}: its mean and overview.counts_per_electron make {seen:.4g} e/Å2 and "
        f"overview.dose_e_per_a2 says {dose:.4g}; noise is reckoned by the former",
    )  # fmt: skip


def _read(path: Path) -> tuple[NDArray[np.float32], float | None]:
    """Read the values `(y, x)` and the pixel size that the file holds [Å], if any."""
    ending = path.suffix.lower()
    if ending in MRC_ENDINGS:
        return read_image(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: is empty; write or copy it again")
    return _read_tiff(path) if ending in TIFF_ENDINGS else _read_vendor(path)


def _read_tiff(path: Path) -> tuple[NDArray[np.float32], float | None]:
    try:
        tifffile = import_module("tifffile")
    except ModuleNotFoundError:
        raise _extra(path, "tifffile") from None
    try:
        with tifffile.TiffFile(path) as file:
            values = _one_image(path, file.asarray())
            unit, per_unit = _tiff_scale(file)
    # A damaged file makes the library fail in many ways.
    except (ValueError, IndexError, KeyError, EOFError, RuntimeError, tifffile.TiffFileError) as e:
        raise InputError(f"{path}: cannot be read as TIFF: {e}") from None
    if unit not in ANGSTROM_PER or per_unit <= 0:
        return values, None
    pixel = ANGSTROM_PER[unit] / per_unit
    return values, pixel if pixel < PRINTING_PIXEL_ANGSTROM else None


def _tiff_scale(file: Any) -> tuple[str, float]:
    """Return the unit of a TIFF's resolution and the pixels in it; ImageJ has its own tag."""
    tags = file.pages[0].tags
    if "XResolution" not in tags:
        return "", 0.0
    numerator, denominator = tags["XResolution"].value
    per_unit = numerator / denominator if denominator else 0.0
    imagej = file.imagej_metadata or {}
    if "unit" in imagej:
        return str(imagej["unit"]).replace("\\u00B5", "µ").lower(), per_unit
    code = tags["ResolutionUnit"].value if "ResolutionUnit" in tags else 1
    return TIFF_UNITS.get(int(code), ""), per_unit


def _read_vendor(path: Path) -> tuple[NDArray[np.float32], float | None]:
    """Read by RosettaSciIO, the plugin chosen by the file's ending."""
    try:
        plugins = import_module("rsciio").IO_PLUGINS
    except ModuleNotFoundError:
        raise _extra(path, "RosettaSciIO") from None
    ending = path.suffix.lower().lstrip(".")
    fitting = [p for p in plugins if ending in {e.lower() for e in p["file_extensions"]}]
    if not ending or not fitting:
        raise InputError(f"{path}: no reader knows files ending in '{path.suffix}'; use MRC")
    reasons = []
    for plugin in fitting:
        try:
            signals = import_module(plugin["api"]).file_reader(str(path))
        except Exception as error:  # noqa: BLE001  third-party readers fail in any way
            reasons.append(f"{plugin['name']}: {error or type(error).__name__}")
            continue
        for signal in signals:
            if np.squeeze(signal["data"]).ndim == 2:
                return _one_image(path, signal["data"]), _axis_pixel(signal["axes"])
        reasons.append(f"{plugin['name']}: holds no single image")
    raise InputError(f"{path}: cannot be read as an image: " + " ".join("; ".join(reasons).split()))


def _axis_pixel(axes: Sequence[dict[str, Any]]) -> float | None:
    """Pixel size along x [Å], where the unit is one of length."""
    unit, scale = str(axes[-1].get("units", "")).strip().lower(), axes[-1].get("scale")
    if unit not in ANGSTROM_PER or not scale:
        return None
    return abs(float(scale)) * ANGSTROM_PER[unit]


def _one_image(path: Path, values: NDArray[Any]) -> NDArray[np.float32]:
    image = np.squeeze(np.asarray(values))
    if image.ndim != 2 or np.iscomplexobj(image):
        raise InputError(
            f"{path}: holds {image.dtype} data of shape {image.shape}; one image is needed, add "
            "up the frames of a movie first"
        )
    return np.array(image, dtype=np.float32)


def _extra(path: Path, package: str) -> MissingExtraError:
    return MissingExtraError(
        f'{path}: its format is read by {package}; pip install "diffragan[formats]"'
    )
