"""One map by phase extension as the page needs it, from the folder that `reconstruct` wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffragan.errors import InputError
from diffragan.evaluation.many_views.cost import Cost, read_cost
from diffragan.evaluation.many_views.shell_curves import ShellCurve, shell_curve
from diffragan.io.files import read_json

HALVES_LEVEL = 0.143


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of one map."""

    place: Path
    fsc: Mapping[str, Any]
    factors: Mapping[str, Any]
    starts: int
    prtf: ShellCurve | None
    """Agreement of the phases of several starts."""
    truth: ShellCurve | None
    """Correlation with the true potential, where it is known."""
    halves: ShellCurve
    cost: Cost | None

    @property
    def molecule(self) -> str:
        """Name of the molecule."""
        return str(self.settings["molecule"])

    @property
    def settings(self) -> Mapping[str, Any]:
        """What was asked for."""
        asked: Mapping[str, Any] = self.fsc["provenance"]["settings"]
        return asked

    @property
    def mass_kda(self) -> float:
        """Mass that the support was made for."""
        return float(self.fsc["mass_kda"])

    @property
    def views(self) -> int:
        """Patterns in the map."""
        return sum(int(size) for size in self.fsc["half_set_sizes"])

    @property
    def end_angstrom(self) -> float:
        """Where the data end [Å]."""
        return float(1 / self.fsc["limit_per_angstrom"])

    @property
    def box_angstrom(self) -> float:
        """Side of the map [Å]."""
        return float(1 / self.fsc["frequency_per_angstrom"][1])

    @property
    def pixels(self) -> int:
        """Voxels along a side of the map."""
        return round(self.box_angstrom / float(self.fsc["pixel_angstrom"]))

    @property
    def r_factors(self) -> Mapping[str, float]:
        """`r_work`, `r_free` and `free_gain` of the cycle that was kept."""
        run = self.factors["map"][0]
        kept: Mapping[str, float] = run["cycles"][run["chosen"]]
        return kept

    @property
    def resolution(self) -> float | None:
        """Where the map leaves the truth (0.5) [Å]; `None` if it never does."""
        return None if self.truth is None else self.truth.resolution(0.5)

    @property
    def claimed(self) -> float | None:
        """Where the half maps part (0.143) [Å]; `None` if they never do."""
        return self.halves.resolution(HALVES_LEVEL)


def read_run(folder: Path) -> Run:
    """Read the folder of a map.

    Raises
    ------
    InputError : It is not one of phase extension, or a file of it is damaged.
    """
    fsc, factors = read_json(folder / "fsc.json"), read_json(folder / "r_factors.json")
    agreement = read_json(folder / "prtf.json")
    try:
        limit, frequency = fsc["limit_per_angstrom"], fsc["frequency_per_angstrom"]
        truth, alike = fsc.get("fsc_truth"), agreement["prtf"]
        shells = agreement["frequency_per_angstrom"]
        run = Run(
            folder,
            fsc,
            factors,
            int(agreement["starts"]),
            None if alike is None else shell_curve(shells, alike, limit),
            None if truth is None else shell_curve(frequency, truth, limit),
            shell_curve(frequency, fsc["fsc_half_maps"], limit),
            read_cost(folder),
        )
        # Told now, not in the middle of a page.
        _ = (run.molecule, run.mass_kda, run.views, run.pixels, run.r_factors["r_free"])
    except (KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"{folder}: is no finished map by phase extension ({error} is missing); name a folder "
            "that `diffragan reconstruct --method phase-extension` wrote"
        ) from None
    return run
