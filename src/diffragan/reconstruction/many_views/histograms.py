"""Densities inside a molecule matched to those that proteins have at a resolution.

Proteins are made of the same atoms packed alike, so at one resolution the values of their
potential are distributed alike, whatever the fold. A map's values inside the molecule keep their
order, mean and spread, and take that distribution.

Source: Zhang and Main, Acta Cryst. A46 (1990) 41; the reference is of training proteins
(`tools/make_density_histograms.py`).
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

import torch

from diffragan.grid import Grid
from diffragan.io.files import read_json
from diffragan.reconstruction.many_views.supports import densest
from diffragan.typing import Bool, Float, Tensor, Volume

CORE_SIGMA_ANGSTROM = 1.5
"""Smoothing of a map from which the inside of its molecule is drawn, for the reference too [Å]."""


@dataclass(frozen=True, slots=True)
class DensityHistograms:
    """How densities inside proteins are distributed, by the limit of the data."""

    limits_per_angstrom: tuple[float, ...]
    quantiles: Float[Tensor, "limit quantile"]
    """Evenly spaced from the least to the greatest; of mean 0 and standard deviation 1."""

    def at(self, limit_per_angstrom: float) -> Float[Tensor, " quantile"]:
        """Interpolate between limits [1/Å]; the nearest beyond the first and the last."""
        limits = torch.tensor(self.limits_per_angstrom, dtype=torch.float64)
        place = float(torch.searchsorted(limits, limit_per_angstrom))
        upper = min(max(int(place), 1), len(limits) - 1)
        low, high = float(limits[upper - 1]), float(limits[upper])
        share = min(max((limit_per_angstrom - low) / (high - low), 0.0), 1.0)
        return (1 - share) * self.quantiles[upper - 1] + share * self.quantiles[upper]


@lru_cache(maxsize=1)
def protein_histograms() -> DensityHistograms:
    """Read the reference that comes with the package."""
    package = resources.files("diffragan.reconstruction.many_views")
    table = read_json(Path(str(package / "data" / "density_histograms.json")))
    return DensityHistograms(
        tuple(table["limits_per_angstrom"]), torch.tensor(table["quantiles"], dtype=torch.float32)
    )


def molecule_core(volume: Volume, molecule_angstrom3: float, grid: Grid) -> Bool[Tensor, "z y x"]:
    """Find the inside of a molecule of a volume [Å3], of which histograms are told."""
    return densest(volume, molecule_angstrom3, CORE_SIGMA_ANGSTROM, grid)


def standard_quantiles(values: Float[Tensor, " voxel"], count: int) -> Float[Tensor, " quantile"]:
    """Evenly spaced quantiles of values, for mean 0 and standard deviation 1."""
    ordered = values.double().sort().values
    places = torch.linspace(0, len(ordered) - 1, count, dtype=torch.float64).round().long()
    return ((ordered - ordered.mean()) / ordered.std().clamp(min=1e-30))[places].float()


def matched(
    volume: Volume, core: Bool[Tensor, "z y x"], quantiles: Float[Tensor, " quantile"]
) -> Volume:
    """Give the values inside a molecule a distribution; they keep order, mean and spread.

    Parameters
    ----------
    core : Inside of the molecule; other voxels stay.
    quantiles : Of the distribution, as from `DensityHistograms.at`.
    """
    values = volume[core]
    rank = torch.empty_like(values)
    rank[values.argsort()] = torch.arange(len(values), dtype=values.dtype, device=values.device)
    place = rank * ((len(quantiles) - 1) / max(len(values) - 1, 1))
    low = place.floor().long().clamp(max=len(quantiles) - 2)
    reference = quantiles.to(values)
    share = place - low
    standard = (1 - share) * reference[low] + share * reference[low + 1]
    out = volume.clone()
    out[core] = values.mean() + values.std() * standard
    return out
