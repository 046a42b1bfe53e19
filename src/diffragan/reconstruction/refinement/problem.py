"""Images made ready for the engine: centred, in Fourier space, on a scale of their own."""

import math
from dataclasses import dataclass

import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.band import Band, coefficients, half_disc, ramp
from diffragan.reconstruction.refinement.centring import centre_uncertainty, centres
from diffragan.reconstruction.refinement.initial import expected_signal
from diffragan.reconstruction.refinement.settings import RefinementSettings
from diffragan.reconstruction.refinement.shells import noise_floor, power, shell_means
from diffragan.reconstruction.refinement.symmetry import symmetry_turns
from diffragan.typing import Complex, Float, Tensor

FEWEST_IMAGES = 16
"""Below it neither half can make a map."""
SMALLEST_BOX = 16
DEFAULT_DIAMETER = 0.95
"""Of the spherical mask, as a share of the box."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What stays the same through a run."""

    data: Complex[Tensor, "n sample"]
    """Coefficients of the images after moving each by minus its centre, over `scale`."""
    centres: Float[Tensor, "n 2"]
    """What was taken off each image's shift [Å]."""
    reach: float
    """Farthest that a shift may lie from its centre [Å]."""
    band: Band
    total: Float[Tensor, " shell"]
    """Power of the images in each shell."""
    signal: Float[Tensor, " shell"]
    """What of it is not noise."""
    scale: float
    grid: Grid
    turns: Float[Tensor, "turn 3 3"]
    diameter: float
    device: str

    @property
    def last_shell(self) -> int:
        """The outermost shell."""
        return len(self.total) - 1

    def shell_of(self, angstrom: float) -> int:
        """Shell of a resolution [Å], within the data."""
        return max(1, min(round(self.grid.box_angstrom / angstrom), self.last_shell))

    def resolution(self, shell: float) -> float:
        """Resolution of a shell [Å]."""
        return self.grid.box_angstrom / shell


def make_problem(
    images: Float[Tensor, "n y x"],
    grid: Grid,
    settings: RefinementSettings,
    known_shifts: Float[Tensor, "n 2"] | None,
    device: str,
) -> Problem:
    """Check images and make them ready.

    Raises
    ------
    InputError : There are too few images, or they are not finite, square, even or not empty.
    """
    check_images(images, grid)
    turns = symmetry_turns(settings.symmetry)
    band = half_disc(grid.pixels)
    raw = coefficients(images, band, grid)
    scale = float(power(raw).mean().sqrt())
    raw = (raw / scale).to(torch.complex64)
    total = shell_means(power(raw), band)
    signal = expected_signal(total)
    floor = noise_floor(total)
    box = grid.box_angstrom
    reach = settings.max_shift_angstrom
    if known_shifts is None:
        uncertainty = centre_uncertainty(float(signal[1]), floor, box)
        if uncertainty < reach:
            places, reach = centres(raw, signal, floor, band, box, reach), uncertainty
        else:
            # Defocused images hardly show the lowest frequencies: the middle is the better guess.
            places = torch.zeros(len(raw), 2, dtype=torch.float64)
    else:
        places = known_shifts.double()
    return Problem(
        (raw * ramp(places, band, box)).to(device),
        places,
        reach,
        band.to(device),
        total,
        signal,
        scale,
        grid,
        turns,
        settings.particle_diameter_angstrom or DEFAULT_DIAMETER * box,
        device,
    )


def check_images(images: Float[Tensor, "n y x"], grid: Grid) -> None:
    """Refuse what cannot make a map.

    Raises
    ------
    InputError : Says what is wrong and what is needed.
    """
    if images.ndim != 3 or tuple(images.shape[1:]) != (grid.pixels, grid.pixels):
        raise InputError(
            f"images of shape {tuple(images.shape)} came for a grid of {grid.pixels} pixels; "
            f"(images, {grid.pixels}, {grid.pixels}) is needed"
        )
    if grid.pixels % 2 or grid.pixels < SMALLEST_BOX:
        raise InputError(
            f"the box has {grid.pixels} pixels; an even number, {SMALLEST_BOX} or more, is needed"
        )
    if len(images) < FEWEST_IMAGES:
        raise InputError(
            f"{len(images)} images cannot make a map and its halves; {FEWEST_IMAGES} is the least, "
            "some hundreds are usual"
        )
    finite = torch.isfinite(images).flatten(1).all(1)
    if not finite.all():
        number = int(torch.nonzero(~finite)[0])
        raise InputError(f"image {number + 1}: holds values that are not finite")
    deviation = images.double().flatten(1).std(1)
    if bool((deviation <= 1e-12 * max(1e-300, float(deviation.max()))).any()) or not math.isfinite(
        float(deviation.sum())
    ):
        number = int(deviation.argmin())
        raise InputError(f"image {number + 1}: is empty (all its pixels are the same)")
