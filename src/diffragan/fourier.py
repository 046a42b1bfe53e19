"""The one Fourier transform pair of the package, and moving between samplings.

Real-space arrays have their origin at pixel n // 2; Fourier arrays are in FFT order. So a
transform is `fft2(ifftshift(x))`, and a real, symmetric object at the origin has a real transform.
"""

import torch

from diffragan.typing import Complex, Tensor

AXES_2D = (-2, -1)


def fourier(wave: Tensor) -> Complex[Tensor, "*batch y x"]:
    """Transform `(..., y, x)` with its origin at n // 2 to Fourier coefficients in FFT order."""
    return torch.fft.fft2(torch.fft.ifftshift(wave, dim=AXES_2D))


def inverse_fourier(coefficients: Tensor) -> Complex[Tensor, "*batch y x"]:
    """Transform Fourier coefficients in FFT order back to `(..., y, x)`."""
    return torch.fft.fftshift(torch.fft.ifft2(coefficients), dim=AXES_2D)


def centred(coefficients: Tensor) -> Tensor:
    """Move frequency zero to pixel n // 2, as files and pictures have it."""
    return torch.fft.fftshift(coefficients, dim=AXES_2D)


def decentred(pattern: Tensor) -> Tensor:
    """Move frequency zero from pixel n // 2 to the first pixel (FFT order)."""
    return torch.fft.ifftshift(pattern, dim=AXES_2D)


def resize_centred(pattern: Tensor, pixels: int) -> Tensor:
    """Crop or zero-pad a centred `(..., n, n)` array to `pixels`, keeping n // 2 on n // 2."""
    size = pattern.shape[-1]
    if size == pixels:
        return pattern
    before = pixels // 2 - size // 2
    if before >= 0:
        after = pixels - size - before
        return torch.nn.functional.pad(pattern, (before, after, before, after))
    return pattern[..., -before : -before + pixels, -before : -before + pixels]


def resample(wave: Tensor, pixels: int) -> Complex[Tensor, "*batch y x"]:
    """Sample a periodic wave on `pixels` x `pixels` points by cropping or padding its transform.

    Values are kept (a constant stays that constant). Frequencies beyond the new grid are lost.
    """
    size = wave.shape[-1]
    coefficients = resize_centred(centred(fourier(wave)), pixels)
    return inverse_fourier(decentred(coefficients)) * (pixels / size) ** 2
