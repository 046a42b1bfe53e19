"""What a run writes down as it goes: the table of losses, sample pictures, TensorBoard."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffragan.io.pictures import write_panels
from diffragan.io.tensorboard import TensorBoard
from diffragan.io.training_log import Row, read_log, write_log
from diffragan.progress import tell
from diffragan.training.runs import LOG, SAMPLES, TENSORBOARD
from diffragan.training.symptoms import ADVICE
from diffragan.training.validation import Validation


class Pace:
    """How fast steps are, and how much of their time goes by waiting for views.

    Validations and checkpoints are left out: they are not part of a step.
    """

    def __init__(self) -> None:
        self.views = 0
        self.seconds = 0.0
        self.waiting_s = 0.0

    def add(self, views: int, seconds: float, waiting_s: float) -> None:
        """Count one step."""
        self.views += views
        self.seconds += seconds
        self.waiting_s += waiting_s

    def take(self) -> dict[str, float]:
        """Return the rate [images/s] and the share of waiting since the last call."""
        if not self.seconds:
            return {}
        taken = {
            "images_per_second": self.views / self.seconds,
            "waiting_for_data": self.waiting_s / self.seconds,
        }
        self.views, self.seconds, self.waiting_s = 0, 0.0, 0.0
        return taken


class Recorder:
    """Keeps the log of a run; only the first process has one."""

    def __init__(self, run: Path, step: int, *, tensorboard: bool) -> None:
        """Go on with the log of a run up to a step, or begin one at step 0."""
        self._run = run
        self._rows: list[Row] = read_log(run / LOG, step) if step else []
        self._board = TensorBoard(run / TENSORBOARD, step + 1) if tensorboard else None
        self.pace = Pace()
        self._warnings: list[str] = []

    def warn(self, step: int, symptoms: Sequence[str]) -> None:
        """Say that a training shows symptoms; they go into the next row, too."""
        for name in symptoms:
            tell(f"{self._run}: {name} (step {step}): {ADVICE[name]}")
            self._warnings.append(name)

    def record(
        self,
        step: int,
        epoch: float,
        means: Mapping[str, float],
        figures: Validation,
        rows: Sequence[Sequence[NDArray[np.float32]]],
    ) -> None:
        """Write a row of the table, a picture of samples, and what TensorBoard shows.

        Parameters
        ----------
        epoch : How often each view was shown so far, on average.
        means : What steps measured, averaged since the last row.
        figures, rows : What a validation found, and its pictures.
        """
        judged = {f"validation_{name}": value for name, value in asdict(figures).items()}
        values = {**means, **judged, **self.pace.take()}
        row = {"step": str(step), "epoch": f"{epoch:.6g}"}
        row |= {name: f"{value:.6g}" for name, value in values.items()}
        self._rows.append({**row, "warnings": "; ".join(self._warnings)})
        write_log(self._run / LOG, self._rows)
        write_panels(self._run / SAMPLES / f"step_{step:07d}.png", rows)
        if self._board is not None:
            self._board.write(step, values, rows, self._warnings)
        self._warnings = []

    def close(self) -> None:
        """Close what is open."""
        if self._board is not None:
            self._board.close()
