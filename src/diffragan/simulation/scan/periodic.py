"""A periodic function of the specimen's plane, known by its Fourier modes: sampled anywhere."""

from dataclasses import dataclass

import finufft
import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.fourier import centred, fourier
from diffragan.typing import Tensor

ACCURACY = 1e-6
Samples = NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Periodic:
    """Sum of modes exp(2 pi i k.x / box) over whole k, frequency zero at n // 2."""

    modes: NDArray[np.complex128]
    """`(k_y, k_x)`."""
    box_angstrom: float

    def at(self, points: NDArray[np.float64]) -> Samples:
        """Return the values at points `(..., 2)`, x and y from the origin [Å]."""
        flat = (points.reshape(-1, 2) * (2 * np.pi / self.box_angstrom)).astype(np.float64)
        wrapped = np.mod(flat + np.pi, 2 * np.pi) - np.pi
        x, y = np.ascontiguousarray(wrapped.T)
        values = finufft.nufft2d2(y, x, self.modes, isign=1, eps=ACCURACY, nthreads=1)
        return np.asarray(values.reshape(points.shape[:-1])).astype(np.complex64)

    def up_to(self, frequency_per_angstrom: float) -> "Periodic":
        """Keep the modes up to a frequency, and no more of the array than holds them."""
        half = int(frequency_per_angstrom * self.box_angstrom) + 1
        size = self.modes.shape[0]
        first, last = max(size // 2 - half, 0), min(size // 2 + half, size)
        kept = self.modes[first:last, first:last]
        axis = (np.arange(len(kept)) - len(kept) // 2) / self.box_angstrom
        inside = np.hypot(axis[:, None], axis[None, :]) <= frequency_per_angstrom
        return Periodic(np.where(inside, kept, 0), self.box_angstrom)

    def power(self) -> float:
        """Return the mean squared modulus of what is not constant."""
        middle = self.modes.shape[0] // 2
        return float((np.abs(self.modes) ** 2).sum() - np.abs(self.modes[middle, middle]) ** 2)


def periodic(values: Tensor, box_angstrom: float) -> Periodic:
    """Return the function that `(y, x)` samples, origin at pixel n // 2, are of; n is even."""
    modes = centred(fourier(values.to(torch.complex128))) / values.shape[-1] ** 2
    return Periodic(modes.cpu().numpy(), box_angstrom)
