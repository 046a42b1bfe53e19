"""Phased images to files: the map, its halves, and what resolution they have."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from diffragan.grid import Grid
from diffragan.io.files import output_folder, write_json
from diffragan.io.mrc import write_volume
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.maps import Maps, reconstruct_halves
from diffragan.reconstruction.views import Batch
from diffragan.rings import resolution_at
from diffragan.typing import Float, Tensor, Volume

HALF_MAPS_THRESHOLD = 0.143
"""Rosenthal and Henderson, J. Mol. Biol. 333 (2003) 721: half maps against a perfect reference."""
TRUTH_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the halves agree with each other, and the map with the truth."""

    frequency_per_angstrom: Float[Tensor, " shell"]
    fsc_half_maps: Float[Tensor, " shell"]
    resolution_fsc_0p143_angstrom: float | None
    """Where the half maps part [Å]; None when they agree to the end of the data."""
    fsc_truth: Float[Tensor, " shell"] | None
    resolution_fsc_truth_0p5_angstrom: float | None


def reconstruct_phased(
    batches: Iterable[Batch],
    grid: Grid,
    folder: Path,
    *,
    truth: Volume | None = None,
    band_limit_per_angstrom: float | None = None,
    provenance: Mapping[str, Any] | None = None,
    device: torch.device | str = "cpu",
) -> tuple[Maps, Agreement]:
    """Write `map.mrc`, `half1.mrc`, `half2.mrc` and `fsc.json` of phased images into `folder`.

    The halves are the even and the odd views. Their correlation is only in part a gold standard:
    the views were phased apart from each other, but by one method with one training, so an error
    that the method makes in every view is in both halves and counts as agreement. Only `truth`
    tells such errors.

    Parameters
    ----------
    batches : Projections `(n, y, x)`, rotations `(n, 3, 3)` and shifts `(n, 2)` or `(n, 3)` [Å];
        read once, one batch in memory at a time.
    grid : Sampling of the images and of the maps.
    folder : Made when it is not there; older results in it are replaced.
    truth : `(z, y, x)` true potential on the grid, for simulated data.
    band_limit_per_angstrom : Frequencies beyond it stay out of the maps [1/Å].
    provenance : Kept in `fsc.json`.

    Raises
    ------
    InputError : Fewer than two views, shapes that disagree, or values that are not finite.
    OutputError : The folder cannot be written to.
    """
    output_folder(folder)
    maps = reconstruct_halves(
        batches, grid, band_limit_per_angstrom=band_limit_per_angstrom, device=device
    )
    agreement = measure_agreement(maps, grid, truth)
    write_maps(folder, maps, agreement, grid, {"provenance": provenance or {}})
    return maps, agreement


def write_maps(
    folder: Path, maps: Maps, agreement: Agreement, grid: Grid, record: Mapping[str, Any]
) -> None:
    """Write the maps and `fsc.json`, which also holds what is in `record`."""
    pixel = grid.pixel_angstrom
    for name, volume in (("map", maps.full), ("half1", maps.half1), ("half2", maps.half2)):
        write_volume(folder / f"{name}.mrc", volume.cpu().numpy(), pixel, f"{name}, potential")
    write_agreement(folder, agreement, grid, maps.views, record)


def write_agreement(
    folder: Path, agreement: Agreement, grid: Grid, views: int, record: Mapping[str, Any]
) -> None:
    """Write `fsc.json`: how far maps of so many views agree, and what is in `record`."""
    write_json(
        folder / "fsc.json",
        {
            "frequency_per_angstrom": agreement.frequency_per_angstrom,
            "fsc_half_maps": agreement.fsc_half_maps,
            "resolution_fsc_0p143_angstrom": agreement.resolution_fsc_0p143_angstrom,
            "fsc_truth": agreement.fsc_truth,
            "resolution_fsc_truth_0p5_angstrom": agreement.resolution_fsc_truth_0p5_angstrom,
            "pixel_angstrom": grid.pixel_angstrom,
            "views": views,
            **record,
        },
    )


def measure_agreement(
    maps: Maps, grid: Grid, truth: Volume | None = None, limit_per_angstrom: float | None = None
) -> Agreement:
    """Correlate the halves with each other and, when it is known, the map with the truth.

    Parameters
    ----------
    limit_per_angstrom : Where the data of the maps end; at Nyquist if not given [1/Å].
    """
    frequency, halves = fourier_shell_correlation(maps.half1, maps.half2, grid)
    kept = frequency <= (limit_per_angstrom or float("inf"))
    frequency, halves = frequency[kept], halves[kept]
    against_truth, truth_resolution = None, None
    if truth is not None:
        _, against_truth = fourier_shell_correlation(maps.full, truth.to(maps.full.device), grid)
        against_truth = against_truth[kept]
        truth_resolution = resolution_at(against_truth, frequency, TRUTH_THRESHOLD)
    return Agreement(
        frequency,
        halves,
        resolution_at(halves, frequency, HALF_MAPS_THRESHOLD),
        against_truth,
        truth_resolution,
    )
