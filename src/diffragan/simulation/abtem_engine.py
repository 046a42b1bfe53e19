"""The same wave through abTEM, the reference engine (optional extra, GPL-3).

Nothing of abTEM is imported unless this engine is asked for.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from math import ceil
from typing import Any

import numpy as np
import torch

from diffragan.electron import Electron
from diffragan.errors import MissingExtraError
from diffragan.fourier import fourier, inverse_fourier, resample
from diffragan.grid import Grid
from diffragan.physics.multislice import propagator
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Waves

EV_PER_KEV = 1e3
FINEST_NEEDED_PIXEL_ANGSTROM = 0.07
"""abTEM spreads each atom over four pixels linearly, which damps high frequencies: at 20 mrad by
18 % on pixels of 0.27 Å, by 4 % on 0.14 Å, by 1 % on 0.07 Å (psi_s then differs by 0.2 %)."""


def require_abtem(wanted_for: str = "the engine 'abtem'", instead: str = "--engine torch") -> None:
    """Make sure that the extra is there.

    Parameters
    ----------
    wanted_for, instead : What needs it, and what would do without it, for the message.

    Raises
    ------
    MissingExtraError : abTEM is not installed.
    """
    if find_spec("abtem") is None:
        raise MissingExtraError(
            f"{wanted_for} needs the package abTEM; install it with "
            f"`pip install 'diffragan[abtem]'` or use {instead}"
        )


@contextmanager
def abtem_on_all_cores(cores: int) -> Iterator[None]:
    """Let abTEM transform on so many threads; by itself it uses one.

    Raises
    ------
    MissingExtraError : abTEM is not installed.
    """
    require_abtem()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import abtem  # noqa: PLC0415 - an optional package
    with abtem.config.set({"fftw.threads": cores}):
        yield


def abtem_mid_plane_wave(
    model: AtomicModel,
    grid: Grid,
    electron: Electron,
    slice_thickness_angstrom: float,
    finest_pixel_angstrom: float = FINEST_NEEDED_PIXEL_ANGSTROM,
) -> Waves:
    """Scattered wave psi_s at the mid-plane, by abTEM's multislice with infinite projections.

    Takes and returns what `diffragan.physics.multislice.mid_plane_wave` does. Grids coarser than
    `finest_pixel_angstrom` [Å] are refined inside abTEM, see `FINEST_NEEDED_PIXEL_ANGSTROM`.

    abTEM lets each slice act at its entrance face and ends at the box's exit face; the atoms of a
    slice lie around its centre on average, so the wave goes back by half the box and half a slice.

    Raises
    ------
    MissingExtraError : abTEM is not installed.
    """
    require_abtem()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import abtem  # noqa: PLC0415 - an optional package
        import ase  # noqa: PLC0415
    box = grid.box_angstrom
    fine = grid.with_pixels(grid.pixels * max(1, ceil(grid.pixel_angstrom / finest_pixel_angstrom)))
    positions = model.positions.detach().cpu().double().numpy() + box / 2
    atoms = ase.Atoms(
        numbers=model.atomic_numbers.cpu().numpy(), positions=positions, cell=[box] * 3
    )
    with warnings.catch_warnings(), abtem.config.set({"device": "cpu", "precision": "float32"}):
        warnings.simplefilter("ignore")
        potential = abtem.Potential(
            atoms,
            gpts=(fine.pixels, fine.pixels),
            slice_thickness=slice_thickness_angstrom,
            parametrization="lobato",
            projection="infinite",
        )
        beam = abtem.PlaneWave(energy=electron.energy_kev * EV_PER_KEV)
        exit_wave: Any = beam.multislice(potential, lazy=False)
        thickness = float(potential.slice_thickness[0])
    # abTEM's arrays are (x, y) with the origin in a corner of the box, ours (y, x) with it at
    # n // 2: the molecule's centre stands at n / 2 in both.
    wave = torch.from_numpy(np.ascontiguousarray(np.asarray(exit_wave.array).T))
    back = propagator(-(box + thickness) / 2, fine, electron)
    return resample(inverse_fourier(fourier(wave - 1) * back), grid.pixels).to(torch.complex64)
