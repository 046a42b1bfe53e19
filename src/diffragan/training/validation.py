"""How well the generator draws views it never learned from: L1, FRC, and a picture of samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from diffragan.fourier import fourier
from diffragan.models.encoding import Encoding, decode_image
from diffragan.rings import resolution_at, ring_correlation, ring_index
from diffragan.training.data import Batch, EncodedViews
from diffragan.typing import Float, Images, Tensor

BAND_ANGSTROM = (10.0, 2.0)
"""Resolutions over which the FRC is averaged: below 10 Å every image is right, and finer than 2 Å
needs longer training than most runs have."""
SAMPLE_ROWS = 4
LOW_RESOLUTION_GREY = 3.0
"""Standard deviations of a low-resolution image from middle grey to black or white."""


@dataclass(frozen=True, slots=True)
class Validation:
    """Agreement of generated with true images, over views kept out of training."""

    l1: float
    frc: float
    """Mean FRC from 10 to 2 Å, or to the Nyquist frequency."""
    resolution_angstrom: float
    """Where the FRC falls below 0.5 [Å]; the Nyquist resolution if it never does."""
    variety: float
    """Standard deviation of a generated pixel from view to view over that of a true one, root mean
    squares over the pixels: 0 when one image is drawn for all views."""


def validate(
    generator: nn.Module,
    views: EncodedViews,
    items: Sequence[int],
    encoding: Encoding,
    *,
    batch: int,
    box_angstrom: float,
    device: torch.device,
) -> tuple[Validation, list[list[NDArray[np.float32]]]]:
    """Judge a generator on some views.

    Returns
    -------
    The figures, and rows (low-resolution, generated, true) of grey panels.
    """
    parts = [views.batch(items[i : i + batch]) for i in range(0, len(items), batch)]
    with torch.no_grad():
        drawn = [generator(part.observed.to(device)).float().cpu() for part in parts]
    together = Batch(torch.cat([p.observed for p in parts]), torch.cat([p.truth for p in parts]))
    generated = torch.cat(drawn)[:, 0]
    truth = together.truth[:, 0]
    correlation = image_frc(generated, truth, encoding).mean(0)
    frequency = torch.arange(len(correlation)) / box_angstrom
    nyquist = 2 * box_angstrom / truth.shape[-1]
    coarse, fine = BAND_ANGSTROM
    band = (frequency >= 1 / coarse) & (frequency <= 1 / fine)
    figures = Validation(
        float((generated - truth).abs().mean()),
        float(correlation[band].mean()),
        resolution_at(correlation, frequency) or nyquist,
        variety(generated, truth),
    )
    return figures, sample_rows(together.observed[:, 1], generated, truth)


def image_frc(generated: Images, truth: Images, encoding: Encoding) -> Float[Tensor, "item ring"]:
    """FRC of encoded images, after decoding."""
    first, second = (fourier(decode_image(images, encoding) - 1) for images in (generated, truth))
    pixels = truth.shape[-1]
    rings = ring_index((pixels, pixels), truth.device)
    return ring_correlation(first, second, rings, pixels // 2)


def variety(generated: Images, truth: Images) -> float:
    """Compare how much generated and true images differ from view to view; 1 for a single view."""
    true = float(truth.var(0, correction=0).mean().sqrt())
    return float(generated.var(0, correction=0).mean().sqrt()) / true if true else 1.0


def sample_rows(
    low_resolution: Images, generated: Images, truth: Images
) -> list[list[NDArray[np.float32]]]:
    """Grey panels of the first views; generated and true image of a row share one scale."""
    rows = []
    for low, made, true in list(zip(low_resolution, generated, truth, strict=True))[:SAMPLE_ROWS]:
        black, white = true.min(), true.max()
        spread = (white - black).clamp(min=torch.finfo(true.dtype).tiny)
        panels = (
            (low / LOW_RESOLUTION_GREY + 1) / 2,
            (made - black) / spread,
            (true - black) / spread,
        )
        rows.append([panel.numpy() for panel in panels])
    return rows
