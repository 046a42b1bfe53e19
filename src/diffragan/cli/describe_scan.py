"""Lines that describe a 4D scan: its axes, what its file tells, and what is still to be given."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffragan.config.acquisition import ScanSettings
    from diffragan.io.scans.scan import Scan

UNITS = {
    "energy_kev": ("energy", "keV"),
    "angle_per_pixel_mrad": ("angle between pixels", "mrad"),
    "camera_length_mm": ("camera length", "mm"),
    "detector_pixel_um": ("detector's pixel", "µm"),
    "ellipticity": ("ellipticity, as a share", ""),
    "ellipticity_angle_deg": ("direction of the longest diameter", "degrees"),
    "step_angstrom": ("step of the scan", "Å"),
    "beam_diameter_angstrom": ("diameter of the beam", "Å"),
    "exposure_e_per_a2": ("exposure of a frame", "e/Å2"),
    "counts_per_electron": ("value of one electron", ""),
    "offset_counts": ("value of no electron", ""),
    "saturation_counts": ("largest value", ""),
}
TURNS = {
    "detector_transposed": "rows and columns of the detector are swapped",
    "detector_flipped_y": "rows of the detector run against q_y",
    "detector_flipped_x": "columns of the detector run against q_x",
}
SAMPLE_FRAMES = 16


def describe_scan(path: Path, given: "ScanSettings", picture: Path | None = None) -> Iterator[str]:
    """Yield the lines, and draw a picture if one is asked for.

    Raises
    ------
    InputError : It is no scan, or damaged; says the first problem.
    """
    from diffragan.io.scans.known import known_settings, missing
    from diffragan.io.scans.open import open_scan

    scan = open_scan(path, given)
    info = scan.info
    rows, columns = info.frame_shape
    positions = (
        "positions not known (give scan.shape)"
        if info.shape is None
        else f"{info.shape[0]} x {info.shape[1]} positions (scan_y, scan_x)"
    )
    yield f"{path}: {info.format} scan, {positions}, {rows} x {columns} px (rows, columns)"
    count = scan.available()
    megabytes = count * rows * columns * info.dtype.itemsize / 1e6
    yield f"  {count} frames of {info.dtype.name}, {megabytes:,.1f} MB unpacked"
    yield f"  {_values(scan)}"
    known = known_settings(info.found, given)
    for key, (words, unit) in UNITS.items():
        value = getattr(known, key)
        if value is not None:
            source = "given" if getattr(given, key) is not None else "the file"
            yield f"  {words}: {value:.6g} {unit}".rstrip() + f" ({source})"
    for key, words in TURNS.items():
        if getattr(known, key):
            yield f"  {words}"
    if known.scan_to_detector_deg:
        yield f"  the detector's x is the scan's, turned by {known.scan_to_detector_deg:g} degrees"
    for line in info.warnings:
        yield f"  note: {line}"
    if keys := missing(known):
        yield f"  still to be given, under scan: {', '.join(keys)}"
    if picture is not None:
        from diffragan.evaluation.scan_picture import draw_look, look_at

        draw_look(look_at(scan, known), scan, known, picture)
        yield f"  drawn: {picture}"
    yield "  no problem found at a glance"


def _values(scan: "Scan") -> str:
    """Word the values of some frames, spread over the scan."""
    import numpy as np

    count = scan.available()
    numbers = np.unique(np.linspace(0, count - 1, min(count, SAMPLE_FRAMES)).astype(int))
    frames = np.concatenate([scan.read(n, n + 1) for n in numbers]).astype(np.float64)
    return (
        f"values of {len(frames)} frames: {np.nanmin(frames):.4g} to {np.nanmax(frames):.4g}, "
        f"mean {np.nanmean(frames):.4g}"
    )
