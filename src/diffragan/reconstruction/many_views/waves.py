"""Back to images: the wave of each view from the map.

The map's transform on the Ewald sphere is an effective projected potential, complex for its
curvature, as `physics.potential.effective_potential` has it for a slice; its transmission is exact
for single scattering and close for the rest, as long as the molecule is thin.
"""

from math import pi

import finufft
import numpy as np
import torch

from diffragan.electron import Electron
from diffragan.fourier import inverse_fourier
from diffragan.grid import Grid
from diffragan.physics.multislice import transmission
from diffragan.reconstruction.many_views.geometry import ewald_height, turned
from diffragan.typing import Float, Tensor, Volume, Waves

ACCURACY = 1e-5  # below what float32 maps are worth after phasing
FINE_GRID = 1.25  # the smaller of the library's two oversamplings: a quarter of the memory


def waves_of_map(
    volume: Volume,
    map_grid: Grid,
    rotations: Float[Tensor, "view 3 3"],
    shifts_angstrom: Float[Tensor, "view axes"],
    grid: Grid,
    electron: Electron,
    limit_per_angstrom: float,
) -> Waves:
    """Scattered waves psi_s at the mid-plane, `(view, y, x)`, origin at n // 2.

    Parameters
    ----------
    volume : Map of the potential, origin at voxel [0, 0, 0] [V].
    rotations : `(view, 3, 3)`, molecule to laboratory frame.
    shifts_angstrom : Where the molecule's origin appears: x, y, and perhaps z [Å].
    grid : Of the waves.
    limit_per_angstrom : Where the map ends [1/Å].

    Source: Kirkland, 3rd ed., eqs. 5.19 and 6.65; Barnett, Magland and af Klinteberg, SIAM J. Sci.
    Comput. 41 (2019) C479 (the transform at points between samples).
    """
    axis = grid.axis_frequencies(dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    squared = x**2 + y**2
    used = squared <= limit_per_angstrom**2
    flat = torch.stack([x[used], y[used], ewald_height(squared[used], electron)], dim=-1)
    values = transform_at(volume, map_grid, turned(flat, rotations.cpu().double()))
    shift = torch.zeros(len(rotations), 3, dtype=torch.float64)
    shift[:, : shifts_angstrom.shape[1]] = shifts_angstrom.cpu().double()
    angle = -2 * pi * (shift @ flat.T)
    values = values * torch.polar(torch.ones_like(angle), angle)
    spectrum = torch.zeros(len(rotations), grid.pixels, grid.pixels, dtype=torch.complex128)
    spectrum[:, used] = values / grid.pixel_angstrom**2
    potential = inverse_fourier(spectrum)
    phase = electron.interaction_rad_per_volt_angstrom * potential
    return transmission(phase).to(volume.device, torch.complex64)


def transform_at(volume: Volume, grid: Grid, points: Float[Tensor, "view pixel 3"]) -> Tensor:
    """Transform of a map at any points x, y, z [1/Å], `(view, pixel)` [V Å3].

    Parameters
    ----------
    volume : Origin at voxel [0, 0, 0] [V].
    grid : Of the map.
    points : Anywhere below its Nyquist frequency, on samples or between them.
    """
    angles = 2 * pi * grid.pixel_angstrom * points.reshape(-1, 3).numpy()
    x, y, z = np.ascontiguousarray(angles.T)
    density = torch.fft.fftshift(volume).cpu().double().numpy().astype(np.complex128)
    found = finufft.nufft3d2(
        z, y, x, density, isign=-1, eps=ACCURACY, upsampfac=FINE_GRID, nthreads=1
    )
    values = torch.from_numpy(found).reshape(points.shape[:2])
    return values * grid.pixel_angstrom**3
