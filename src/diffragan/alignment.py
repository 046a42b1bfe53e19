"""Shift and hand: what a pattern does not fix is resolved before images are compared.

A pattern is the same for a molecule that is shifted, and all but the same for one turned half a
turn about the beam: the twin. The low-resolution image should fix both, and a method may still miss
by a fraction of a pixel, or drift by an Ångström. So the recovered image is laid on the true one
first, and by how much is said. The best of many shifts favours poor images, though: one that
resembles the truth by chance alone stays where it is, which is told by how much the correlation
stands out. Controls must be aligned in the same way.
"""

from dataclasses import dataclass

import torch

from diffragan.fourier import centred, decentred, fourier, ifft2, inverse_fourier
from diffragan.symmetries import reversed_about_origin
from diffragan.typing import Bool, Complex, Float, Tensor

LEAST_GAIN = 0.01
"""Gain in correlation without which an image stays where it is: noise alone gains a little."""
STANDS_OUT = 2.0
"""How many times higher than anything a shifted copy does not explain a peak must be to count. Of
1,024 pairs of independent noise none had such a peak; 15 had one 1.5 times higher."""
STEPS = ((0.1, 10), (0.01, 10))
"""Step of the search about the best place so far [pixels], and how many to each side."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How recovered images lie with respect to the true ones."""

    twin: Bool[Tensor, " item"]
    """Whether the image is the twin, turned half a turn about pixel n // 2."""
    shift: Float[Tensor, "item 2"]
    """How far it (its twin turned back) must be moved along y and x, as a share of the box."""
    correlation_before: Float[Tensor, " item"]
    """Correlation with the true image as recovered."""
    correlation: Float[Tensor, " item"]
    """Correlation after turning and moving."""
    clear: Bool[Tensor, " item"]
    """Whether one shift stood out; nothing is turned or moved where none did."""

    def shift_angstrom(self, box_angstrom: float) -> Float[Tensor, "item 2"]:
        """Return the shift along y and x [Å]."""
        return self.shift * box_angstrom

    def apply(self, values: Tensor) -> Tensor:
        """Turn and move images or waves `(item, y, x)` that sample the same box, however finely.

        What need not move comes back untouched.
        """
        still = ~self.twin & (self.shift == 0).all(-1)
        if bool(still.all()):
            return values
        turned = torch.where(self.twin[:, None, None], half_turn(values), values)
        moved = translate(turned, self.shift)
        return torch.where(still[:, None, None], values, moved)


def align(recovered: Tensor, true: Tensor, least_gain: float = LEAST_GAIN) -> Alignment:
    """Find the shift, to a hundredth of a pixel, and the hand of recovered images or waves.

    The largest correlation coefficient over all shifts, of the image and of its twin: first on the
    pixels, then between them by evaluating the correlation on ever finer points about its peak.
    It counts if it is twice as high as what is left of the correlation once that of a copy
    shifted so far is taken off.

    Parameters
    ----------
    recovered, true : `(item, y, x)`, origin at pixel n // 2.
    least_gain : Gain in correlation that moving must bring; below it nothing is moved.

    Source: Guizar-Sicairos, Thurman and Fienup, Opt. Lett. 33 (2008) 156 (the finer points).
    """
    first, second = (fourier(v - v.mean((-2, -1), keepdim=True)) for v in (recovered, true))
    norms = [torch.linalg.vector_norm(v, dim=(-2, -1)) for v in (first, second)]
    norm = (norms[0] * norms[1]).clamp(min=torch.finfo(norms[0].dtype).tiny)
    upright = second * first.conj() / norm[:, None, None]
    turned = second * _reverse(first).conj() / norm[:, None, None]
    peaks = [_highest(cross) for cross in (upright, turned)]
    twin = peaks[1][0] > peaks[0][0]
    cross = torch.where(twin[:, None, None], turned, upright)
    place = torch.where(twin[:, None], peaks[1][1], peaks[0][1])
    for step, reach in STEPS:
        place = _refine(cross, place, step, reach)
    before = upright.real.sum((-2, -1))
    after = _values_at(cross, place[:, None])[:, 0]
    ramps = _ramps(place, cross)
    copy = (
        second.abs() ** 2 / (norms[1] ** 2).clamp(min=torch.finfo(norm.dtype).tiny)[:, None, None]
    )
    explained = after[:, None, None] * copy * ramps[0][:, :, None] * ramps[1][:, None, :]
    clear = after > STANDS_OUT * _highest(cross - explained)[0]
    worth = clear & (after >= before + least_gain)
    pixels = torch.tensor(recovered.shape[-2:], device=place.device)
    return Alignment(
        twin & worth,
        torch.where(worth[:, None], place, 0.0) / pixels,
        before,
        torch.where(worth, after, before),
        clear,
    )


def half_turn(values: Tensor) -> Tensor:
    """Turn `(..., y, x)` half a turn about pixel n // 2: the twin image."""
    return centred(_reverse(decentred(values)))


def translate(values: Tensor, shift: Float[Tensor, "item 2"]) -> Tensor:
    """Move images or waves `(item, y, x)` by a share of the box along y and x, periodically."""
    pixels = torch.tensor(values.shape[-2:], device=values.device)
    ramps = _ramps(shift.to(values.real) * pixels, values)
    # Without a partner of its own, the Nyquist sample of an even real image takes the mean of both.
    if not values.is_complex():
        for axis, ramp in enumerate(ramps):
            middle, odd = divmod(values.shape[axis - 2], 2)
            if not odd:
                ramp[:, middle] = ramp[:, middle].real.to(ramp.dtype)
    moved = inverse_fourier(fourier(values) * ramps[0][:, :, None] * ramps[1][:, None, :])
    return moved if values.is_complex() else moved.real


def _reverse(values: Tensor) -> Tensor:
    """Turn an array with its origin at [0, 0] about that origin, in real or in Fourier space."""
    return reversed_about_origin(values, (-2, -1))


def _ramps(places: Float[Tensor, "item 2"], like: Tensor) -> list[Tensor]:
    """Phase factors along y and x, `(item, q)`, that move by `places` [pixels]."""
    found = []
    for axis in (0, 1):
        pixels = like.shape[axis - 2]
        turns = places[:, axis, None] * _frequency(pixels, like) / pixels
        found.append(torch.polar(torch.ones_like(turns), -2 * torch.pi * turns))
    return found


def _highest(
    cross: Complex[Tensor, "item y x"],
) -> tuple[Float[Tensor, " item"], Float[Tensor, "item 2"]]:
    """Largest correlation over the whole shifts, and where [pixels], between -n/2 and n/2."""
    height, width = cross.shape[-2:]
    correlation = ifft2(cross).real.flatten(1) * (height * width)
    highest, best = correlation.max(1)
    place = torch.stack([best // width, best % width], dim=-1)
    size = torch.tensor([height, width], device=place.device)
    return highest, ((place + size // 2) % size - size // 2).to(cross.real.dtype)


def _refine(
    cross: Complex[Tensor, "item y x"], place: Float[Tensor, "item 2"], step: float, reach: int
) -> Float[Tensor, "item 2"]:
    """Best of a square of finer shifts about `place` [pixels]."""
    offsets = step * torch.arange(-reach, reach + 1, device=place.device, dtype=place.dtype)
    found = _values_at(cross, place[:, None] + offsets[None, :, None].expand(1, -1, 2), grid=True)
    side = len(offsets)
    best = found.flatten(1).argmax(1)
    return place + torch.stack([offsets[best // side], offsets[best % side]], dim=-1)


def _values_at(
    cross: Complex[Tensor, "item y x"], places: Float[Tensor, "item point 2"], grid: bool = False
) -> Tensor:
    """Correlation at shifts [pixels], or at all pairs of their y and x, by the sum itself."""
    kernels = []
    for axis in (0, 1):
        frequency = _frequency(cross.shape[axis - 2], cross) / cross.shape[axis - 2]
        turns = places[:, :, axis, None] * frequency
        kernels.append(torch.polar(torch.ones_like(turns), 2 * torch.pi * turns))
    rows = kernels[0] @ cross
    if grid:
        return (rows @ kernels[1].transpose(1, 2)).real
    return (rows * kernels[1]).sum(-1).real


def _frequency(pixels: int, like: Tensor) -> Float[Tensor, " q"]:
    """Frequencies of an axis in FFT order, in periods of the box."""
    found: Tensor = torch.fft.fftfreq(pixels, 1 / pixels, device=like.device, dtype=torch.float64)
    return found.to(like.real.dtype)
