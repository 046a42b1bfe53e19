"""A folder of files of one frame each, in the order of the numbers in their names."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.io.scans.mib import MibScan
from diffragan.io.scans.mrc_scan import open_mrc_scan
from diffragan.io.scans.reading import readable, size_of
from diffragan.io.scans.scan import Frames, Scan, ScanInfo
from diffragan.io.scans.tiff import TiffScan

NUMBER = re.compile(r"(\d+)\D*$")
"""The last number in a name."""
OPENERS: dict[str, Callable[[Path, ScanSettings], Scan]] = {
    ".mib": MibScan,
    ".tif": TiffScan,
    ".tiff": TiffScan,
    ".mrc": open_mrc_scan,
}


class FolderScan:
    """A scan of one file for each frame; files may still be added."""

    def __init__(self, path: Path, given: ScanSettings) -> None:
        self._path = path
        self._given = given
        self._ending = _ending(path)
        self._first: int | None = None
        numbered = self._numbered()
        if not numbered:
            raise InputError(f"{path}: no file in it has a number in its name to go by")
        self._first = min(numbered)
        first = numbered[self._first]
        opened = OPENERS[self._ending](first, given)
        if opened.available() != 1:
            raise InputError(
                f"{first}: holds {opened.available()} frames; in a folder each file is one frame, "
                "and a file of several is named itself"
            )
        self._bytes = size_of(first)
        one = opened.info
        # The shape in a header beside is that of one file.
        found = one.found.model_copy(update={"shape": None})
        self.info = ScanInfo(
            path, f"folder of {one.format}", None, one.frame_shape, one.dtype, found, one.warnings
        )

    def available(self) -> int:
        """Count the files from the first on without a gap; a last one that is short is not done."""
        numbered, first = self._numbered(), self._first or 0
        count = 0
        while first + count in numbered:
            count += 1
        # Packed TIFFs vary in length: one is surely done when the next has begun.
        if count and first + count - 1 == max(numbered):
            last = numbered[first + count - 1]
            if size_of(last) < self._bytes and not self._opens(last):
                count -= 1
        return count

    def missing_number(self) -> int | None:
        """Return the first number of which there is no file though later ones are there."""
        numbered, first = self._numbered(), self._first or 0
        return next((n for n in range(first, max(numbered)) if n not in numbered), None)

    def read(self, first: int, last: int) -> Frames:
        """Read the frames of files that follow each other."""
        numbered, begin = self._numbered(), self._first or 0
        frames = []
        for number in range(begin + first, begin + last):
            if number not in numbered:
                raise InputError(f"{self._path}: has no file of number {number}")
            opened = OPENERS[self._ending](numbered[number], self._given)
            if opened.info.frame_shape != self.info.frame_shape or opened.available() != 1:
                raise InputError(
                    f"{numbered[number]}: is of {opened.available()} frames of "
                    f"{opened.info.frame_shape} pixels, and the first of "
                    f"{self.info.frame_shape}; frames of one size are needed"
                )
            frames.append(opened.read(0, 1))
        return np.concatenate(frames)

    def _numbered(self) -> dict[int, Path]:
        """Return the files that there are by now, by their numbers."""
        found: dict[int, Path] = {}
        with readable(self._path):
            for file in self._path.iterdir():
                if file.suffix.lower() == self._ending and (match := NUMBER.search(file.stem)):
                    number = int(match[1])
                    if number in found:
                        raise InputError(
                            f"{self._path}: {found[number].name} and {file.name} have the same "
                            "number; leave one scan in the folder"
                        )
                    found[number] = file
        return found

    def _opens(self, path: Path) -> bool:
        try:
            return OPENERS[self._ending](path, self._given).available() == 1
        except InputError:
            return False


def _ending(path: Path) -> str:
    """Return the one ending that files of frames have in a folder."""
    with readable(path):
        endings = {file.suffix.lower() for file in path.iterdir()} & set(OPENERS)
    if len(endings) != 1:
        known = ", ".join(OPENERS)
        raise InputError(
            f"{path}: a scan in a folder has files of one of the endings {known}; it has "
            + (", ".join(sorted(endings)) or "none of them")
        )
    return endings.pop()
