"""EMPAD's raw frames of 128 x 128, each with two rows of the detector's own, and their XML."""

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.io.scans import empad_layout as names
from diffragan.io.scans.found import found_settings
from diffragan.io.scans.reading import readable
from diffragan.io.scans.records import RecordFile, RecordLayout
from diffragan.io.scans.scan import Frames, ScanInfo
from diffragan.io.scans.units import Quantity

NAMED_SHAPE = re.compile(r".*_x(\d+)_y(\d+)")
"""EMPAD names its raw files by the positions of the scan."""
DTYPE = np.dtype("<f4")
LAYOUT = RecordLayout(
    (names.PIXELS, names.PIXELS),
    DTYPE,
    after_bytes=(names.ROWS - names.PIXELS) * names.PIXELS * DTYPE.itemsize,
)


class EmpadScan:
    """A scan in a raw file, named itself or by its XML."""

    def __init__(self, path: Path, given: ScanSettings) -> None:
        root = None
        raw = path
        beside = path if path.suffix.lower() == ".xml" else path.with_suffix(".xml")
        if beside.is_file():
            root = read_xml(beside)
            raw = path if path != beside else _raw_file(beside, root)
        self._file = RecordFile(raw, LAYOUT)
        found, notes = _found(root, _shape(root, raw), given)
        frame_shape = LAYOUT.frame_shape
        self.info = ScanInfo(path, "EMPAD", found.shape, frame_shape, DTYPE, found, notes)
        self.available()  # says where the raw file is not there

    def available(self) -> int:
        """Count the frames that are whole by now."""
        return self._file.available()

    def left_over_bytes(self) -> int:
        """Return what stands behind the last whole frame."""
        return self._file.left_over_bytes()

    def read(self, first: int, last: int) -> Frames:
        """Read frames without the two rows of the detector's own."""
        return self._file.read(first, last)


def read_xml(path: Path) -> ElementTree.Element:
    """Read EMPAD's XML.

    Raises
    ------
    InputError : It is damaged, or of another program.
    """
    try:
        with readable(path):
            root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise InputError(f"{path}: cannot be read as XML ({error})") from None
    if root.find(names.MEASURED) is None and _raw_name(root) is None:
        raise InputError(f"{path}: is XML, but not EMPAD's")
    return root


def _raw_name(root: ElementTree.Element) -> str | None:
    first = root.find("raw_file")
    if first is not None:
        return first.get("filename")
    return root.findtext("rawfile/filename")


def _raw_file(path: Path, root: ElementTree.Element) -> Path:
    name = _raw_name(root)
    if name is None:
        raise InputError(f"{path}: does not name its raw file; name that one yourself")
    # A path of the microscope's computer means nothing here.
    return path.with_name(re.split(r"[\\/]", name)[-1])


def _shape(root: ElementTree.Element | None, raw: Path) -> tuple[int, int] | None:
    if root is not None:
        y, x = root.findtext("pix_y"), root.findtext("pix_x")
        if y and x and y.isdigit() and x.isdigit():
            return int(y), int(x)
    named = NAMED_SHAPE.fullmatch(raw.stem)
    return (int(named[2]), int(named[1])) if named else None


def _found(
    root: ElementTree.Element | None, shape: tuple[int, int] | None, given: ScanSettings
) -> tuple[ScanSettings, tuple[str, ...]]:
    if root is None:
        return found_settings(given, shape=shape)
    measured = root.find(names.MEASURED)
    values = {} if measured is None else {e.tag: (e.text or "").strip() for e in measured}
    later = None if measured is None else measured.find(names.LATER_FIELD_OF_VIEW)
    return found_settings(
        given,
        shape=shape,
        energy=_quantity(values, "V", names.HIGH_VOLTAGE, names.SECOND_HIGH_VOLTAGE),
        sampling=_quantity(values, "rad", names.ANGLE_PER_PIXEL) or _frequency(values),
        step=None if shape is None else _step(values, later, shape),
    )


def _quantity(values: dict[str, str], unit: str, *keys: str) -> Quantity | None:
    for key in keys:
        try:
            return Quantity(float(values[key]), unit)
        except (KeyError, ValueError):
            continue
    return None


def _frequency(values: dict[str, str]) -> Quantity | None:
    """Return the sampling as a spatial frequency, which only the first generation means so."""
    if names.SECOND_HIGH_VOLTAGE in values:
        return None
    written = _quantity(values, "1/angstrom", names.Q_PER_PIXEL)
    return written and Quantity(written.value * names.Q_UNIT_PER_ANGSTROM, written.unit)


def _step(
    values: dict[str, str], later: ElementTree.Element | None, shape: tuple[int, int]
) -> Quantity | None:
    """Return the step of the scan from its field of view."""
    longer = max(shape)
    try:
        if later is not None and later.find("x") is not None:
            factor = float(later.findtext("scale_factor") or 1)
            return Quantity(float(later.findtext("x") or "") / factor / longer, "m")
        if names.SECOND_FIELD_OF_VIEW in values:
            return Quantity(float(values[names.SECOND_FIELD_OF_VIEW]) / longer, "m")
        field = ast.literal_eval(values[names.FIELD_OF_VIEW])
        return Quantity(float(field[1]) / shape[1], "m")
    except (KeyError, ValueError, SyntaxError, TypeError, IndexError, ZeroDivisionError):
        return None
