"""The 2D FRC map: how well each Fourier pixel is known, over all views at once."""

from dataclasses import dataclass

import torch

from diffragan.errors import InputError
from diffragan.fourier import centred, fourier, resize_centred
from diffragan.typing import Bool, Float, Tensor

THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class FrcMapSums:
    """Sums over views from which the map is made; sums of parts add up to those of the whole."""

    cross: Float[Tensor, "q_y q_x"]
    """Sum of Re(F_recovered F_true*), centred."""
    recovered_power: Float[Tensor, "q_y q_x"]
    true_power: Float[Tensor, "q_y q_x"]
    views: int

    def __add__(self, other: "FrcMapSums") -> "FrcMapSums":
        """Join the sums of two sets of views.

        Raises
        ------
        InputError : The maps have different sizes.
        """
        if self.cross.shape != other.cross.shape:
            raise InputError(
                f"FRC maps of {self.cross.shape[-1]} and {other.cross.shape[-1]} pixels do not "
                "add up; give all views the same number of pixels"
            )
        return FrcMapSums(
            self.cross + other.cross,
            self.recovered_power + other.recovered_power,
            self.true_power + other.true_power,
            self.views + other.views,
        )


def frc_map_sums(recovered: Tensor, true: Tensor, pixels: int | None = None) -> FrcMapSums:
    """Sum over recovered and true images or waves `(view, y, x)`.

    Parameters
    ----------
    pixels : Side of the map; that of the images when left out. Cropped about frequency zero.
    """
    side = pixels or recovered.shape[-1]
    first, second = (
        resize_centred(centred(fourier(v - v.mean((-2, -1), keepdim=True))), side)
        for v in (recovered, true)
    )
    # Thousands of views are added up, and rounding with them.
    cross = (first.real * second.real + first.imag * second.imag).double().sum(0)
    powers = [(v.real**2 + v.imag**2).double().sum(0) for v in (first, second)]
    return FrcMapSums(cross.cpu(), powers[0].cpu(), powers[1].cpu(), len(recovered))


def frc_map(sums: FrcMapSums) -> Float[Tensor, "q_y q_x"]:
    """Correlation over views of each Fourier pixel, centred; 0 where there is no power.

    C(q) = sum_v Re(F_v G_v*) / sqrt(sum_v |F_v|^2 sum_v |G_v|^2): the FRC with a single pixel for a
    ring. Of one view it is the cosine of the phase error, so a map wants many. Frequency zero, the
    mean, is 0.

    Source: van Heel and Schatz, J. Struct. Biol. 151 (2005) 250, eq. 1, with the sum over views.
    """
    norm = torch.sqrt(sums.recovered_power) * torch.sqrt(sums.true_power)
    found = torch.where(norm > 0, sums.cross / norm.clamp(min=torch.finfo(norm.dtype).tiny), 0.0)
    middle = found.shape[-1] // 2
    found[middle, middle] = 0.0
    return found


def frc_mask(
    frc: Float[Tensor, "q_y q_x"], threshold: float = THRESHOLD
) -> Bool[Tensor, "q_y q_x"]:
    """Where the map is at least `threshold`."""
    return frc >= threshold
