"""Turning images by any angle: the sum of their Fourier series at turned places."""

import finufft
import numpy as np
import torch

from diffragan.fourier import decentred, fft2
from diffragan.typing import Images

ACCURACY = 1e-6
"""Relative error that the non-uniform transform may make."""


def turn_images(images: Images, degrees: float) -> Images:
    """Turn images `(item, y, x)` about pixel n // 2 in their periodic box, x towards y.

    Source: Barnett, Magland and af Klinteberg, SIAM J. Sci. Comput. 41 (2019) C479 (the transform).
    """
    pixels = images.shape[-1]
    axis = (np.arange(pixels) - pixels // 2) * 2 * np.pi / pixels
    y, x = np.meshgrid(axis, axis, indexing="ij")
    angle = np.deg2rad(degrees)
    # The value at a place comes from where it was before the turn.
    before_x = x * np.cos(angle) + y * np.sin(angle)
    before_y = y * np.cos(angle) - x * np.sin(angle)
    coefficients = fft2(decentred(images.double())).numpy() / pixels**2
    values = finufft.nufft2d2(
        before_y.ravel(), before_x.ravel(), coefficients, isign=1, eps=ACCURACY, modeord=1
    )
    turned = np.reshape(values.real, images.shape)
    return torch.from_numpy(turned).to(images.dtype)
