"""The potential a map should show: the atoms themselves, band-limited on its grid."""

from collections.abc import Callable

import finufft
import numpy as np
import torch

from diffragan.grid import Grid
from diffragan.physics.form_factors import VOLT_ANGSTROM2_PER_ANGSTROM, electron_form_factor
from diffragan.reconstruction.thermal_motion import damped_parts
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Complex, Float, Tensor, Volume

FormFactor = Callable[[int, Tensor], Tensor]
"""From an atomic number and frequencies [1/Å] to form factors [Å]."""

ACCURACY = 1e-7  # beyond float32, in which the map is returned
FINE_GRID = 1.25  # the smaller of the library's two oversamplings: a quarter of the memory


def true_potential_map(
    model: AtomicModel,
    grid: Grid,
    form_factor: FormFactor = electron_form_factor,
    *,
    in_motion: bool = False,
) -> Volume:
    """Electrostatic potential of atoms `(z, y, x)`, origin at pixel n // 2, in its box [V].

    The transform is `C / volume * sum_a f_a(q) exp(-2 pi i q.p_a)` at every frequency of the
    grid, by one non-uniform Fourier transform for each element.

    Parameters
    ----------
    model : Atoms in the molecule's frame.
    grid : Sampling of the cube.
    form_factor : Electron form factors [Å]; others give maps of other densities.
    in_motion : Blur each atom by its B-factor, where the model has them.

    Source: Kirkland, 3rd ed., eqs. 5.9 and C.2; Barnett, Magland and af Klinteberg, SIAM J. Sci.
    Comput. 41 (2019) C479 (the transform).
    """
    axis = torch.fft.fftshift(grid.axis_frequencies(dtype=torch.float64))
    square = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2
    frequency = torch.sqrt(square)
    total = torch.zeros_like(frequency, dtype=torch.complex128)
    for number in torch.unique(model.atomic_numbers).tolist():
        own = model.atomic_numbers == number
        shape, positions = form_factor(number, frequency), model.positions[own]
        if not in_motion or model.b_factors is None:
            total += shape * _structure_factor(positions, grid)
            continue
        for damping, shares in damped_parts(model.b_factors[own], square):
            total += shape * damping * _structure_factor(positions, grid, shares)
    voxels_per_volume = 1 / grid.pixel_angstrom**3
    density = torch.fft.ifftn(torch.fft.ifftshift(total)).real * voxels_per_volume
    potential: Tensor = VOLT_ANGSTROM2_PER_ANGSTROM * torch.fft.fftshift(density)
    return potential.float()


def _structure_factor(
    positions: Float[Tensor, "atoms 3"],
    grid: Grid,
    strengths: Float[Tensor, " atoms"] | None = None,
) -> Complex[Tensor, "z y x"]:
    """Sum of exp(-2 pi i q.p) over points of strength one or other, frequency zero at n // 2."""
    angles = 2 * torch.pi * positions.detach().cpu().double().numpy() / grid.box_angstrom
    x, y, z = np.ascontiguousarray(angles.T)
    weights = np.ones(len(x)) if strengths is None else strengths.detach().cpu().double().numpy()
    modes = finufft.nufft3d1(
        z,
        y,
        x,
        weights.astype(np.complex128),
        (grid.pixels,) * 3,
        isign=-1,
        eps=ACCURACY,
        upsampfac=FINE_GRID,
        nthreads=1,  # several threads add in the order in which they arrive
    )
    return torch.from_numpy(modes)
