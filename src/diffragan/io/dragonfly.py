"""Counts of many patterns in Dragonfly's sparse photon file, `.emc`.

All numbers are little-endian 32-bit integers: frames, pixels of a frame, 0 for the sparse kind;
zeros up to byte 1,024; for every frame how many of its pixels hold one count; for every frame how
many hold more; the places of the former, frame after frame; the places of the latter; their counts.

Source: Ayyer, Lan, Elser and Loh, J. Appl. Cryst. 49 (2016) 1320, and the format's description at
https://github.com/duaneloh/Dragonfly/wiki (written anew from the layout).
"""

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.files import atomic_path, named_in_errors

ENDING = ".emc"
HEADER_BYTES = 1024
SPARSE = 0
WORD = np.dtype("<i4")
MOST = np.iinfo(WORD).max


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    frames: int
    counts: int
    """Of all frames together."""


def write_photons(path: Path, frames: Iterable[NDArray[np.number]], pixels: int) -> Written:
    """Write counts, a frame at a time: memory does not grow with their number.

    Parameters
    ----------
    path : File to write; an older one is replaced.
    frames : Each `(pixel,)`, whole numbers.
    pixels : Of a frame.

    Raises
    ------
    InputError : A frame is no list of counts, or there is none.
    """
    ones: list[int] = []
    others: list[int] = []
    total = 0
    with named_in_errors(path), ExitStack() as stack, atomic_path(path) as beside:
        # The file has all frames' places before any frame's counts.
        parts = [stack.enter_context(TemporaryFile(dir=path.parent)) for _ in range(3)]
        for number, frame in enumerate(frames):
            counts = _counts(frame, pixels, f"{path}: frame {number}")
            single, several = np.flatnonzero(counts == 1), np.flatnonzero(counts > 1)
            for part, values in zip(parts, (single, several, counts[several]), strict=True):
                part.write(values.astype(WORD).tobytes())
            ones.append(len(single))
            others.append(len(several))
            total += int(counts.sum(dtype=np.int64))
        if not ones:
            raise InputError(f"{path}: there is no pattern to write")
        with beside.open("wb") as file:
            header = np.array([len(ones), pixels, SPARSE], WORD).tobytes()
            file.write(header.ljust(HEADER_BYTES, b"\0"))
            file.write(np.array([*ones, *others], WORD).tobytes())
            for part in parts:
                part.seek(0)
                shutil.copyfileobj(part, file)
    return Written(len(ones), total)


def _counts(frame: NDArray[np.number], pixels: int, name: str) -> NDArray[np.number]:
    if frame.shape != (pixels,):
        raise InputError(f"{name} has {frame.size} pixels, and others have {pixels}")
    whole = np.isfinite(frame).all() and (frame == np.rint(frame)).all()
    if not whole or frame.min() < 0 or frame.max() > MOST:
        raise InputError(
            f"{name} has values that are no counts, and a photon file holds counts only; simulate "
            "with a dose, or convert the detector's values to electrons first"
        )
    return frame


@dataclass(frozen=True, slots=True)
class Photons:
    """Counts of many frames as they lie in the file, read when they are asked for."""

    pixels: int
    starts: tuple[NDArray[np.int64], NDArray[np.int64]]
    """Where each frame's ones, and its other counts, begin; one entry more than frames."""
    words: NDArray[np.int32]
    """Everything behind the header."""

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.starts[0]) - 1

    @property
    def counts(self) -> int:
        """Counts of all frames together."""
        ones, others = (int(part[-1]) for part in self.starts)
        return ones + int(self.words[len(self.words) - others :].sum(dtype=np.int64))

    def frame(self, number: int) -> NDArray[np.int32]:
        """Return the counts of one frame, `(pixel,)`."""
        ones, others = self.starts
        places = 2 * len(self)
        more = places + int(ones[-1])
        found = np.zeros(self.pixels, np.int32)
        found[self.words[places + ones[number] : places + ones[number + 1]]] = 1
        own = slice(more + others[number], more + others[number + 1])
        behind = int(others[-1])
        found[self.words[own]] = self.words[own.start + behind : own.stop + behind]
        return found


def read_photons(path: Path) -> Photons:
    """Open a sparse photon file.

    Raises
    ------
    InputError : It is missing, of another kind, cut off, or contradicts itself.
    """
    try:
        size = path.stat().st_size
        header = np.fromfile(path, WORD, 3)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if size < HEADER_BYTES or size % WORD.itemsize:
        raise InputError(f"{path}: is no photon file, or cut off; write it again")
    frames, pixels, kind = header.tolist()
    if kind != SPARSE or frames < 1 or pixels < 1:
        raise InputError(
            f"{path}: holds {frames} frames of {pixels} pixels, kind {kind}; only sparse photon "
            "files (kind 0) with frames in them are read"
        )
    words = np.memmap(path, WORD, "r", HEADER_BYTES)
    if len(words) < 2 * frames:
        raise InputError(f"{path}: ends before the sizes of its {frames} frames; write it again")
    ones, others = (_starts(words[part * frames : (part + 1) * frames]) for part in (0, 1))
    expected = 2 * frames + int(ones[-1]) + 2 * int(others[-1])
    places = words[2 * frames : expected - int(others[-1])]
    if len(words) != expected or (len(places) and not 0 <= places.min() <= places.max() < pixels):
        raise InputError(
            f"{path}: its frames should fill {expected} numbers within {pixels} pixels, and do "
            "not; write it again"
        )
    return Photons(pixels, (ones, others), words)


def _starts(sizes: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
