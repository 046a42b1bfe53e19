"""Project a map at given orientations: the inverse of its insertion."""

import torch
from torch_fourier_slice import project_3d_to_2d

from diffragan.fourier import resize_centred
from diffragan.typing import Float, Images, Tensor, Volume

PADDING = 2
"""As in insertion; always an even box, on which the library is exact."""


class Projector:
    """A map, padded once and for all."""

    def __init__(self, volume: Volume) -> None:
        """Take a map `(z, y, x)`, origin at pixel n // 2."""
        self.pixels = len(volume)
        size = PADDING * self.pixels
        before = size // 2 - self.pixels // 2
        planes = resize_centred(volume.float(), size)
        self._padded = torch.zeros(size, size, size, device=volume.device)
        self._padded[before : before + self.pixels] = planes

    def project(self, rotations: Float[Tensor, "n 3 3"]) -> Images:
        """Sum the map along the beam, `(n, y, x)`, at orientations molecule to laboratory."""
        # The library turns a slice's coordinates into the volume's: the inverse of R.
        inverse = rotations.to(self._padded.device, torch.float32).mT
        images: Tensor = project_3d_to_2d(self._padded, inverse, pad_factor=1.0)
        return resize_centred(images, self.pixels)
