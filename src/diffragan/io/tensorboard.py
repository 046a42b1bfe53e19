"""Curves and pictures of a training run for TensorBoard, an optional extra."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import MissingExtraError


class TensorBoard:
    """Writes event files into a folder."""

    def __init__(self, folder: Path, first_step: int) -> None:
        """Open a folder; what an interrupted run wrote from `first_step` on is taken back.

        Raises
        ------
        MissingExtraError : TensorBoard is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415, an extra
        except ImportError:
            raise MissingExtraError(
                "--tensorboard needs TensorBoard; install it with `pip install "
                "'diffragan[tensorboard]'`"
            ) from None
        self._writer: Any = SummaryWriter(str(folder), purge_step=first_step)

    def write(
        self,
        step: int,
        values: Mapping[str, float],
        rows: Sequence[Sequence[NDArray[np.float32]]],
        warnings: Sequence[str],
    ) -> None:
        """Write curves, rows of square grey pictures (black at 0, white at 1), and warnings."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        if rows:
            picture = np.concatenate([np.concatenate(row, axis=1) for row in rows])
            self._writer.add_image("samples", picture.clip(0, 1)[None], step)
        for warning in warnings:
            self._writer.add_text("warnings", warning, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()
