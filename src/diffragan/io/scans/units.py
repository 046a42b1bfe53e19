"""Lengths and angles in the units that files name, turned into ours."""

import unicodedata
from dataclasses import dataclass

from diffragan.electron import Electron

ANGSTROM = {"m": 1e10, "mm": 1e7, "um": 1e4, "nm": 10.0, "angstrom": 1.0, "a": 1.0, "pm": 0.01}
"""Length of each unit [Å]."""
MRAD = {"rad": 1e3, "mrad": 1.0, "urad": 1e-3, "deg": 17.453292519943295}
KEV = {"ev": 1e-3, "kev": 1.0, "mev": 1e3, "v": 1e-3, "kv": 1.0, "mv": 1e3}
"""Energy [keV]; a tension stands for the energy it gives an electron."""
LETTERS = {"Å": "angstrom", "μ": "u", "\N{MINUS SIGN}": "-", "_": "", " ": ""}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as a file has it."""

    value: float
    unit: str


def angstrom(length: Quantity) -> float | None:
    """Return a length [Å], or nothing if its unit is of no length."""
    factor = ANGSTROM.get(_plain(length.unit))
    return None if factor is None else abs(length.value) * factor


def kev(energy: Quantity) -> float | None:
    """Return an energy [keV], or nothing if its unit is of no energy or tension."""
    factor = KEV.get(_plain(energy.unit))
    return None if factor is None else abs(energy.value) * factor


def mrad(sampling: Quantity, energy_kev: float | None) -> float | None:
    """Return the angle between pixels [mrad], or nothing if the unit does not tell it.

    Parameters
    ----------
    sampling : As an angle, or as a spatial frequency q = 1/d, which needs the energy.
    """
    unit = _plain(sampling.unit)
    if unit in MRAD:
        return abs(sampling.value) * MRAD[unit]
    if not is_frequency(sampling) or energy_kev is None:
        return None
    per_angstrom = abs(sampling.value) / ANGSTROM[_length_of(unit)]
    return Electron(energy_kev).angle_mrad(per_angstrom)


def is_frequency(sampling: Quantity) -> bool:
    """Say whether the unit is one of spatial frequency."""
    return _length_of(_plain(sampling.unit)) in ANGSTROM


def _length_of(unit: str) -> str:
    """Return `nm` of `1/nm`, `nm^-1`, `nm-1` or `nm**-1`, and nothing of another unit."""
    if unit.startswith("1/"):
        return unit[2:].strip("()")
    for ending in ("**-1", "^-1", "-1", "^(-1)"):
        if unit.endswith(ending):
            return unit.removesuffix(ending)
    return ""


def _plain(unit: str) -> str:
    """Return a unit in small Latin letters, without brackets, blanks and EMD's underscores."""
    plain = unicodedata.normalize("NFKC", unit).strip().strip("[]")
    for written, meant in LETTERS.items():
        plain = plain.replace(written, meant)
    if plain in {"A", "A^-1", "1/A", "A-1", "A**-1"}:
        plain = plain.replace("A", "angstrom")
    plain = plain.replace("Angstroms", "angstrom").replace("Angstrom", "angstrom")
    # The capital tells mega from milli; of lengths and angles nobody means the former.
    plain = plain.lower()
    return {"degree": "deg", "degrees": "deg", "meter": "m", "nanometer": "nm"}.get(plain, plain)
