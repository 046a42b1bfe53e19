"""Several runs from slightly different starts: their average, and how far phases agree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from diffragan.reconstruction.many_views.agreement import transform
from diffragan.reconstruction.many_views.extension import Extended, Watch, extend_phases
from diffragan.reconstruction.many_views.lattice import multiplicity, shell_index, shell_sum
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.reconstruction.many_views.settings import ExtensionSettings
from diffragan.reconstruction.many_views.starts import coarse_map
from diffragan.reconstruction.placing import placed_on
from diffragan.typing import Bool, Float, Tensor, Volume


@dataclass(frozen=True, slots=True)
class Averaged:
    """Average of several runs."""

    volume: Volume
    """Origin at voxel [0, 0, 0] [V]."""
    runs: tuple[Extended, ...]
    prtf: Float[Tensor, " shell"] | None
    """Phase retrieval transfer function; none of a single run."""


def extend_once(
    start: Volume,
    merged: Merged,
    free: Bool[Tensor, "z y half_x"],
    molecule_angstrom3: float,
    settings: ExtensionSettings,
    number: int = 0,
    watch: Watch | None = None,
) -> Extended:
    """Extend phases from one of several starts, the coarse map itself or that with noise.

    The map ends where the coarse one lies: runs that drifted apart would blur their average.

    Parameters
    ----------
    start, merged, free, molecule_angstrom3, settings, watch : See `extend_phases`.
    number : Which start; 0 is the coarse map itself.
    """
    noise = settings.start_noise if number else 0.0
    own = coarse_map(start, merged.grid, settings.start_angstrom, noise, settings.seed + number)
    run = extend_phases(own, merged, free, molecule_angstrom3, settings, watch)
    volume = placed_on(run.volume, start, merged.grid, settings.start_angstrom)
    return replace(run, volume=volume)


def averaged(runs: Sequence[Extended], merged: Merged) -> Averaged:
    """Average the maps of several runs, and tell how far their phases agree."""
    volumes = torch.stack([run.volume for run in runs])
    prtf = phase_transfer(volumes, merged) if len(runs) > 1 else None
    return Averaged(volumes.mean(0), tuple(runs), prtf)


def phase_transfer(volumes: Float[Tensor, "run z y x"], merged: Merged) -> Float[Tensor, " shell"]:
    """Phase retrieval transfer function: modulus of the mean over the mean modulus, per shell.

    1 where all runs agree on the phases, 1 / sqrt(runs) where they are random.

    Source: Chapman et al., J. Opt. Soc. Am. A 23 (2006) 1179, eq. 6.
    """
    grid = merged.grid
    spectra = [transform(volume, 1.0) for volume in volumes]
    shells, times = shell_index(grid, volumes.device), multiplicity(grid, volumes.device)
    mean = torch.stack(spectra).mean(0).abs() * times
    moduli = torch.stack([spectrum.abs() for spectrum in spectra]).mean(0) * times
    top, bottom = (shell_sum(part, shells, merged.known) for part in (mean, moduli))
    return torch.where(bottom > 0, top / bottom.clamp(min=1e-30), torch.nan)
