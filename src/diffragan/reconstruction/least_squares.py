"""The density that explains Fourier samples of its slices best: least squares with a prior.

With samples d_j at frequencies q_j and weights w_j, and the density's Fourier series c, minimise

    sum_j w_j |d_j - c(q_j)|^2 + 1/2 sum_k |c_k|^2 / tau2_k

over densities that vanish outside a support. The normal operator is a convolution whose kernel is
the transform of the weights, so after two non-uniform transforms each step costs two FFTs.

Source: Wang, Shkolnisky and Singer, SIAM J. Imaging Sci. 6 (2013) 2450 (the Toeplitz operator);
Scheres, J. Mol. Biol. 415 (2012) 406 (the prior); Barnett et al., SIAM J. Sci. Comput. 41 (2019)
C479 (the transforms).
"""

import finufft
import torch

from diffragan.typing import Complex, Float, Int, Tensor, Volume

ACCURACY = 1e-4
"""Of the transforms' largest value: far below the noise of any image. A hundredth of it would take
more than twice the time."""
FINE_GRID = 1.25  # the smaller of the library's two oversamplings: a quarter of the memory
POINTS_AT_ONCE = 2**23
STEPS = 10
"""Conjugate-gradient steps; the preconditioner leaves little more to gain."""


def adjoint(
    points: Float[Tensor, "sample 3"],
    values: Complex[Tensor, " sample"],
    pixels: int,
    box: int | None = None,
) -> Volume:
    """Real part of `sum_j values_j exp(2 pi i q_j.x)` at the voxels of a cube, in float64.

    Parameters
    ----------
    points : Frequencies x, y, z [periods of the box].
    values : At these frequencies.
    pixels : Side of the cube `(z, y, x)`, origin at pixel n // 2.
    box : Side of the box in the same pixels, where the cube is another.
    """
    total = torch.zeros((pixels,) * 3, dtype=torch.float64)
    for start in range(0, len(points), POINTS_AT_ONCE):
        part = slice(start, start + POINTS_AT_ONCE)
        angles = (2 * torch.pi / (box or pixels)) * points[part].double().cpu().T
        # Single precision: its rounding is far below `ACCURACY`, and twice as many fit a register.
        x, y, z = angles.float().contiguous().numpy()
        # One thread: several add in the order in which they arrive.
        sums = finufft.nufft3d1(
            z,
            y,
            x,
            values[part].to(torch.complex64).cpu().numpy(),
            (pixels,) * 3,
            isign=1,
            eps=ACCURACY,
            upsampfac=FINE_GRID,
            nthreads=1,
        )
        total += torch.from_numpy(sums).real
    return total


def normal_kernel(
    points: Float[Tensor, "sample 3"], weights: Float[Tensor, " sample"], pixels: int
) -> Volume:
    """Kernel of the normal operator on the doubled cube; the kernels of parts add up."""
    return adjoint(points, weights.double() + 0j, 2 * pixels, pixels)


def kernel_spectrum(kernel: Volume) -> Float[Tensor, "z y half_x"]:
    """Transform of a kernel, real, in FFT order."""
    inner = kernel.clone()
    # The far planes have no partner of the other sign, and no two voxels are so far apart.
    inner[0], inner[:, 0], inner[:, :, 0] = 0, 0, 0
    spectrum: Tensor = torch.fft.rfftn(torch.fft.ifftshift(inner)).real
    return spectrum


def solve(
    right_side: Volume,
    spectrum: Float[Tensor, "z y half_x"],
    prior: Float[Tensor, "z y half_x"],
    mean_weight: Float[Tensor, "z y half_x"],
    support: Volume,
    *,
    steps: int = STEPS,
) -> Volume:
    """Solve the normal equations by preconditioned conjugate gradients.

    Parameters
    ----------
    right_side : `adjoint` of the weighted samples.
    spectrum : `kernel_spectrum` of their `normal_kernel`.
    prior : 1 / tau2 of every Fourier series coefficient, in FFT order of the cube's half transform.
    mean_weight : Data's weight of every coefficient, about: only the speed depends on it.
    support : Between 0 and 1; the density is a multiple of it.
    """
    size, dtype = right_side.shape, right_side.dtype
    double = [2 * n for n in size]
    voxels = size.numel()
    halved = [slice(0, n) for n in size]

    def normal(volume: Tensor) -> Tensor:
        masked = support * volume
        data: Tensor = torch.fft.irfftn(torch.fft.rfftn(masked, s=double) * spectrum, s=double)[
            halved[0], halved[1], halved[2]
        ]
        restraint = torch.fft.irfftn(torch.fft.rfftn(masked) * prior, s=size)
        image: Tensor = support * (data / voxels + restraint / 2)
        return image

    def precondition(volume: Tensor) -> Tensor:
        scaled: Tensor = torch.fft.irfftn(torch.fft.rfftn(volume) / (mean_weight + prior), s=size)
        return 2 * scaled

    spectrum, prior, mean_weight = (v.to(dtype) for v in (spectrum, prior, mean_weight))
    solution = torch.zeros_like(right_side)
    residual = support * right_side
    direction = precondition(residual)
    product = (residual * direction).sum()
    for _ in range(steps):
        if product <= 0:
            break
        image = normal(direction)
        length = product / (direction * image).sum()
        solution = solution + length * direction
        residual = residual - length * image
        preconditioned = precondition(residual)
        last, product = product, (residual * preconditioned).sum()
        direction = preconditioned + product / last * direction
    density: Tensor = support * solution
    return density


def half_transform_shells(pixels: int) -> Int[Tensor, "z y half_x"]:
    """Shell of every coefficient of a cube's half transform, in FFT order."""
    axis = torch.fft.fftfreq(pixels, 1 / pixels, dtype=torch.float64)
    half = torch.arange(pixels // 2 + 1, dtype=torch.float64)
    square = axis[:, None, None] ** 2 + axis[:, None] ** 2 + half**2
    return torch.sqrt(square).round().long()


def shell_volumes(pixels: int) -> Float[Tensor, " shell"]:
    """Count the coefficients of the whole transform in each shell, to the cube's corner."""
    shells = half_transform_shells(pixels)
    twice = torch.full(shells.shape, 2.0, dtype=torch.float64)
    twice[..., 0] = 1
    if pixels % 2 == 0:
        twice[..., -1] = 1
    count = int(shells.max()) + 1
    return torch.zeros(count, dtype=torch.float64).index_add(0, shells.flatten(), twice.flatten())
