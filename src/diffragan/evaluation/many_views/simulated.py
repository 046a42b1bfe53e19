"""Maps from counts that a benchmark drew: the JSON of `benchmarks/many_views.py`, row by row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffragan.errors import InputError
from diffragan.io.files import read_json

NONE = "None"
_PATHS = re.compile(r"PosixPath\('([^']*)'\)")


@dataclass(frozen=True, slots=True)
class Simulated:
    """One run of one molecule."""

    run: Mapping[str, Any]
    arguments: Mapping[str, str]
    memory_bytes: int | None
    """The most that the process held up to the end of its last run."""

    @property
    def molecule(self) -> str:
        """Name of the molecule."""
        return str(self.run["molecule"])

    @property
    def dose(self) -> float | None:
        """Exposure of one pattern [e/Å2]; `None` without noise."""
        return None if self.arguments["dose"] == NONE else float(self.arguments["dose"])

    @property
    def patterns(self) -> int:
        """Patterns of that dose whose electrons the views hold in all."""
        told = self.arguments["patterns"]
        return int(self.run["views"]) if told == NONE else int(told)

    @property
    def exposure(self) -> float | None:
        """Electrons per area of all patterns together [e/Å2]."""
        return None if self.dose is None else self.patterns * self.dose

    @property
    def end_angstrom(self) -> float:
        """Where the data end [Å]."""
        return float(self.run["end_of_data_angstrom"])

    @property
    def resolution(self) -> float | None:
        """Where the map leaves the truth (0.5) [Å]; `None` if it never does."""
        found: float | None = self.run["fsc_truth_0p5_angstrom"]
        return found

    @property
    def claimed(self) -> float | None:
        """Where the half maps part (0.143) [Å]; `None` if they never do."""
        found: float | None = self.run["fsc_halves_0p143_angstrom"]
        return found

    def at(self, angstrom: float) -> float | None:
        """Correlation with the truth at one of the resolutions that were written down [Å]."""
        found: float | None = self.run["fsc_truth_at_angstrom"].get(f"{angstrom:g}")
        return found

    @property
    def turned_degrees(self) -> float:
        """How wrong its orientations were made (rms) [degrees]."""
        return float(self.arguments.get("turned", 0))


def read_simulated(path: Path) -> list[Simulated]:
    """Read all runs of a file.

    Raises
    ------
    InputError : It is not of this benchmark.
    """
    record = read_json(path)
    try:
        memory = record.get("peak_memory_bytes")
        found = [Simulated(run, record["arguments"], memory) for run in record["runs"]]
        for one in found:
            _ = (one.molecule, one.exposure, one.end_angstrom, one.resolution, one.claimed)
            _ = (one.turned_degrees, one.run["r_free"], one.run["cpu_s"]["all"], one.at(2))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: holds no runs of benchmarks/many_views.py ({error}); make it again"
        ) from None
    return found


def names_of(argument: str) -> list[str]:
    """Name the files of an argument without their folders."""
    paths = _PATHS.findall(argument) or [argument]
    return [Path(path).name for path in paths]
