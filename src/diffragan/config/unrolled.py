"""Settings of the unrolled network: its sampling, its stages, and the U-Net in each of them."""

from typing import Literal

from pydantic import Field

from diffragan.config.networks import WIDEST
from diffragan.config.settings import Settings


class UnrolledSettings(Settings):
    """U-Nets between projections onto the measured moduli."""

    pixel_angstrom: float = Field(1.094, gt=0.3, le=4)
    """Sampling of the network's waves [Å]: coarser than the data, for iterations finish what it
    begins, and four times fewer pixels are shown four times as many views."""
    stages: int = Field(3, ge=1, le=8)
    """Projections, each followed by a U-Net of its own weights."""
    width: int = Field(32, ge=8, le=WIDEST)
    """Channels of the finest layer; they double with every halving, up to eight times."""
    depth: int = Field(4, ge=2, le=6)
    """Sizes that a U-Net works at, each half of the one before."""
    memory: int = Field(4, ge=0, le=32)
    """Channels that a stage hands on to the next beside the wave and the envelope."""
    normalisation: Literal["pixel", "group"] = "pixel"
    """Over the channels of each pixel, which no vacuum around a molecule can change, or over groups
    of channels and all pixels."""
