"""Frames added up about their centres, and their ring sums."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.typing import Float, Mask, Patterns, Tensor

Maps = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AlignedSums:
    """Sums with every frame moved by whole pixels so that its centre is near pixel n // 2."""

    sums: Maps
    """`(group, q_y, q_x)`, electrons; frames are gathered by groups that follow each other."""
    square_sums: Maps
    """`(group, q_y, q_x)`, of their squares."""
    frames: Maps
    """`(group, q_y, q_x)`, how many frames measured each pixel."""
    centre: NDArray[np.float64]
    """`(2,)`, mean place of the direct beam after moving: row and column."""

    @property
    def total(self) -> Maps:
        """Sum over the groups."""
        return np.asarray(self.sums.sum(0))

    @property
    def mean(self) -> Maps:
        """Mean electrons of a pixel, 0 where nothing was measured."""
        return np.asarray(self.total / np.maximum(self.frames.sum(0), 1))


class Aligner:
    """Gathers blocks of frames into `AlignedSums`."""

    def __init__(self, groups: int, good: Mask) -> None:
        self._good = good
        shape = good.shape
        self._sums = torch.zeros(groups, *shape, dtype=torch.float64, device=good.device)
        self._squares = torch.zeros_like(self._sums)
        self._frames = torch.zeros_like(self._sums)
        self._residuals: list[Tensor] = []
        self._middle = torch.tensor([n // 2 for n in shape], device=good.device)

    def add(self, group: int, electrons: Patterns, centres: Float[Tensor, "frame 2"]) -> None:
        """Add a block of frames of one group."""
        whole = centres.round().long()
        self._residuals.append((centres - whole).double().cpu())
        measured = electrons * self._good
        for shift in torch.unique(self._middle - whole, dim=0).tolist():
            here = (self._middle - whole == torch.tensor(shift, device=whole.device)).all(1)
            source, target = zip(
                *(_spans(step, size) for step, size in zip(shift, self._good.shape, strict=True)),
                strict=True,
            )
            part = measured[here][:, source[0], source[1]]
            if part.numel() == 0:
                continue
            self._sums[group][target] += part.sum(0, dtype=torch.float64)
            self._squares[group][target] += (part * part).sum(0, dtype=torch.float64)
            self._frames[group][target] += self._good[source] * int(here.sum())

    def finish(self) -> AlignedSums:
        """Return the sums."""
        offset = torch.cat(self._residuals).mean(0)
        return AlignedSums(
            self._sums.cpu().numpy(),
            self._squares.cpu().numpy(),
            self._frames.cpu().numpy(),
            (self._middle.cpu() + offset).numpy(),
        )


def _spans(step: int, size: int) -> tuple[slice, slice]:
    """Where pixels come from and go to when they move by `step` along an axis."""
    return slice(max(0, -step), max(0, min(size, size - step))), slice(
        max(0, step), max(0, min(size, size + step))
    )


def ring_sums(
    electrons: Patterns, centres: Float[Tensor, "frame 2"], good: Mask, rings: int
) -> tuple[Float[Tensor, "frame ring"], Float[Tensor, "frame ring"]]:
    """Electrons in rings one pixel wide about each frame's centre, and how many pixels they have.

    Centres count to half a pixel, which is finer than a ring.

    Parameters
    ----------
    electrons : `(frame, q_y, q_x)`.
    centres : Row and column [pixels].
    good : Pixels that are measured.
    rings : Number of rings; pixels beyond the last are left out.
    """
    lattice = (2 * centres).round().long()
    sums = torch.zeros(len(electrons), rings + 1, device=electrons.device)
    pixels = torch.zeros_like(sums)
    height, width = good.shape
    y = torch.arange(height, device=good.device)
    x = torch.arange(width, device=good.device)
    flat = electrons.flatten(1)
    for centre in torch.unique(lattice, dim=0).tolist():
        here = torch.nonzero((lattice == torch.tensor(centre, device=good.device)).all(1))[:, 0]
        radius = torch.hypot((y - centre[0] / 2)[:, None], (x - centre[1] / 2)[None, :])
        ring = torch.where(good, radius.round().long().clamp(max=rings), rings).flatten()
        part = torch.zeros(rings + 1, len(here), device=good.device)
        part.index_add_(0, ring, flat[here].T.contiguous())
        sums[here] = part.T
        pixels[here] = torch.bincount(ring, minlength=rings + 1).to(sums.dtype)
    return sums[:, :rings], pixels[:, :rings]
