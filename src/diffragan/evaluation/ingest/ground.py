"""The overview image made small enough for a page, and where its points lie on the picture.

Pictures have x to the right and y upwards, whichever way the image's rows run.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from diffragan.acquisition.overview.frames import ImageFrame
from diffragan.errors import InputError
from diffragan.evaluation.ingest.folder import IngestFolder
from diffragan.io.files import write_bytes
from diffragan.io.overview_image import read_overview
from diffragan.io.pictures import grey_webp

FILE = "overview.webp"
MOST_PIXELS, FEWEST_PIXELS = 1600, 400
"""Of the longer side."""
PIXEL_ANGSTROM = 5.0
"""Finer pixels show noise in place of molecules."""
FLATTENED, FLATTENED_ANGSTROM = 0.8, 150.0
"""How much of what varies over a longer distance is taken off, so that carbon and thick ice do not
take all greys from molecules."""
QUALITY = 70
DEVIATIONS = 6.0
"""Times the median deviation from the median from where all is black, and all is white."""

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ground:
    """The picture that hits are drawn on."""

    frame: ImageFrame
    factor: int
    """Pixels of the image along a side of one of the picture."""

    @property
    def width(self) -> int:
        """Of the picture [pixels]."""
        return self.frame.shape[1] // self.factor

    @property
    def height(self) -> int:
        """Of the picture [pixels]."""
        return self.frame.shape[0] // self.factor

    @property
    def per_angstrom(self) -> float:
        """Pixels of the picture in an ångström of the image."""
        return 1 / (self.factor * self.frame.pixel_angstrom)

    def place(self, points: ArrayLike) -> Points:
        """Return places `(n, 2)`, to the right and down, of points x, y [Å] of the image."""
        places = (self.frame.to_pixels(points) + 0.5) / self.factor
        if not self.frame.flipped_y:
            places[..., 1] = self.height - places[..., 1]
        return np.asarray(places)


def ground_of(found: IngestFolder) -> Ground:
    """Return where the image of an ingested scan lies on its picture."""
    image = found.record["image"]
    rows, columns = (int(n) for n in image["pixels"])
    frame = ImageFrame(
        (rows, columns), float(image["pixel_angstrom"]), found.settings.overview.image_flipped_y
    )
    longer = max(rows, columns)
    finest = min(int(PIXEL_ANGSTROM / frame.pixel_angstrom), longer // FEWEST_PIXELS)
    return Ground(frame, max(-(-longer // MOST_PIXELS), finest))


def write_ground(found: IngestFolder, image: Path) -> None:
    """Read the overview image and keep its picture in the folder, to make the page again from.

    Raises
    ------
    InputError : It cannot be read, or is of another size than the one that was ingested.
    """
    ground = ground_of(found)
    electrons = read_overview(image, found.settings.overview).electrons
    if electrons.shape != ground.frame.shape:
        raise InputError(
            f"{image}: has {electrons.shape[0]} x {electrons.shape[1]} pixels and the image that "
            f"was ingested {ground.frame.shape[0]} x {ground.frame.shape[1]}; name that one"
        )
    factor, height, width = ground.factor, ground.height, ground.width
    cut = electrons[: height * factor, : width * factor]
    small = cut.reshape(height, factor, width, factor).mean((1, 3), dtype=np.float64)
    level = np.log(np.maximum(small, 0.1 * small.mean()))
    level -= FLATTENED * gaussian_filter(level, FLATTENED_ANGSTROM * ground.per_angstrom)
    level -= np.median(level)
    reach = DEVIATIONS * max(float(np.median(np.abs(level))), 1e-12)
    grey = np.round(255 * np.clip(0.5 + 0.5 * level / reach, 0, 1)).astype(np.uint8)
    shown = grey if ground.frame.flipped_y else np.ascontiguousarray(grey[::-1])
    write_bytes(found.place / FILE, grey_webp(shown, QUALITY, MOST_PIXELS))
