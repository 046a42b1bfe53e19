"""Projected potential of the atoms in a slice, as exact Fourier sums.

A periodic projected potential is V(q) = C / A sum_a f_a(q) exp(-2 pi i q.x_a). The phase factor is
a product of one for x and one for y, so the sum over the atoms of one element is a product of two
thin matrices: exact for any position, differentiable, and fast on CPU and GPU. Two more factors
split in the same way and cost nothing: thermal motion, exp(-B q^2 / 4), and the Fresnel phase
exp(i pi lambda h q^2) of an atom at the height h over the centre of its slice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import torch

from diffragan.config.numerics import ANTIALIAS_FRACTION
from diffragan.electron import Electron
from diffragan.grid import Grid
from diffragan.physics.form_factors import VOLT_ANGSTROM2_PER_ANGSTROM, electron_form_factor
from diffragan.physics.slices import SliceAtoms, all_atoms
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Bool, Complex, Float, Images, Tensor, Waves


def band_limit(grid: Grid) -> float:
    """Highest frequency that a multislice on a grid uses [1/Å]."""
    return ANTIALIAS_FRACTION * grid.nyquist_per_angstrom


def used_band(grid: Grid, device: torch.device | str = "cpu") -> Bool[Tensor, "y x"]:
    """Mask of the frequencies that a multislice on a grid uses, in FFT order."""
    return grid.squared_frequencies(device) <= band_limit(grid) ** 2


@dataclass(frozen=True, slots=True)
class FourierBand:
    """The Fourier samples a multislice uses: those inside the anti-aliasing circle."""

    grid: Grid
    device: torch.device
    half: bool
    """Only samples from zero on along x; the others follow where the potential is real."""

    @property
    def limit(self) -> int:
        """Highest sample along an axis."""
        return int(ANTIALIAS_FRACTION * self.grid.pixels / 2)

    def samples_x(self) -> Float[Tensor, " kx"]:
        """Return the samples along x."""
        first = 0 if self.half else -self.limit
        return torch.arange(first, self.limit + 1, device=self.device, dtype=torch.float32)

    def samples_y(self) -> Float[Tensor, " ky"]:
        """Return samples -`limit` to `limit` along y."""
        return torch.arange(-self.limit, self.limit + 1, device=self.device, dtype=torch.float32)

    def frequencies(self) -> Float[Tensor, "ky kx"]:
        """Distance of each sample from zero [1/Å]."""
        y, x = self.samples_y(), self.samples_x()
        return torch.sqrt(y[:, None] ** 2 + x[None, :] ** 2) / self.grid.box_angstrom

    def placed(self, values: Complex[Tensor, "*batch ky kx"]) -> Complex[Tensor, "*batch y kx"]:
        """Put the samples where an inverse transform of the grid expects them."""
        size, limit = self.grid.pixels, self.limit
        if self.half:
            whole = values.new_zeros(*values.shape[:-2], size, size // 2 + 1)
            whole[..., : limit + 1, : limit + 1] = values[..., limit:, :]
            whole[..., -limit:, : limit + 1] = values[..., :limit, :]
            return whole
        whole = values.new_zeros(*values.shape[:-2], size, size)
        whole[..., : limit + 1, : limit + 1] = values[..., limit:, limit:]
        whole[..., : limit + 1, -limit:] = values[..., limit:, :limit]
        whole[..., -limit:, : limit + 1] = values[..., :limit, limit:]
        whole[..., -limit:, -limit:] = values[..., :limit, :limit]
        return whole


@lru_cache(maxsize=16)
def scaled_form_factor(band: FourierBand, atomic_number: int) -> Complex[Tensor, "ky kx"]:
    """Transform of one atom's projected potential inside the band, scaled for `ifft2` [V Å].

    Real, but of the type of what it multiplies, which saves half the time of that.
    """
    q = band.frequencies()
    per_area = VOLT_ANGSTROM2_PER_ANGSTROM / band.grid.box_angstrom**2
    inside = q <= band_limit(band.grid)
    factor = electron_form_factor(atomic_number, q) * per_area * band.grid.pixels**2
    return torch.where(inside, factor, 0.0).to(torch.complex64)


def phase_factors(
    atoms: SliceAtoms, band: FourierBand, wavelength_angstrom: float | None
) -> tuple[Complex[Tensor, "batch kx atoms"], Complex[Tensor, "batch ky atoms"]]:
    """Return the factors of every atom's contribution that depend on x alone, and on y alone.

    Parameters
    ----------
    atoms, band, wavelength_angstrom : See `structure_sum`.
    """
    return (
        _along_axis(band.samples_x(), 0, atoms, band, wavelength_angstrom),
        _along_axis(band.samples_y(), 1, atoms, band, wavelength_angstrom),
    )


def _along_axis(
    samples: Float[Tensor, " k"],
    axis: int,
    atoms: SliceAtoms,
    band: FourierBand,
    wavelength_angstrom: float | None,
) -> Complex[Tensor, "batch k atoms"]:
    frequency = (samples / band.grid.box_angstrom)[:, None]
    angle = (-2 * torch.pi * frequency) * atoms.positions[:, None, :, axis]
    if wavelength_angstrom is not None:
        fresnel = (torch.pi * wavelength_angstrom) * frequency**2
        angle.addcmul_(fresnel, atoms.positions[:, None, :, 2])
    factors = torch.complex(torch.cos(angle), torch.sin(angle))
    if atoms.b_factors is not None:
        factors = factors * torch.exp(-0.25 * frequency**2 * atoms.b_factors[:, None, :])
    return factors


def structure_sum(
    atoms: SliceAtoms,
    band: FourierBand,
    wavelength_angstrom: float | None,
    form_factor: Callable[[int], Complex[Tensor, "ky kx"]] | None = None,
    turn: Float[Tensor, "batch atoms"] | None = None,
) -> Complex[Tensor, "batch ky kx"]:
    """Sum the transforms of all atoms of a slice.

    Parameters
    ----------
    atoms : The slice.
    band : Samples to compute.
    wavelength_angstrom : The electron's, where atoms scatter at their own heights [Å].
    form_factor : Of an element on the band; left out, that of its projected potential for `ifft2`.
    turn : Phase shift of each atom's contribution [rad].
    """
    form_factor = form_factor or partial(scaled_form_factor, band)
    along_x, along_y = phase_factors(atoms, band, wavelength_angstrom)
    if turn is not None:
        along_x = along_x * torch.polar(torch.ones_like(turn), turn)[:, None, :]
    if atoms.present is not None:
        along_x = along_x * atoms.present[:, None, :]
    total: Tensor | None = None
    for run in atoms.runs:
        of_element = along_y[..., run.start : run.stop] @ along_x[
            ..., run.start : run.stop
        ].transpose(-1, -2)
        factor = form_factor(run.atomic_number)
        total = of_element.mul_(factor) if total is None else total.addcmul_(of_element, factor)
    assert total is not None
    return total


def projected_potential(atoms: SliceAtoms, grid: Grid) -> Images:
    """Potential of the atoms of a slice projected along the beam [V Å].

    `(batch, y, x)`, band-limited to 2/3 of Nyquist. The origin is at pixel [0, 0] (FFT order), as
    the multislice wants it: atoms at negative coordinates wrap to the far side.

    Source: Kirkland, 3rd ed., eqs. 5.9 and 5.19.
    """
    band = FourierBand(grid, atoms.positions.device, half=True)
    half_plane = band.placed(structure_sum(atoms, band, None))
    potential: Tensor = torch.fft.irfft2(half_plane, s=(grid.pixels, grid.pixels))
    return potential


def effective_potential(atoms: SliceAtoms, grid: Grid, electron: Electron) -> Waves:
    """Potential of a slice whose atoms scatter a plane wave at their own heights [V Å].

    Complex, `(batch, y, x)`, FFT order. To first order in the potential, an atom at the height h
    over the slice's centre scatters what one at the centre would, times exp(i pi lambda h q^2).
    With that phase a slice may be as thick as multiple scattering inside it allows, and single
    scattering is exact. Where all heights are zero this is `projected_potential`.

    Source: Kirkland, 3rd ed., eqs. 5.19 and 6.65 (the propagator, to the slice's centre).
    """
    band = FourierBand(grid, atoms.positions.device, half=False)
    samples = structure_sum(atoms, band, electron.wavelength_angstrom)
    potential: Tensor = torch.fft.ifft2(band.placed(samples))
    return potential


def whole_potential(model: AtomicModel, grid: Grid) -> Images:
    """Potential of a whole molecule projected along the beam, `(y, x)` in FFT order [V Å]."""
    single = AtomicModel(model.positions[None], model.atomic_numbers, model.b_factors)
    return projected_potential(all_atoms(single), grid)[0]
