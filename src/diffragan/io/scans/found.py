"""Settings that a file holds, put together from what it says in its own units."""

from typing import Any

from pydantic import ValidationError

from diffragan.config.acquisition import ScanSettings
from diffragan.io.scans.units import Quantity, angstrom, is_frequency, kev, mrad


def found_settings(
    given: ScanSettings,
    *,
    energy: Quantity | None = None,
    step: Quantity | None = None,
    sampling: Quantity | None = None,
    camera_length: Quantity | None = None,
    detector_pixel: Quantity | None = None,
    **others: Any,
) -> tuple[ScanSettings, tuple[str, ...]]:
    """Return the settings a file holds, and lines about what of it cannot be used.

    Parameters
    ----------
    given : What the user gave; its energy turns a spatial frequency into an angle.
    energy : Energy or high tension.
    step : Between positions of the scan.
    sampling : Of the pattern, as an angle or a spatial frequency for each pixel.
    camera_length, detector_pixel : Used together, where there is no `sampling`.
    others : Further settings, in their own units.
    """
    notes: list[str] = []
    values = {key: value for key, value in others.items() if value is not None}
    energy_kev = None if energy is None else kev(energy)
    if energy_kev:
        values["energy_kev"] = energy_kev
    if step is not None and (length := angstrom(step)):
        values["step_angstrom"] = length
    known_kev = given.energy_kev or energy_kev
    if sampling is not None and (angle := mrad(sampling, known_kev)):
        values["mrad_per_pixel"] = angle
    elif camera_length is not None and detector_pixel is not None:
        length, pixel = angstrom(camera_length), angstrom(detector_pixel)
        if length and pixel:
            values |= {"camera_length_mm": length * 1e-7, "detector_pixel_um": pixel * 1e-4}
    elif sampling is not None and is_frequency(sampling) and not known_kev:
        notes.append(
            f"its sampling of {sampling.value:g} {sampling.unit} needs scan.energy_kev to be used"
        )
    return _sensible(values, notes), tuple(notes)


def _sensible(values: dict[str, Any], notes: list[str]) -> ScanSettings:
    """Leave out what no setting can be, as a step of 0, and note it."""
    pairs = ("camera_length_mm", "detector_pixel_um")
    used: dict[str, Any] = {}
    for key, value in values.items():
        try:
            # Of two that go together each is tried with a harmless partner.
            partner = {other: 1.0 for other in pairs if key in pairs and other != key}
            ScanSettings.model_validate({**partner, key: value})
        except ValidationError:
            notes.append(f"its {key} of {value:g} cannot be and is not used")
        else:
            used[key] = value
    if sum(key in used for key in pairs) == 1:
        used = {key: value for key, value in used.items() if key not in pairs}
    return ScanSettings(**used)
