"""A map's transform between its samples, by linear interpolation on a finer grid."""

from dataclasses import dataclass

import torch

from diffragan.typing import Complex, Float, Tensor, Volume

PADDING = 2
"""Finer sampling of the transform, so that linear interpolation is accurate."""


@dataclass(frozen=True, slots=True)
class MapTable:
    """Fourier series of a density on a grid `PADDING` times finer than the box's."""

    values: Complex[Tensor, " cell"]
    """Flattened `(z, y, half x)`; frequency zero lies at the middle of z and y."""
    side: int

    def sample(self, points: Float[Tensor, "*batch 3"]) -> Complex[Tensor, "*batch"]:
        """Value at frequencies x, y, z [periods of the box]."""
        fraction, corners, conjugate = self._corners(points)
        fx, fy, fz = fraction
        for share in (fx, fy, fz):
            half = len(corners) // 2
            corners = [torch.lerp(corners[i], corners[i + half], share) for i in range(half)]
        return _conjugated(corners[0], conjugate)

    def sample_with_gradient(
        self, points: Float[Tensor, "*batch 3"]
    ) -> tuple[Complex[Tensor, "*batch"], Complex[Tensor, "*batch 3"]]:
        """Value and its derivative by x, y and z."""
        (fx, fy, fz), c, conjugate = self._corners(points)
        # Corners are numbered x, y, z from the most significant bit.
        along_x = [torch.lerp(c[i], c[i + 4], fx) for i in range(4)]
        step_x = [c[i + 4] - c[i] for i in range(4)]
        along_y = [torch.lerp(along_x[i], along_x[i + 2], fy) for i in range(2)]
        step_xy = [torch.lerp(step_x[i], step_x[i + 2], fy) for i in range(2)]
        step_y = [along_x[i + 2] - along_x[i] for i in range(2)]
        value = torch.lerp(along_y[0], along_y[1], fz)
        slopes = [
            torch.lerp(step_xy[0], step_xy[1], fz),
            torch.lerp(step_y[0], step_y[1], fz),
            along_y[1] - along_y[0],
        ]
        # At -q stands the conjugate, and its derivative has the other sign.
        gradient = [PADDING * torch.where(conjugate, -s.conj(), s) for s in slopes]
        return _conjugated(value, conjugate), torch.stack(gradient, -1)

    def _corners(self, points: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Fractions along x, y, z, values at the 8 corners, and where x was turned positive."""
        scaled = PADDING * points
        conjugate = scaled[..., 0] < 0
        scaled = torch.where(conjugate[..., None], -scaled, scaled)
        scaled[..., 1:] += self.side // 2
        below = scaled.floor()
        fraction = (scaled - below).to(self.values.real.dtype)
        x, y, z = below.long().unbind(-1)
        half = self.side // 2 + 1
        first = (z * self.side + y) * half + x
        steps = [dx + half * (dy + self.side * dz) for dx, dy, dz in _BITS]
        flat = first.flatten()
        corners = [self.values.index_select(0, flat + s).view(first.shape) for s in steps]
        weights = [f.to(self.values.dtype) for f in fraction.unbind(-1)]
        return weights, corners, conjugate


_BITS = [(i >> 2 & 1, i >> 1 & 1, i & 1) for i in range(8)]


def make_table(volume: Volume, last_shell: int) -> MapTable:
    """Tabulate the transform of a map `(z, y, x)` for frequencies up to `last_shell`.

    The map is divided by the envelope by which linear interpolation would dim it.
    """
    pixels = len(volume)
    padded = PADDING * pixels
    axis = (torch.arange(pixels, device=volume.device) - pixels // 2) / padded
    envelope = torch.sinc(axis) ** 2
    flat = volume / (envelope[:, None, None] * envelope[:, None] * envelope)
    around = padded // 2 - pixels // 2
    wide = torch.nn.functional.pad(flat, (around, padded - pixels - around) * 3)
    transform = torch.fft.rfftn(torch.fft.ifftshift(wide)) / pixels**3
    centred = torch.fft.fftshift(transform, dim=(0, 1))
    # One cell more than the last frequency on each side, for its far corner; near Nyquist that
    # lies outside the transform, where a band-limited map has nothing.
    reach = PADDING * (last_shell + 1) + 2
    outside = max(0, reach - padded // 2)
    centred = torch.nn.functional.pad(centred, (0, outside) + (outside, outside) * 2)
    middle = slice(len(centred) // 2 - reach, len(centred) // 2 + reach)
    kept = centred[middle, middle, : reach + 1]
    return MapTable(kept.to(torch.complex64).flatten().contiguous(), 2 * reach)


def _conjugated(values: Tensor, where: Tensor) -> Tensor:
    return torch.where(where, values.conj(), values)
