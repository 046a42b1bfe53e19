"""How far a run is: all that changes beside the networks."""

from dataclasses import dataclass, field
from typing import Any, Self

from diffragan.errors import InputError


@dataclass(slots=True)
class Position:
    """Step, best validation, and what was measured since the last row of the log."""

    step: int = 0
    best_frc: float = -1.0
    """Best validation FRC so far; -1 is the worst there is."""
    sums: dict[str, float] = field(default_factory=dict)
    """Sums of what each step measured since the last row of the log."""
    summed: int = 0
    lasting: dict[str, int] = field(default_factory=dict)
    """For how many steps or validations in a row each symptom of a failing training was seen."""
    typical_gradient: dict[str, float] = field(default_factory=dict)
    """Running average of each network's gradient norm."""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read the fields from JSON.

        Raises
        ------
        InputError : They are not the fields of a position.
        """
        try:
            return cls(**values)
        except TypeError:
            raise InputError(f"{values} is not the position of a run; train again") from None

    def add(self, measured: dict[str, float]) -> None:
        """Count one step."""
        self.step += 1
        self.summed += 1
        for name, value in measured.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def take_means(self) -> dict[str, float]:
        """Return the means since the last call, and begin anew."""
        means = {name: total / self.summed for name, total in self.sums.items()}
        self.sums, self.summed = {}, 0
        return means
