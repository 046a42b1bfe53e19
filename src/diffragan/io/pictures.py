"""Pictures: grey ones side by side as PNG or singly as WebP, coloured ones as PNG to embed."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from diffragan.io.files import atomic_path

GAP_PIXELS = 2
WHITE = 255


def write_panels(path: Path, rows: Sequence[Sequence[NDArray[np.float32]]]) -> None:
    """Write rows of square images of one size as a PNG.

    Parameters
    ----------
    rows : Each a sequence of `(y, x)` images, black at 0 and white at 1; values beyond are cut.
    """
    side = rows[0][0].shape[-1] + GAP_PIXELS
    canvas = np.full(
        (len(rows) * side - GAP_PIXELS, len(rows[0]) * side - GAP_PIXELS), WHITE, np.uint8
    )
    for i, row in enumerate(rows):
        for j, panel in enumerate(row):
            grey = np.round(np.clip(panel, 0, 1) * WHITE).astype(np.uint8)
            canvas[i * side :, j * side :][: grey.shape[0], : grey.shape[1]] = grey
    with atomic_path(path) as beside:
        Image.fromarray(canvas).save(beside)


def grey_webp(grey: NDArray[np.uint8], quality: int, most_pixels: int) -> bytes:
    """Encode a grey picture `(y, x)`, its first row on top.

    All browsers since 2020 read WebP, and grey pictures take half the room of PNG or less.

    Parameters
    ----------
    quality : From 1 to 100.
    most_pixels : Longer side to which larger pictures are shrunk.
    """
    picture = Image.fromarray(grey)
    if max(grey.shape) > most_pixels:
        sides = [max(1, round(most_pixels * side / max(grey.shape))) for side in picture.size]
        picture = picture.resize((sides[0], sides[1]), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    # Pillow knows no grey WebP; three equal colours cost a few bytes.
    picture.convert("RGB").save(file, "WEBP", quality=quality, method=3)
    return file.getvalue()


def colour_png(colours: NDArray[np.uint8]) -> bytes:
    """Encode a coloured picture `(y, x, red_green_blue)`, its first row on top, without loss."""
    file = io.BytesIO()
    Image.fromarray(colours).save(file, "PNG", optimize=True)
    return file.getvalue()
