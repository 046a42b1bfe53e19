"""The Fourier samples of an image that count: half a disc, sorted from the centre outwards.

Half, because images are real: a sample and its partner of the other sign are one measurement.
Sorted, because a coarser band is then the first part of every array.
"""

from dataclasses import dataclass

import torch

from diffragan.grid import Grid
from diffragan.typing import Complex, Float, Int, Tensor


@dataclass(frozen=True, slots=True)
class Band:
    """Samples of half the Fourier disc, in periods of the box."""

    frequencies: Float[Tensor, "sample 2"]
    """Along x and y; integers."""
    shells: Int[Tensor, " sample"]
    """Radius, rounded."""
    shares: Float[Tensor, " sample"]
    """How much each counts: 1, and 1/2 for frequency zero, which is its own partner."""

    def within(self, shell: int) -> "Band":
        """Return the samples of shells up to and with `shell`."""
        count = int((self.shells <= shell).sum())
        return Band(self.frequencies[:count], self.shells[:count], self.shares[:count])

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.shells)

    def to(self, device: torch.device | str) -> "Band":
        """Move to a device."""
        return Band(*(t.to(device) for t in (self.frequencies, self.shells, self.shares)))


def half_disc(pixels: int) -> Band:
    """Find the samples of an image of `pixels` a side whose shell lies below Nyquist's."""
    axis = torch.arange(-((pixels - 1) // 2), (pixels + 1) // 2, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis[axis >= 0], indexing="ij")
    radius = torch.sqrt(x**2 + y**2)
    keep = (radius.round() <= (pixels - 1) // 2) & ((x > 0) | (y >= 0))
    x, y, radius = x[keep], y[keep], radius[keep]
    order = torch.argsort(radius, stable=True)
    shares = torch.where(radius == 0, 0.5, 1.0)
    return Band(torch.stack([x, y], 1)[order], radius[order].round().long(), shares[order])


def coefficients(
    images: Float[Tensor, "n y x"], band: Band, grid: Grid
) -> Complex[Tensor, "n sample"]:
    """Fourier series of the density on the slice that each image shows.

    Parameters
    ----------
    images : `(n, y, x)` projections, origin at pixel n // 2.
    band : Of this grid.
    grid : Of the images.
    """
    transforms = torch.fft.rfft2(torch.fft.ifftshift(images.double(), dim=(-2, -1)))
    x, y = band.frequencies.long().T
    scale = grid.box_angstrom * grid.pixels**2
    series: Tensor = transforms[:, y % grid.pixels, x] / scale
    return series


def images_of(
    values: Complex[Tensor, "n sample"], band: Band, pixels: int
) -> Float[Tensor, "n y x"]:
    """Real images, origin at pixel n // 2, that have these samples and no others; `pixels` a side.

    The inverse of `coefficients` but for the scale.
    """
    x, y = band.frequencies.long().T
    spectra = torch.zeros(len(values), pixels, pixels, dtype=values.dtype)
    spectra[:, y % pixels, x % pixels] = values * band.shares.to(values.real)
    images: Tensor = torch.fft.fftshift(torch.fft.ifft2(spectra).real, dim=(-2, -1)) * 2
    return images


def ramp(
    shifts: Float[Tensor, "*batch 2"], band: Band, box_angstrom: float
) -> Complex[Tensor, "*batch sample"]:
    """Phases that bring an image whose molecule lies at `shifts` [Å] back to the origin."""
    turns = shifts.to(band.frequencies) @ (band.frequencies.T / box_angstrom)
    return torch.polar(torch.ones_like(turns), 2 * torch.pi * turns).to(torch.complex64)


def slice_points(
    rotations: Float[Tensor, "*batch 3 3"], band: Band
) -> Float[Tensor, "*batch sample 3"]:
    """Where the samples of an image lie in the molecule's transform: x, y, z."""
    rotations = rotations.to(band.frequencies.device)
    return band.frequencies.to(rotations.dtype) @ rotations[..., :2, :]
