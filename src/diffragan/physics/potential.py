"""Projected potential of the atoms in a slice, as exact Fourier sums.

A periodic projected potential is V(q) = C / A sum_a f_a(q) exp(-2 pi i q.x_a). The phase factor is
a product of one for x and one for y, so the sum over the atoms of one element is a product of two
thin matrices: exact for any position, differentiable, and fast on CPU and GPU.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch

from diffragan.config.experiment import ANTIALIAS_FRACTION
from diffragan.grid import Grid
from diffragan.physics.form_factors import VOLT_ANGSTROM2_PER_ANGSTROM, electron_form_factor
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Float, Tensor


@dataclass(frozen=True, slots=True)
class FourierBand:
    """The Fourier samples a multislice uses: a half-plane inside the anti-aliasing circle."""

    grid: Grid
    device: torch.device

    @property
    def limit(self) -> int:
        """Highest sample along an axis."""
        return int(ANTIALIAS_FRACTION * self.grid.pixels / 2)

    def samples_x(self) -> Float[Tensor, " kx"]:
        """Return samples 0 to `limit` along x; the negative half follows from a real potential."""
        return torch.arange(self.limit + 1, device=self.device, dtype=torch.float32)

    def samples_y(self) -> Float[Tensor, " ky"]:
        """Return samples -`limit` to `limit` along y."""
        return torch.arange(-self.limit, self.limit + 1, device=self.device, dtype=torch.float32)

    def frequencies(self) -> Float[Tensor, "ky kx"]:
        """Distance of each sample from zero [1/Å]."""
        y, x = self.samples_y(), self.samples_x()
        return torch.sqrt(y[:, None] ** 2 + x[None, :] ** 2) / self.grid.box_angstrom


@lru_cache(maxsize=64)
def _scaled_form_factor(band: FourierBand, atomic_number: int) -> Float[Tensor, "ky kx"]:
    """Transform of one atom's projected potential inside the band, scaled for `irfft2` [V Å]."""
    q = band.frequencies()
    per_area = VOLT_ANGSTROM2_PER_ANGSTROM / band.grid.box_angstrom**2
    inside = q <= ANTIALIAS_FRACTION * band.grid.nyquist_per_angstrom
    factor = electron_form_factor(atomic_number, q) * per_area * band.grid.pixels**2
    return torch.where(inside, factor, 0.0)


def _phases(samples: Tensor, fraction: Tensor) -> Tensor:
    angle = -2 * torch.pi * samples[:, None] * fraction[None, :]
    return torch.polar(torch.ones_like(angle), angle)


def projected_potential(model: AtomicModel, grid: Grid) -> Float[Tensor, "y x"]:
    """Potential of all atoms projected along z, band-limited to 2/3 of Nyquist [V Å].

    The origin is at pixel [0, 0] (FFT order), as the multislice wants it: atoms at negative
    coordinates wrap to the far side.

    Parameters
    ----------
    model : Atoms with the beam along z; gradients flow to the positions.
    grid : Sampling of the box.

    Source: Kirkland, 3rd ed., eqs. 5.9 and 5.19.
    """
    band = FourierBand(grid, model.positions.device)
    rows, columns = 2 * band.limit + 1, band.limit + 1
    total = torch.zeros(rows, columns, dtype=torch.complex64, device=band.device)
    for number in torch.unique(model.atomic_numbers).tolist():
        fraction = model.positions[model.atomic_numbers == number, :2] / grid.box_angstrom
        along_x = _phases(band.samples_x(), fraction[:, 0])
        along_y = _phases(band.samples_y(), fraction[:, 1])
        total = total + _scaled_form_factor(band, number) * (along_y @ along_x.T)
    half_plane = total.new_zeros(grid.pixels, grid.pixels // 2 + 1)
    half_plane[: band.limit + 1, :columns] = total[band.limit :]
    half_plane[-band.limit :, :columns] = total[: band.limit]
    potential: Tensor = torch.fft.irfft2(half_plane, s=(grid.pixels, grid.pixels))
    return potential
