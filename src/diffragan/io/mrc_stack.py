"""Images of an MRC stack, read and written in parts: a stack may be larger than the memory."""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import mrcfile
import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.files import atomic_path, named_in_errors
from diffragan.io.mrc import EQUAL_PIXELS, set_label


class ImageStack:
    """A stack of square images with one pixel size, open for reading."""

    def __init__(self, path: Path) -> None:
        """Open a stack.

        Raises
        ------
        InputError : The file is missing, not an MRC file or cut off, its images are not real and
            square, or its header has no pixel size.
        """
        self.path = path
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                self._file = mrcfile.mmap(path, mode="r")
        except (ValueError, RuntimeWarning, EOFError, OSError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{path}: cannot be read as MRC: {reason}") from None
        data = self._file.data
        if data.ndim not in (2, 3) or np.iscomplexobj(data) or data.shape[-1] != data.shape[-2]:
            raise InputError(
                f"{path}: holds {data.shape} values of {data.dtype}; a stack of real, square "
                "images is needed"
            )
        self._images = data.reshape(-1, *data.shape[-2:])
        x, y = float(self._file.voxel_size.x), float(self._file.voxel_size.y)
        if not (np.isfinite(x) and x > 0 and abs(x - y) <= EQUAL_PIXELS * x):
            raise InputError(
                f"{path}: the header says pixels of {x:g} x {y:g} Å; set its cell dimensions [Å]"
            )
        self.pixel_angstrom = x

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._images)

    @property
    def pixels(self) -> int:
        """Side of the images."""
        return int(self._images.shape[-1])

    def read(self, indices: Sequence[int]) -> NDArray[np.float32]:
        """Read images `(n, y, x)`, numbered from 0.

        Raises
        ------
        InputError : There is no such image, or it holds values that are not finite.
        """
        found = np.empty((len(indices), self.pixels, self.pixels), np.float32)
        for row, index in enumerate(indices):
            if not 0 <= index < len(self):
                raise InputError(
                    f"{self.path}: has {len(self)} images, and image {index + 1} is asked for"
                )
            found[row] = self._images[index]
            if not np.isfinite(found[row]).all():
                raise InputError(
                    f"{self.path}: image {index + 1} holds values that are not finite; write the "
                    "file again without them"
                )
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def write_stack_in_parts(
    path: Path,
    parts: Iterable[NDArray[np.float32]],
    count: int,
    pixels: int,
    pixel_angstrom: float,
    label: str = "",
) -> None:
    """Write a stack whose images come in parts.

    Parameters
    ----------
    path : File to write; an older one is replaced.
    parts : `(n, y, x)` each, `count` images in all, origin at pixel n // 2.
    count : Images in the stack.
    pixels : Side of the images.
    pixel_angstrom : Edge of a pixel [Å].
    label : Words for the header, after the program's name and version.

    Raises
    ------
    InputError : A part holds values that are not finite, or the numbers do not agree.
    """
    written = 0
    mode = mrcfile.utils.mode_from_dtype(np.dtype(np.float32))
    shape = (count, pixels, pixels)
    with (
        atomic_path(path) as beside,
        named_in_errors(path),
        mrcfile.new_mmap(beside, shape, mrc_mode=mode) as file,
    ):
        file.set_image_stack()
        file.voxel_size = pixel_angstrom
        for part in parts:
            if not np.isfinite(part).all():
                raise InputError(f"{path}: an image to write holds values that are not finite")
            if written + len(part) > count:
                raise InputError(f"{path}: more than {count} images came")
            file.data[written : written + len(part)] = part
            written += len(part)
        if written != count:
            raise InputError(f"{path}: {written} images came for a stack of {count}")
        file.update_header_stats()
        set_label(file, label)
