"""The one Fourier transform pair of the package, and moving between samplings.

Real-space arrays have their origin at pixel n // 2; Fourier arrays are in FFT order. So a
transform is `fft2(ifftshift(x))`, and a real, symmetric object at the origin has a real transform.
"""

import torch

from diffragan.typing import Complex, Tensor

AXES_2D = (-2, -1)


def fft2(values: Tensor) -> Tensor:
    """Transform with the origin at pixel [0, 0] on both sides."""
    coefficients: Tensor = torch.fft.fft2(values)
    return coefficients


def ifft2(coefficients: Tensor) -> Tensor:
    """Transform back with the origin at pixel [0, 0] on both sides."""
    values: Tensor = torch.fft.ifft2(coefficients)
    return values


def centred(values: Tensor) -> Tensor:
    """Move pixel [0, 0] to n // 2: as files and pictures have frequency zero."""
    shifted: Tensor = torch.fft.fftshift(values, dim=AXES_2D)
    return shifted


def decentred(values: Tensor) -> Tensor:
    """Move pixel n // 2 to [0, 0] (FFT order)."""
    shifted: Tensor = torch.fft.ifftshift(values, dim=AXES_2D)
    return shifted


def fourier(wave: Tensor) -> Complex[Tensor, "*batch y x"]:
    """Transform `(..., y, x)` with its origin at n // 2 to Fourier coefficients in FFT order."""
    return fft2(decentred(wave))


def inverse_fourier(coefficients: Tensor) -> Complex[Tensor, "*batch y x"]:
    """Transform Fourier coefficients in FFT order back to `(..., y, x)`, origin at n // 2."""
    return centred(ifft2(coefficients))


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
