"""What is known of a scan: what the user gave, and else what its file says."""

from pathlib import Path

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError

EQUAL_SHARE = 0.01
"""Values that differ by less are the same, written with fewer digits."""
ANGLE_KEYS = ("mrad_per_pixel", "camera_length_mm", "detector_pixel_um")
COMPARED = (
    "energy_kev",
    "angle_per_pixel_mrad",
    "step_angstrom",
    "beam_diameter_angstrom",
    "exposure_e_per_a2",
    "counts_per_electron",
    "saturation_counts",
)
NEEDED = {
    "energy_kev": "energy_kev",
    "angle_per_pixel_mrad": "mrad_per_pixel",
    "step_angstrom": "step_angstrom",
    "beam_diameter_angstrom": "beam_diameter_angstrom",
    "exposure_e_per_a2": "exposure_e_per_a2",
}
"""What nothing can be done without, and the key that gives it."""


def known_settings(found: ScanSettings, given: ScanSettings) -> ScanSettings:
    """Return what was given, and what the file says of the rest."""
    values = found.model_dump(exclude_none=True, exclude_unset=True)
    if given.angle_per_pixel_mrad is not None:
        values = {key: value for key, value in values.items() if key not in ANGLE_KEYS}
    values |= given.model_dump(exclude_none=True, exclude_unset=True)
    return ScanSettings(**values)


def contradictions(found: ScanSettings, given: ScanSettings) -> tuple[str, ...]:
    """Return a line for each value that was given and differs from the file's by over 1 %."""
    lines = []
    for key in COMPARED:
        written, wanted = getattr(found, key), getattr(given, key)
        if written is None or wanted is None:
            continue
        if abs(written - wanted) > EQUAL_SHARE * abs(written):
            name = NEEDED.get(key, key)
            lines.append(
                f"the file says scan.{name} {written:.6g}, and {wanted:.6g} was given, which counts"
            )
    return tuple(lines)


def missing(settings: ScanSettings) -> tuple[str, ...]:
    """Return the keys, of those that nothing can be done without, that have no value yet."""
    return tuple(key for name, key in NEEDED.items() if getattr(settings, name) is None)


def check_known(path: Path, settings: ScanSettings) -> None:
    """Raise an `InputError` that names every missing setting as a key of the configuration."""
    if keys := missing(settings):
        wanted = ", ".join(f"{key}: ..." for key in keys)
        either = (
            "; mrad_per_pixel may be camera_length_mm with detector_pixel_um instead"
            if "mrad_per_pixel" in keys
            else ""
        )
        raise InputError(
            f"{path}: does not say all that is needed; give in the configuration "
            f"`scan: {{{wanted}}}`{either}"
        )
