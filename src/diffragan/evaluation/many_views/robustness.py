"""What errors of an experiment did to maps: the JSON of `benchmarks/many_views_robustness.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffragan.errors import InputError
from diffragan.io.files import read_json

UNHARMED = "none"
"""Name of the curve whose one run has no fault: where all others begin."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of error."""

    words: str
    axis: str
    """What its size is, with the unit."""
    scale: float = 1.0
    """From a size as it is kept to one that is shown."""
    variant: str | None = None
    """Name of the curve in which it was dealt with."""
    variant_words: str = ""


FAULTS = {
    "orientation": Fault(
        "orientations turned", "error, rms [°]", 1, "orientation, refined", "refined"
    ),
    "centring": Fault("patterns off centre", "error, rms [pixels]"),
    "middle": Fault("middle missing", "radius of the beam stop [1/Å]"),
    "camera": Fault("camera length wrong", "error [%]"),
    "defocus": Fault("defocus wrong", "error [Å]"),
    "strangers": Fault(
        "other molecule's patterns", "share [%]", 100, "strangers, sorted", "sorted"
    ),
    "ice": Fault("ice", "thickness [Å]", 1, "ice, background known", "background known"),
}


@dataclass(frozen=True, slots=True)
class Robustness:
    """All curves of one molecule."""

    molecule: str
    mass_kda: float
    arguments: Mapping[str, str]
    runs: Sequence[Mapping[str, Any]]

    def curve(self, name: str) -> list[Mapping[str, Any]]:
        """Return runs of one curve by the size of their fault, from the one without any."""
        own = [run for run in self.runs if run["curve"] == name]
        if own and min(run["size"] for run in own) > 0:
            own += [run for run in self.runs if run["curve"] == UNHARMED]
        return sorted(own, key=lambda run: float(run["size"]))


def read_robustness(path: Path) -> Robustness:
    """Read all curves of a file.

    Raises
    ------
    InputError : It is not of this benchmark.
    """
    record = read_json(path)
    try:
        found = Robustness(
            str(record["molecule"]), float(record["mass_kda"]), record["arguments"], record["runs"]
        )
        for run in found.runs:
            _ = (run["curve"], float(run["size"]), run["fsc_truth_at_angstrom"], run["r_free"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: holds no runs of benchmarks/many_views_robustness.py ({error}); make it again"
        ) from None
    return found
