"""Blocks of frames as tensors, checked, and counts as electrons."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.typing import Patterns


def as_block(frames: NDArray[Any], first: int, device: torch.device | str = "cpu") -> Patterns:
    """Return frames as float32, which holds whole counts exactly up to 16,777,216.

    Parameters
    ----------
    frames : `(frame, q_y, q_x)`, numbers of any type.
    first : Number of the first frame in its scan, for messages.

    Raises
    ------
    InputError : There are no pixels, or some hold no number.
    """
    if frames.ndim != 3 or frames.size == 0:
        raise InputError(
            f"frames {first} and on: an array of shape {frames.shape}; "
            "some (frame, q_y, q_x) with at least one of each is needed"
        )
    if frames.dtype.kind not in "uif":
        raise InputError(f"frames {first} and on: pixels of type {frames.dtype} hold no counts")
    if frames.dtype.kind == "f":
        bad = ~np.isfinite(frames).all((1, 2))
        if bad.any():
            raise InputError(
                f"frame {first + int(bad.argmax())}: holds pixels that are no numbers (NaN or "
                "infinite); is the file damaged, or its byte order or type another?"
            )
    native = np.ascontiguousarray(frames, dtype=np.float32)
    return torch.from_numpy(native).to(device)


def to_electrons(counts: Patterns, offset_counts: float, counts_per_electron: float) -> Patterns:
    """Turn what pixels hold into electrons; exact for a counting detector (0 and 1)."""
    if offset_counts:
        counts = counts - offset_counts
    return counts if counts_per_electron == 1 else counts / counts_per_electron
