"""One evaluation as the page needs it: scores by name, proteins, and what was measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from diffragan.errors import InputError
from diffragan.evaluation.metrics import MeasuredLimit, Resolution, resolution
from diffragan.evaluation.page_record import read_metrics
from diffragan.evaluation.views import read_views
from diffragan.evaluation.wording import CONTROL_LABELS

MAIN = "hybrid"
ALONE = "low-resolution"
COMPARED = (MAIN, "network", "hio", "raar", "cgan", ALONE)
"""What curves over conditions show, the page's method first."""
AS_CONTROL = {"hio": "hio", "raar": "raar", ALONE: "low_resolution_image_alone"}
"""Controls that do what a method of another name would do."""

Scores = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `diffragan evaluate` wrote of one data set."""

    metrics: Mapping[str, Any]
    protein_of: Mapping[int, str]
    """Protein of each item; empty where it is not known."""

    @property
    def limit(self) -> MeasuredLimit:
        """Where its patterns end."""
        ends = self.metrics["measured_limit_angstrom"]
        frequency = next(iter(self.metrics["methods"].values()))["frequency_per_angstrom"]
        return MeasuredLimit(ends["axis"], ends["corner"], len(frequency) + 1, 1 / frequency[0])

    @property
    def main(self) -> str:
        """Name of the page's method.

        Raises
        ------
        InputError : It was not evaluated.
        """
        found = [name for name in self.metrics["methods"] if name.startswith(MAIN)]
        if not found:
            there = ", ".join(self.metrics["methods"])
            raise InputError(f"the evaluation has no method '{MAIN}', only {there}; phase by it")
        return MAIN if MAIN in found else found[0]

    @property
    def experiment(self) -> Mapping[str, Any]:
        """Settings of the data set."""
        settings: Mapping[str, Any] = self.metrics["data"]["experiment"]
        return settings

    @property
    def proteins(self) -> Sequence[Mapping[str, Any]]:
        """Group of each protein, the lightest first."""
        return sorted(self.metrics["groups"]["protein"], key=lambda group: group["mass_kda"])

    def scores(self, name: str) -> Scores | None:
        """Return the scores of a method, or of the control that does the same; `None` without."""
        if name == MAIN:
            name = self.main
        methods, controls = self.metrics["methods"], self.metrics["controls"]
        found: Scores | None = methods.get(name) or controls.get(AS_CONTROL.get(name, ""))
        return found

    def judged(self) -> Iterator[tuple[str, Scores]]:
        """Yield every method, its reruns with replaced inputs, and all controls."""
        for name, method in self.metrics["methods"].items():
            yield name, method
            for key, control in method["controls"].items():
                if "frc_mean" in control:
                    yield f"{name}: {key.replace('_', ' ')}", control
        for name, control in self.metrics["controls"].items():
            if name not in self.metrics["methods"]:
                yield CONTROL_LABELS.get(name, name), control

    def read(self, curve: Sequence[float]) -> Resolution:
        """Read the resolution of a curve over rings 1, 2, ..."""
        return resolution(torch.tensor(curve, dtype=torch.float64), self.limit)


def read_evaluation(folder: Path) -> Evaluation:
    """Read the folder that `diffragan evaluate` wrote.

    Raises
    ------
    InputError : It is unfinished, damaged, or of another version of the program.
    """
    views = read_views(folder) or {"items": (), "molecule_of_item": (), "molecules": ()}
    owner = zip(views["items"], views["molecule_of_item"], strict=True)
    return Evaluation(
        read_metrics(folder, COMPARED), {item: views["molecules"][index] for item, index in owner}
    )
