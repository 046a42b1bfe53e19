"""What tells a good answer from a bad one without the truth, in bands of resolution.

Bands are the same for every box, so that what was learned of them in one holds in another.
"""

from dataclasses import dataclass

import torch

from diffragan.fourier import fft2
from diffragan.grid import Grid
from diffragan.phasing.projections import MeasuredModuli
from diffragan.phasing.restarts import Consensus
from diffragan.phasing.restraint import ImagePhases
from diffragan.rings import ring_distance, ring_sum
from diffragan.typing import Complex, Float, Int, Tensor, Waves

BANDS_PER_UNIT = 60
"""Bands in each 1/Å: as wide as the rings of the smallest box that networks are trained for."""
FEATURES = (
    "agreement of restarts",
    "agreement with the network",
    "network's own certainty",
    "trust in the moduli",
    "signal of the image",
    "mean agreement of restarts",
    "energy outside the support",
    "spread of that energy",
    "share of restarts kept",
    "share of the box covered",
    "frequency",
)


@dataclass(frozen=True, slots=True)
class Bands:
    """Bands of resolution on one grid."""

    index: Int[Tensor, "y x"]
    """Band of every coefficient, FFT order."""
    count: int
    """Bands that hold a measured coefficient."""

    @classmethod
    def of(cls, moduli: MeasuredModuli, grid: Grid) -> "Bands":
        """Find the bands of a grid, up to the finest measured coefficient."""
        index = band_index(grid, moduli.modulus.device)
        return cls(index, int(index[moduli.known].max()) + 1)

    @property
    def frequency_per_angstrom(self) -> Float[Tensor, " band"]:
        """Middle of each band [1/Å]."""
        return torch.arange(self.count, dtype=torch.float64) / BANDS_PER_UNIT

    def sum(self, values: Tensor) -> Float[Tensor, "item band"]:
        """Add up `(item, y, x)` values."""
        return ring_sum(values, self.index, self.count)

    def mean(self, values: Tensor) -> Float[Tensor, "item band"]:
        """Average `(item, y, x)` values."""
        ones = torch.ones(self.index.shape, dtype=values.dtype, device=values.device)
        return self.sum(values) / self.sum(ones[None]).clamp(min=1)

    def mean_of_rings(
        self, curves: Float[Tensor, "item ring"], grid: Grid
    ) -> Float[Tensor, "item band"]:
        """Average curves over rings, each as heavy as its radius, within the bands."""
        rings = torch.arange(curves.shape[-1], device=curves.device)
        index = torch.round(rings / grid.box_angstrom * BANDS_PER_UNIT).long()
        weight = rings.clamp(min=1).to(curves)
        last = curves.new_zeros(len(curves), max(self.count, int(index.max()) + 1))
        total = last.index_add(1, index, curves * weight)
        heavy = last.index_add(1, index, weight.expand_as(curves))
        found = total / heavy.clamp(min=1)
        # Bands beyond the last whole ring, in the corners, know no more than the last one.
        end = int(index.max())
        found[:, end + 1 :] = found[:, end : end + 1]
        # The rings of a small box lie further apart than bands do.
        band = torch.arange(end + 1, device=curves.device)
        place = (band / BANDS_PER_UNIT * grid.box_angstrom).clamp(max=len(rings) - 1)
        before = place.floor().long()
        after = (before + 1).clamp(max=len(rings) - 1)
        between = torch.lerp(curves[:, before], curves[:, after], (place - before).to(curves))
        found[:, : end + 1] = torch.where(heavy[:, : end + 1] > 0, found[:, : end + 1], between)
        return found[:, : self.count]

    def correlation(
        self, first: Complex[Tensor, "item y x"], second: Complex[Tensor, "item y x"]
    ) -> Float[Tensor, "item band"]:
        """Correlate coefficients band by band, as an FRC does ring by ring."""
        cross = self.sum((first * second.conj()).real)
        norm = self.sum(first.abs() ** 2).sqrt() * self.sum(second.abs() ** 2).sqrt()
        return cross / norm.clamp(min=torch.finfo(norm.dtype).tiny)


def band_index(grid: Grid, device: torch.device | str) -> Int[Tensor, "y x"]:
    """Return the band of every coefficient of a grid, FFT order."""
    frequency = ring_distance((grid.pixels, grid.pixels), device) / grid.box_angstrom
    return torch.round(frequency * BANDS_PER_UNIT).long()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Features of some items, `(item, band, feature)` in the order of `FEATURES`."""

    values: Float[Tensor, "item band feature"]
    bands: Bands

    def of(self, name: str) -> Float[Tensor, "item band"]:
        """Return one feature."""
        return self.values[..., FEATURES.index(name)]


def gather(
    found: Consensus,
    guess: Waves,
    support_share: Float[Tensor, " item"],
    moduli: MeasuredModuli,
    phases: ImagePhases,
    grid: Grid,
) -> Evidence:
    """Gather what the data and the restarts say of an answer.

    Parameters
    ----------
    found : What the restarts have in common.
    guess : The network's wave, `(item, y, x)`, origin at pixel [0, 0].
    support_share : Share of the box that the molecule covers.
    """
    bands = Bands.of(moduli, grid)
    answer, told = fft2(found.waves), fft2(guess)
    known = moduli.known.to(moduli.modulus.dtype)
    power = bands.sum(moduli.bound**2)
    certainty = (bands.sum(known * told.abs() ** 2) / power.clamp(min=1e-20)).sqrt().clamp(0, 1)
    trust = known.expand_as(moduli.modulus) if moduli.trust is None else known * moduli.trust
    signal = bands.mean((phases.snr / (phases.snr + 1)).sqrt())
    cross = bands.correlation(answer, told)
    several = (found.restarts > 1)[:, None]
    agreement = torch.where(several, bands.mean_of_rings(found.agreement, grid).to(cross), cross)
    weight = bands.sum(known[None]).clamp(min=1)
    overall = (agreement * weight).sum(-1) / weight.sum(-1)

    def everywhere(values: Float[Tensor, " item"]) -> Float[Tensor, "item band"]:
        return values[:, None].expand_as(cross)

    frequency = bands.frequency_per_angstrom.to(cross)
    return Evidence(
        torch.stack(
            [
                agreement,
                cross,
                certainty,
                bands.mean(trust),
                signal,
                everywhere(overall),
                everywhere(torch.log10(found.error.to(cross).clamp(min=1e-8)) + 3),
                everywhere(torch.log10(found.spread.to(cross).clamp(1, 1e4))),
                everywhere(found.used.to(cross)),
                everywhere(support_share.to(cross)),
                frequency.expand_as(cross),
            ],
            dim=-1,
        ),
        bands,
    )
