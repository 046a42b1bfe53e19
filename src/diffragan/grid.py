"""A square periodic grid in real space and its Fourier frequencies."""

from dataclasses import dataclass

import torch

from diffragan.typing import Float, Tensor


@dataclass(frozen=True, slots=True)
class Grid:
    """`pixels` x `pixels` samples of a periodic box of `box_angstrom` [Å], origin at n // 2."""

    pixels: int
    box_angstrom: float

    @property
    def pixel_angstrom(self) -> float:
        """Distance between samples [Å]."""
        return self.box_angstrom / self.pixels

    @property
    def nyquist_per_angstrom(self) -> float:
        """Highest frequency along an axis [1/Å]."""
        return self.pixels / (2 * self.box_angstrom)

    def axis_frequencies(
        self, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> Float[Tensor, " x"]:
        """Frequencies along one axis in FFT order [1/Å]."""
        frequencies: Tensor = torch.fft.fftfreq(
            self.pixels, self.pixel_angstrom, device=device, dtype=torch.float64
        )
        return frequencies.to(dtype)

    def squared_frequencies(
        self, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> Float[Tensor, "y x"]:
        """Squared frequency of every Fourier pixel in FFT order [1/Å2]."""
        axis = self.axis_frequencies(device, torch.float64)
        return (axis[:, None] ** 2 + axis[None, :] ** 2).to(dtype)

    def with_pixels(self, pixels: int) -> "Grid":
        """Return the same box with another number of samples."""
        return Grid(pixels, self.box_angstrom)
