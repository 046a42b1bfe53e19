"""A coarse map from defocused images at known poses: the start of phase extension.

Each image's coefficients, times what the lens made of them, go to the samples around their slice,
and so does the square of that transfer; a sample's estimate is their ratio, held back where the
sum of the squares is small (Wiener).

Source: Frank, Three-Dimensional Electron Microscopy, 2nd ed., sec. 2.9 (CTF correction); Bracewell,
Aust. J. Phys. 9 (1956) 198 (the slices).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import InputError
from diffragan.fourier import fourier
from diffragan.grid import Grid
from diffragan.physics.optics import phase_contrast
from diffragan.reconstruction.many_views.geometry import turned
from diffragan.reconstruction.many_views.lattice import (
    Corners,
    corners,
    frequency,
    half_shape,
    shell_index,
    shell_sum,
    with_mates,
)
from diffragan.typing import Float, Tensor, Volume

SMALLEST_TRANSFER = 0.02
"""Coefficients that the lens transferred less of are left out."""
LITTLE = 0.1
"""Of a shell's mean squared transfer: samples with much less of it are noise, however divided."""


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Some defocused images."""

    counts: Float[Tensor, "view y x"]
    dose_e_per_a2: Float[Tensor, " view"]
    rotations: Float[Tensor, "view 3 3"]
    """Molecule to laboratory frame."""
    shifts_angstrom: Float[Tensor, "view axes"]
    """Where the molecule's origin appears: x, y, and perhaps z [Å]."""


class ImageSums:
    """Sums of images; memory does not grow with their number."""

    def __init__(
        self,
        experiment: Experiment,
        grid: Grid,
        finest_angstrom: float,
        device: torch.device | str = "cpu",
    ) -> None:
        """Start without images.

        Parameters
        ----------
        finest_angstrom : Finest resolution that a map of these sums will be asked for [Å].
        """
        self.grid, self.images, self._device = grid, 0, device
        self._view = _View(experiment, finest_angstrom, device)
        size = torch.Size(half_shape(grid)).numel()
        self._sums = torch.zeros(size, dtype=torch.complex128, device=device)
        self._squares, self._noise = (
            torch.zeros(size, dtype=torch.float64, device=device) for _ in range(2)
        )

    def add(self, batch: ImageBatch) -> None:
        """Add images at their poses."""
        view = self._view
        for counts, dose, rotation, shift in zip(
            batch.counts, batch.dose_e_per_a2.tolist(), batch.rotations, batch.shifts_angstrom,
            strict=True,
        ):  # fmt: skip
            values, variance = view.coefficients(counts.to(self._device), dose, shift)
            at = corners(turned(view.points, rotation[None])[0], self.grid)
            values = torch.where(at.folded, values.conj(), values)
            _add(self._sums, at, values * view.transfer)
            _add(self._squares, at, view.transfer**2)
            # A weighted sum's variance has the squares of the weights.
            _add(self._noise, at, view.transfer**2 * variance, power=2)
            self.images += 1

    def include(self, others: "ImageSums") -> None:
        """Add the images of other sums on the same grid."""
        self._sums += others._sums
        self._squares += others._squares
        self._noise += others._noise
        self.images += others.images

    def map(self, resolution_angstrom: float) -> Volume:
        """Make the coarse map of a resolution, origin at voxel [0, 0, 0] [V].

        Raises
        ------
        InputError : There are no images.
        """
        summed, squared, noisy = self._totals()
        return _estimate(summed, squared, noisy, self.grid, resolution_angstrom)

    def noisy_map(self, resolution_angstrom: float) -> Volume:
        """Make a map whose noise is not held back shell by shell, so that it can be told of halves.

        Raises
        ------
        InputError : There are no images.
        """
        summed, squared, _ = self._totals()
        shells = shell_index(self.grid, summed.device)
        mean = shell_sum(squared, shells) / shell_sum(torch.ones_like(squared), shells)
        inside = frequency(self.grid, summed.device) <= 1 / resolution_angstrom
        share = (squared + LITTLE * mean[shells]).clamp(min=torch.finfo(torch.float64).tiny)
        return _in_space(torch.where(inside, summed / share, 0.0), self.grid)

    def _totals(self) -> tuple[Tensor, Tensor, Tensor]:
        if self.images == 0:
            raise InputError("there are no images to make a coarse map from")
        shape = half_shape(self.grid)
        summed, squared, noisy = (
            with_mates(part.reshape(shape)) for part in (self._sums, self._squares, self._noise)
        )
        return summed, squared, noisy


def map_from_images(
    batches: Iterable[ImageBatch],
    experiment: Experiment,
    grid: Grid,
    resolution_angstrom: float,
    device: torch.device | str = "cpu",
) -> Volume:
    """Make a coarse map of the potential, origin at voxel [0, 0, 0] [V].

    Raises
    ------
    InputError : There are no images.
    """
    sums = ImageSums(experiment, grid, resolution_angstrom, device)
    for batch in batches:
        sums.add(batch)
    return sums.map(resolution_angstrom)


class _View:
    """What all images of an experiment share."""

    def __init__(
        self, experiment: Experiment, resolution_angstrom: float, device: torch.device | str
    ) -> None:
        self.grid = experiment.image_grid
        electron = experiment.electron
        self.sigma = electron.interaction_rad_per_volt_angstrom
        lens = phase_contrast(experiment.low_resolution, self.grid, electron, device)
        axis = self.grid.axis_frequencies(device)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        squared = x**2 + y**2
        self.used = (lens.abs() > SMALLEST_TRANSFER) & (squared <= resolution_angstrom**-2)
        x, y = x[self.used], y[self.used]
        self.points = torch.stack([x, y, torch.zeros_like(x)], dim=-1)
        self.transfer = lens[self.used].double()

    def coefficients(self, counts: Tensor, dose: float, shift: Tensor) -> tuple[Tensor, float]:
        """Transform of the projected potential times the transfer [V Å3], and its variance."""
        pixel = self.grid.pixel_angstrom
        per_pixel = dose * pixel**2
        # Counts have white noise, whose power in a coefficient is their number.
        unit = pixel**2 / (per_pixel * self.sigma)
        values = fourier(counts.double() - per_pixel)[self.used] * unit
        phase = self.points[:, :2].double() @ shift[:2].to(self.points.device).double()
        turn = torch.polar(torch.ones_like(phase), 2 * torch.pi * phase)
        return values * turn, float(counts.double().sum()) * unit**2


def _add(sums: Tensor, at: Corners, values: Tensor, power: int = 1) -> None:
    for place, weight in zip(at.places, at.weights**power, strict=True):
        sums.index_add_(0, place, (weight * values).to(sums.dtype))


def _estimate(
    sums: Tensor, squares: Tensor, noise: Tensor, grid: Grid, resolution_angstrom: float
) -> Volume:
    """Wiener estimate with the signal of each shell."""
    shells, tiny = shell_index(grid, sums.device), torch.finfo(torch.float64).tiny
    seen = squares > 0
    plain = torch.where(seen, (sums.abs() / squares.clamp(min=tiny)) ** 2, 0.0)
    spread = torch.where(seen, noise / squares.clamp(min=tiny) ** 2, 0.0)
    population = shell_sum(seen.double(), shells).clamp(min=1)
    signal = (shell_sum(plain - spread, shells, seen) / population).clamp(min=0)[shells]
    wiener = torch.where(seen, signal / (signal + spread).clamp(min=tiny), 0.0)
    inside = frequency(grid, sums.device) <= 1 / resolution_angstrom
    return _in_space(torch.where(inside, wiener * sums / squares.clamp(min=tiny), 0.0), grid)


def _in_space(spectrum: Tensor, grid: Grid) -> Volume:
    """Transform back, and undo what linear interpolation did."""
    volume = torch.fft.irfftn(spectrum, s=(grid.pixels,) * 3) / grid.pixel_angstrom**3
    place = torch.fft.fftfreq(grid.pixels, dtype=torch.float64, device=spectrum.device)
    dimmed = torch.sinc(place) ** 2
    volume = volume / (dimmed[:, None, None] * dimmed[:, None] * dimmed)
    # The direct beam hides zero frequency: vacuum, most of the box, tells it.
    out: Tensor = (volume - volume.median()).float()
    return out
