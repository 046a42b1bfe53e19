"""What every reader of a 4D scan gives."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from diffragan.config.acquisition import ScanSettings

Frames = NDArray[Any]
"""`(frame, q_y, q_x)`, as the detector wrote them, in the type of the file."""


@dataclass(frozen=True, slots=True)
class ScanInfo:
    """What a file says of the scan it holds."""

    path: Path
    format: str
    """Name of the format, as `MIB` or `EMPAD`."""
    shape: tuple[int, int] | None
    """Positions along y and x; none where the file only numbers its frames."""
    frame_shape: tuple[int, int]
    """Pixels of a frame along q_y and q_x."""
    dtype: np.dtype[Any]
    found: ScanSettings
    """The settings that the file holds; others are none."""
    warnings: tuple[str, ...] = ()
    """Lines about what does not agree, or cannot be used."""


class Scan(Protocol):
    """A scan that is read a few frames at a time, the first position of each row first."""

    info: ScanInfo

    def available(self) -> int:
        """Count the frames that are complete by now; grows while the scan is still written."""
        ...

    def read(self, first: int, last: int) -> Frames:
        """Read frames `first` up to, not including, `last`.

        Raises
        ------
        InputError : They are damaged or not there.
        """
        ...
