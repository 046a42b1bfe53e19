"""Insert projections into a volume's transform at their orientations.

A point p of the molecule's frame appears in the laboratory at `R @ p + shift`. An image is the
laboratory's density projected along z, so its transform is the central slice of the molecule's
transform along the first two rows of R, times a phase ramp for the shift.

Source: Bracewell, Aust. J. Phys. 9 (1956) 198 (the slices); De Rosier and Klug, Nature 217 (1968)
130 (the volume from them).
"""

import torch
from torch_fourier_slice import insert_central_slices_rfft_3d

from diffragan.fourier import resize_centred
from diffragan.grid import Grid
from diffragan.reconstruction.deterministic import deterministic_sums
from diffragan.typing import Complex, Float, Tensor

PADDING = 2
"""Finer sampling of the transform, so that linear interpolation is accurate; always an even box."""
SAMPLES_PER_INSERTION = 2**19
"""Fourier samples inserted at once; each takes about 1 kB for a moment."""


class SliceAccumulator:
    """Sums of central slices and of their interpolation weights."""

    def __init__(
        self,
        grid: Grid,
        band_limit_per_angstrom: float | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """Start without views; frequencies beyond the band limit [1/Å] or Nyquist stay out."""
        self.grid = grid
        self.padded = Grid(PADDING * grid.pixels, PADDING * grid.box_angstrom)
        nyquist = grid.nyquist_per_angstrom
        self.band_limit = min(nyquist, band_limit_per_angstrom or nyquist)
        self.views = 0
        size = self.padded.pixels
        shape = (size, size, size // 2 + 1)
        self.sums = torch.zeros(shape, dtype=torch.complex64, device=device)
        self.weights = torch.zeros(shape, dtype=torch.float32, device=device)

    def insert(
        self,
        projections: Float[Tensor, "views y x"],
        rotations: Float[Tensor, "views 3 3"],
        shifts_angstrom: Float[Tensor, "views axes"],
    ) -> None:
        """Add views.

        Parameters
        ----------
        projections : `(views, y, x)`, origin at pixel n // 2.
        rotations : `(views, 3, 3)`, molecule to laboratory frame.
        shifts_angstrom : `(views, 2)` or `(views, 3)`, where the molecule's origin appears: x, y,
            and perhaps z, which a projection does not show [Å].
        """
        step = max(1, SAMPLES_PER_INSERTION // (self.padded.pixels**2 // 2))
        for start in range(0, len(projections), step):
            part = slice(start, start + step)
            self._insert_at_once(projections[part], rotations[part], shifts_angstrom[part])
        self.views += len(projections)

    def _insert_at_once(self, projections: Tensor, rotations: Tensor, shifts: Tensor) -> None:
        device = self.sums.device
        images = resize_centred(projections.to(device, torch.float32), self.padded.pixels)
        slices = torch.fft.rfft2(torch.fft.ifftshift(images, dim=(-2, -1)))
        slices = slices * _ramp(shifts.to(device), self.padded) / self.grid.pixel_angstrom
        with deterministic_sums():
            # The library turns a slice's coordinates into the volume's: the inverse of R.
            sums, weights = insert_central_slices_rfft_3d(
                torch.fft.fftshift(slices, dim=-2),
                (self.padded.pixels,) * 3,
                rotations.to(device, torch.float32).mT,
                fftfreq_max=self.band_limit * self.grid.pixel_angstrom,
            )
        self.sums += sums
        self.weights += weights


def _ramp(shifts: Float[Tensor, "views axes"], grid: Grid) -> Complex[Tensor, "views y half_x"]:
    """Phases that move images back by `shifts` [Å]; exact for a band-limited image."""
    frequency_y = grid.axis_frequencies(shifts.device, torch.float64)
    frequency_x = frequency_y[: grid.pixels // 2 + 1].abs()  # the rfft's last one is positive

    def phases(shift: Tensor, frequency: Tensor) -> Tensor:
        angle = 2 * torch.pi * shift.double()[:, None] * frequency
        return torch.polar(torch.ones_like(angle), angle).to(torch.complex64)

    return (
        phases(shifts[:, 1], frequency_y)[:, :, None] * phases(shifts[:, 0], frequency_x)[:, None]
    )
