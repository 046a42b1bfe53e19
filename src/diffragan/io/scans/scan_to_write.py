"""What a writer of scans is handed, and what one format of them consists of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import ConfigError
from diffragan.io.scans.scan import Frames


@dataclass(frozen=True, slots=True)
class ScanToWrite:
    """A scan whose frames are still to come."""

    shape: tuple[int, int]
    """Positions along y and x."""
    frame_shape: tuple[int, int]
    dtype: np.dtype[Any]
    settings: ScanSettings

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.shape[0] * self.shape[1]


class BinaryFormat(Protocol):
    """A file of a start and one record for each frame, perhaps with small texts beside it."""

    @property
    def ending(self) -> str:
        """What the file's name ends with."""
        ...

    def check(self, job: ScanToWrite) -> None:
        """Raise `ConfigError` where the format cannot hold such frames."""
        ...

    def start(self, job: ScanToWrite) -> bytes:
        """Return what stands before the first record."""
        ...

    def records(self, job: ScanToWrite, first: int, frames: Frames) -> NDArray[Any]:
        """Return the records of frames that follow each other, from number `first`."""
        ...

    def beside(self, job: ScanToWrite, path: Path) -> dict[str, str]:
        """Return names and texts of the files that stand beside `path`."""
        ...


def check_type(job: ScanToWrite, name: str, kinds: tuple[str, ...]) -> None:
    """Raise `ConfigError` unless the values are of one of the types a format knows."""
    if job.dtype.name not in kinds:
        raise ConfigError(f"{name} holds {', '.join(kinds)}, and not {job.dtype.name}")
