"""Which frames of a scan are looked at first, and reading them in blocks."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.acquisition.calibration.frames import as_block
from diffragan.acquisition.calibration.statistics import GROUPS
from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.io.scans.scan import Scan
from diffragan.io.scans.upright import upright
from diffragan.typing import Patterns

RUN = 4
"""Frames that are read at once from each place."""
BLOCK_PIXELS = 4_194_304
"""Pixels of a block: 64 frames of 256 x 256."""
FEWEST_FRAMES = 16
UNUSUAL = 4.0


def choose_frames(available: int, wanted: int | None) -> NDArray[np.int64]:
    """Choose runs of frames spread evenly over a scan; all frames when none are wanted.

    Raises
    ------
    InputError : Fewer than `FEWEST_FRAMES` frames.
    """
    if available < FEWEST_FRAMES or (wanted is not None and wanted < FEWEST_FRAMES):
        raise InputError(
            f"{available if wanted is None else min(available, wanted)} frames are too few to "
            f"calibrate a detector with; {FEWEST_FRAMES} are needed"
        )
    if wanted is None or wanted >= available:
        return np.arange(available)
    runs = max(wanted // RUN, 1)
    starts = np.floor((np.arange(runs) + 0.5) * available / runs).astype(np.int64)
    numbers = starts[:, None] + np.arange(RUN)[None, :]
    return np.unique(numbers.clip(0, available - 1))


def sampled_blocks(
    scan: Scan,
    settings: ScanSettings,
    numbers: NDArray[np.int64],
    device: torch.device | str = "cpu",
) -> Iterator[tuple[int, NDArray[np.int64], Patterns]]:
    """Read upright frames of counts by their numbers, in blocks of one group each.

    A frame that holds far more than its block's median (a flash) or far less (the beam was
    blanked) would count for hundreds or for nothing, and is left out.

    Yields the group, the numbers in the scan and the frames `(frame, q_y, q_x)`.
    """
    size = max(1, min(64, BLOCK_PIXELS // int(np.prod(scan.info.frame_shape))))
    for group, members in enumerate(np.array_split(numbers, GROUPS)):
        for start in range(0, len(members), size):
            chosen = members[start : start + size]
            edges = np.flatnonzero(np.diff(chosen) != 1) + 1
            parts = [scan.read(int(run[0]), int(run[-1]) + 1) for run in np.split(chosen, edges)]
            frames = upright(np.concatenate(parts), settings)
            block = as_block(frames, int(chosen[0]), device)
            total = block.flatten(1).sum(1)
            middle = total.median()
            usual = (total <= UNUSUAL * middle) & (total >= middle / UNUSUAL)
            if not bool(usual.any()):
                usual = torch.ones_like(usual)
            yield group, chosen[usual.cpu().numpy()], block[usual]
