"""Where phase extension starts: coarse maps of each half's images, or a map that was given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from diffragan.errors import ConfigError, InputError
from diffragan.grid import Grid
from diffragan.in_order import in_order
from diffragan.io.mrc import read_mrc
from diffragan.io.provenance import sha256_of
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.many_views.agreement import transform
from diffragan.reconstruction.many_views.coarse_map import ImageSums
from diffragan.reconstruction.many_views.lattice import frequency, half_shape
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.pipeline import Starts
from diffragan.reconstruction.many_views.views import Views
from diffragan.reconstruction.many_views.waves import transform_at
from diffragan.rings import resolution_at
from diffragan.typing import Tensor, Volume

FINEST_ANGSTROM, COARSEST_ANGSTROM = 4.0, 12.0
"""Between these a coarse map starts: finer data are the patterns', coarser ones show no shape."""
HALVES_PART = 0.5
BALL, EDGE_ANGSTROM = 1.1, 6.0
"""Radius of the ball in which coarse maps are compared, over the molecule's, and its soft edge: the
centre of mass is not in the middle of the molecule, and a hard edge would correlate."""
IMAGES = "low-resolution images, of each half apart"


@dataclass(frozen=True, slots=True)
class ChosenStart:
    """Coarse maps, and what is known of them."""

    starts: Starts
    resolution_angstrom: float
    source: str
    """Images of each half, or the file they were read from."""
    sha256: str | None = None
    """Of the file; with one the halves share their start."""
    halves_part_angstrom: float | None = None
    """Where the coarse maps of both halves fall below FSC 0.5; none where they never do, or share
    one map."""


def start_from_images(
    views: Views,
    halves: tuple[PatternSet, PatternSet],
    grid: Grid,
    diameter_angstrom: float,
    resolution_angstrom: float | None = None,
    *,
    device: str = "cpu",
    threads: int = 1,
    watch: Callable[[int], None] | None = None,
) -> ChosenStart:
    """Make a coarse map of the images of each half, and one of all.

    Parameters
    ----------
    halves : The patterns whose images are used, at their orientations.
    diameter_angstrom : Of the molecule [Å].
    resolution_angstrom : Of the maps; where those of the halves part at FSC 0.5 if not given [Å].
    watch : Told how many more images were added.

    Raises
    ------
    ConfigError : The images end before the resolution that is asked for.
    """
    end = lens_ends_angstrom(views)
    if resolution_angstrom is not None and resolution_angstrom < end * (1 - 1e-6):
        raise ConfigError(
            f"--start-resolution-angstrom is {resolution_angstrom:g}, and the aperture ends the "
            f"images at {end:.2f} Å; use that or more"
        )
    finest = max(FINEST_ANGSTROM, end) if resolution_angstrom is None else resolution_angstrom

    def add_up(half: PatternSet) -> ImageSums:
        sums = ImageSums(half.experiment, grid, finest, device)
        for batch in views.images(half):
            sums.add(batch)
            if watch is not None:
                watch(len(batch.counts))
        return sums

    first, second = in_order(add_up, halves, threads)
    parted = None
    if resolution_angstrom is None:
        coarse = first.noisy_map(finest), second.noisy_map(finest)
        parted = _where_they_part(*coarse, grid, finest, diameter_angstrom)
    chosen = resolution_angstrom or min(max(parted or finest, finest), COARSEST_ANGSTROM)
    half1, half2 = first.map(chosen), second.map(chosen)
    first.include(second)
    return ChosenStart(Starts(first.map(chosen), half1, half2), chosen, IMAGES, None, parted)


def lens_ends_angstrom(views: Views) -> float:
    """Resolution at which the aperture, or their sampling, ends the images [Å]."""
    experiment = views.patterns.experiment
    ends = [experiment.image_grid.nyquist_per_angstrom]
    if experiment.low_resolution.aperture_mrad is not None:
        angle = experiment.low_resolution.aperture_mrad * 1e-3
        ends.append(angle / experiment.electron.wavelength_angstrom)
    return 1 / min(ends)


def _where_they_part(
    half1: Volume, half2: Volume, grid: Grid, finest: float, diameter_angstrom: float
) -> float | None:
    """Resolution at which two maps part [Å], judged where the molecule may be.

    Most of the box is noise, which would part them early.
    """
    ball = torch.fft.ifftshift(_ball(grid, BALL * diameter_angstrom / 2)).to(half1)
    frequencies, curve = fourier_shell_correlation(half1 * ball, half2 * ball, grid)
    inside = frequencies <= 1 / finest
    return resolution_at(curve[inside], frequencies[inside], HALVES_PART)


def _ball(grid: Grid, radius_angstrom: float) -> Volume:
    """Ball with a soft edge around n // 2, 1 inside and 0 outside."""
    axis = (torch.arange(grid.pixels) - grid.pixels // 2) * grid.pixel_angstrom
    distance = (axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2).sqrt()
    edge = ((radius_angstrom + EDGE_ANGSTROM - distance) / EDGE_ANGSTROM).clamp(0, 1)
    ball: Tensor = 0.5 - 0.5 * torch.cos(torch.pi * edge)
    return ball


def start_from_file(
    path: Path, grid: Grid, resolution_angstrom: float | None, device: str = "cpu"
) -> ChosenStart:
    """Read a coarse map of any cubic box, sampled anew on the grid of the merge.

    Raises
    ------
    ConfigError : Its resolution is not given.
    InputError : It is no cube, is flat, or its voxels are too large for the resolution.
    """
    if resolution_angstrom is None:
        raise ConfigError(f"--start {path}: say how fine it is with --start-resolution-angstrom")
    values, pixel, kind = read_mrc(path)
    if kind != "volume" or len(set(values.shape)) != 1:
        size = " x ".join(map(str, values.shape))
        raise InputError(f"{path}: a {kind} of {size}; a cubic map is needed")
    if resolution_angstrom < 2 * pixel:
        raise ConfigError(
            f"--start-resolution-angstrom is {resolution_angstrom:g}, and the voxels of {path} of "
            f"{pixel:.3g} Å end at {2 * pixel:.3g} Å; use that or more"
        )
    given = Grid(len(values), len(values) * pixel)
    volume = torch.fft.ifftshift(torch.from_numpy(values))
    volume = volume - volume.median()
    if float(volume.std()) == 0:
        raise InputError(f"{path}: is flat; give a map of the molecule")
    found = _sampled(volume, given, grid, resolution_angstrom).to(device)
    return ChosenStart(Starts.shared(found), resolution_angstrom, path.name, sha256_of(path))


def _sampled(volume: Volume, given: Grid, grid: Grid, resolution_angstrom: float) -> Volume:
    """Sample a map in another box, as far as the resolution reaches."""
    inside = frequency(grid) <= 1 / resolution_angstrom
    axis = grid.axis_frequencies(dtype=torch.float64)
    z, y, x = torch.meshgrid(axis, axis, axis[: grid.pixels // 2 + 1].abs(), indexing="ij")
    points = torch.stack([x[inside], y[inside], z[inside]], dim=-1)
    spectrum = torch.zeros(half_shape(grid), dtype=torch.complex128)
    spectrum[inside] = transform_at(volume, given, points[None])[0]
    out: Tensor = torch.fft.irfftn(spectrum, s=(grid.pixels,) * 3) / grid.pixel_angstrom**3
    return out.float()


def scaled_to(start: ChosenStart, merged: Merged) -> ChosenStart:
    """Bring coarse maps to the scale of the measured moduli; those of files have any unit."""
    grid, modulus = merged.grid, merged.intensity.sqrt()
    inside = merged.known & (frequency(grid, modulus.device) <= 1 / start.resolution_angstrom)

    def scaled(volume: Volume) -> Volume:
        own = transform(volume, grid.pixel_angstrom**3).abs()[inside].double()
        scale = (own * modulus[inside]).sum() / own.square().sum().clamp(min=1e-30)
        return volume * float(scale)

    parts = start.starts
    if start.sha256 is None:
        starts = Starts(scaled(parts.full), scaled(parts.half1), scaled(parts.half2))
    else:
        starts = Starts.shared(scaled(parts.full))
    return ChosenStart(
        starts, start.resolution_angstrom, start.source, start.sha256, start.halves_part_angstrom
    )
