"""From summed slices to a density: divide by the weights, transform, undo the interpolation."""

import torch

from diffragan.fourier import resize_centred
from diffragan.reconstruction.deterministic import deterministic_sums
from diffragan.reconstruction.insertion import SliceAccumulator
from diffragan.typing import Complex, Float, Int, Tensor, Volume

REGULARISATION = 0.01
"""Of the mean weight in a shell. A voxel that one far sample only grazed is damped; a sparse
shell as a whole is not, because the constant is relative to it."""


def density(*parts: SliceAccumulator) -> Volume:
    """Density of all views in `parts` together, `(z, y, x)` with its origin at pixel n // 2.

    Its unit is the images' per Å: V for projected potentials in V Å. Voxels of the transform that
    no view measured are zero.
    """
    first = parts[0]
    sums, weights = first.sums.clone(), first.weights.clone()
    for other in parts[1:]:
        sums += other.sums
        weights += other.weights
    with deterministic_sums():
        divide_by_weights(sums, weights)
    size = first.padded.pixels
    centred = torch.fft.irfftn(torch.fft.ifftshift(sums, dim=(0, 1)), s=(size,) * 3)
    volume = torch.fft.fftshift(centred)
    kernel = _interpolation_envelope(size, volume.device)
    volume = volume / (kernel[:, None, None] * kernel[:, None] * kernel)
    return _crop(volume, first.grid.pixels)


def divide_by_weights(
    sums: Complex[Tensor, "z y half_x"], weights: Float[Tensor, "z y half_x"]
) -> None:
    """Divide sums by weights in place, with a Wiener-like constant relative to each shell.

    `sums (1 + c) / (weights + c m)`, where m is the mean weight of the shell's measured voxels
    and c is `REGULARISATION`: a voxel of mean weight keeps its value.
    """
    size = len(weights)
    total = weights.new_zeros(size, dtype=torch.float64)
    count = torch.zeros_like(total)
    for plane in range(size):  # plane by plane: a volume of shell indices would double the memory
        shell, weight = _shells(plane, size, weights.device), weights[plane].double()
        total.index_add_(0, shell.flatten(), weight.flatten())
        count.index_add_(0, shell.flatten(), (weight > 0).double().flatten())
    constant = REGULARISATION * total / count.clamp(min=1)
    for plane in range(size):
        added = constant[_shells(plane, size, weights.device)].float()
        regular = (weights[plane] + added) / (1 + REGULARISATION)
        sums[plane] = torch.where(weights[plane] > 0, sums[plane] / regular, 0)


def _shells(plane: int, size: int, device: torch.device) -> Int[Tensor, "y half_x"]:
    """Shell of every voxel in a plane of a half transform with frequency zero at n // 2 in z, y."""
    y = torch.arange(size, device=device) - size // 2
    x = torch.arange(size // 2 + 1, device=device)
    square = (plane - size // 2) ** 2 + y[:, None] ** 2 + x**2
    return torch.sqrt(square.double()).round().long()


def _interpolation_envelope(size: int, device: torch.device) -> Float[Tensor, " x"]:
    """Return sinc squared, by which interpolating linearly between frequencies dims the density."""
    position = (torch.arange(size, device=device) - size // 2) / size
    return torch.sinc(position) ** 2


def _crop(volume: Float[Tensor, "padded padded padded"], pixels: int) -> Volume:
    """Keep the middle `pixels` along each axis, n // 2 staying at n // 2."""
    planes = resize_centred(volume, pixels)
    start = len(volume) // 2 - pixels // 2
    return planes[start : start + pixels].contiguous()
