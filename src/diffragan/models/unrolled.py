"""The unrolled network: projections onto the measured moduli with a small U-Net after each.

It sees nothing but coefficients, an image and an autocorrelation on one grid, so the box, the
recorded angle, the mask and the defocus are inputs and not assumptions. It gives the complex wave
at the mid-plane and, for each pixel, whether the molecule is there.

Source of the idea: Adler and Öktem, IEEE Trans. Med. Imaging 37 (2018) 1322 (learned primal-dual);
the projection is Fienup's, Appl. Opt. 21 (1982) 2758, eqs. 5 and 6.
"""

from dataclasses import dataclass, fields
from math import ceil

import torch
from torch import nn
from torch.nn import functional

from diffragan.config.unrolled import UnrolledSettings
from diffragan.fourier import centred, decentred, fft2, ifft2
from diffragan.symmetries import Symmetry
from diffragan.typing import Complex, Float, Tensor, Waves

WAVE_SCALE = 10.0
"""Brings psi_s, some 0.1 inside a molecule, to the order of 1."""
LARGEST_WIDENING = 8
SEEN_CHANNELS = 8
"""Two waves, their distance, the image's phase, the autocorrelation, the envelope so far."""
WAVE_AND_ENVELOPE = 3
CHANNELS_PER_GROUP = 8


@dataclass(frozen=True, slots=True)
class NetworkView:
    """What was measured of some items, as the network sees it; FFT order unless said otherwise."""

    modulus: Float[Tensor, "item y x"]
    """|F[psi_s]|, 0 where it was not measured."""
    trust: Float[Tensor, "item y x"]
    """How far each modulus binds, from 0 (not measured, or drowned in noise) to 1 (exact)."""
    free: Float[Tensor, "y x"]
    """1 where the wave may have coefficients, measured or not; 0 beyond the recorded square."""
    start: Complex[Tensor, "item y x"]
    """First guess of the wave, origin at pixel [0, 0]."""
    image_phase: Float[Tensor, "item y x"]
    """Phase that the low-resolution image tells, centred [rad]."""
    autocorrelation: Float[Tensor, "item y x"]
    """Signed square root of the pattern's autocorrelation over its largest value, centred."""

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.modulus)

    def to(self, device: torch.device | str) -> "NetworkView":
        """Move to a device."""
        return NetworkView(*(getattr(self, field.name).to(device) for field in fields(self)))

    def laid(self, symmetry: Symmetry) -> "NetworkView":
        """Lay all of it on its grid in another way."""
        return NetworkView(*(symmetry.laid(getattr(self, field.name)) for field in fields(self)))

    def rows(self, start: int, stop: int) -> "NetworkView":
        """Return some of the items."""
        chosen = {
            field.name: getattr(self, field.name)[start:stop]
            for field in fields(self)
            if field.name != "free"
        }
        return NetworkView(free=self.free, **chosen)


@dataclass(frozen=True, slots=True)
class Guess:
    """What the network says of some items."""

    waves: Waves
    """`(item, y, x)`, psi_s, origin at pixel [0, 0]."""
    envelope: Float[Tensor, "item y x"]
    """Log-odds of the molecule being there, origin at pixel [0, 0]."""


class PixelNorm(nn.Module):
    """Normalise the channels of every pixel by themselves, and scale each channel.

    Source: Ba, Kiros and Hinton, arXiv:1607.06450, over channels only.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Float[Tensor, "item channel y x"]) -> Float[Tensor, "item channel y x"]:
        """Return normalised features."""
        normalised: Tensor = self.norm(x.permute(0, 2, 3, 1))
        return normalised.permute(0, 3, 1, 2)


def _norm(channels: int, settings: UnrolledSettings) -> nn.Module:
    if settings.normalisation == "pixel":
        return PixelNorm(channels)
    return nn.GroupNorm(max(1, channels // CHANNELS_PER_GROUP), channels)


class Block(nn.Module):
    """Two 3 x 3 convolutions, each normalised and rectified; the second adds to the first."""

    def __init__(self, inputs: int, outputs: int, settings: UnrolledSettings) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norms = nn.ModuleList(_norm(outputs, settings) for _ in range(2))

    def forward(self, x: Float[Tensor, "item channel y x"]) -> Float[Tensor, "item channel y x"]:
        """Return features of the same side."""
        x = functional.silu(self.norms[0](self.first(x)))
        return x + functional.silu(self.norms[1](self.second(x)))


class SmallUNet(nn.Module):
    """U-Net of any side: sides that do not halve evenly are padded with vacuum.

    Source: Ronneberger, Fischer and Brox, MICCAI 2015.
    """

    def __init__(self, inputs: int, outputs: int, settings: UnrolledSettings) -> None:
        super().__init__()
        widths = [
            settings.width * min(2**level, LARGEST_WIDENING) for level in range(settings.depth)
        ]
        self.multiple = 2 ** (settings.depth - 1)
        self.down = nn.ModuleList(
            Block(before, after, settings)
            for before, after in zip([inputs, *widths[:-1]], widths, strict=True)
        )
        self.up = nn.ModuleList(
            Block(coarse + fine, fine, settings)
            for fine, coarse in zip(widths[-2::-1], widths[:0:-1], strict=True)
        )
        self.last = nn.Conv2d(widths[0], outputs, 1)
        # Training begins at the projection itself, not with noise to be unlearned.
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Float[Tensor, "item channel y x"]) -> Float[Tensor, "item channel y x"]:
        """Return outputs of the same side."""
        side = x.shape[-1]
        missing = self.multiple * ceil(side / self.multiple) - side
        if missing:
            before = missing // 2
            x = functional.pad(x, (before, missing - before) * 2)
        x = x.contiguous(memory_format=torch.channels_last)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(functional.avg_pool2d(x, 2) if level else x)
            skips.append(x)
        skips.pop()
        for block in self.up:
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat([x, skips.pop()], dim=1))
        x = self.last(x)
        if missing:
            x = x[..., before : before + side, before : before + side]
        return x


class UnrolledNetwork(nn.Module):
    """Stages of a projection onto the measured moduli and a U-Net."""

    def __init__(self, settings: UnrolledSettings) -> None:
        super().__init__()
        self.settings = settings
        self.stages = nn.ModuleList(
            SmallUNet(
                SEEN_CHANNELS + settings.memory, WAVE_AND_ENVELOPE + settings.memory, settings
            )
            for _ in range(settings.stages)
        )

    def forward(self, view: NetworkView) -> list[Guess]:
        """Return the guess of every stage; the last one counts.

        Parameters
        ----------
        view : On a grid of about the settings' pixels.
        """
        wave = view.start
        items, side = len(view), view.modulus.shape[-1]
        envelope = view.image_phase.new_zeros(items, side, side)
        memory = envelope[:, None].expand(items, self.settings.memory, side, side)
        guesses: list[Guess] = []
        for stage in self.stages:
            projected = project_trusted(wave, view)
            seen = [centred(wave), centred(projected)]
            told: Tensor = stage(
                torch.cat(
                    [
                        torch.stack(
                            [
                                *(WAVE_SCALE * part for w in seen for part in (w.real, w.imag)),
                                WAVE_SCALE * (seen[1] - seen[0]).abs(),
                                WAVE_SCALE * view.image_phase,
                                view.autocorrelation,
                                envelope,
                            ],
                            dim=1,
                        ),
                        memory,
                    ],
                    dim=1,
                )
            ).float()
            change = decentred(told[:, :2]) / WAVE_SCALE
            wave = projected + torch.complex(change[:, 0], change[:, 1])
            envelope, memory = told[:, 2], told[:, WAVE_AND_ENVELOPE:]
            guesses.append(Guess(wave, decentred(envelope)))
        return guesses


def project_trusted(wave: Waves, view: NetworkView) -> Waves:
    """Move the wave's moduli towards the measured ones, as far as each is to be trusted."""
    spectrum = fft2(wave)
    size = spectrum.abs()
    # Its gradient stays finite where the wave has no coefficient.
    direction = spectrum / (size + 1e-6 * size.detach().amax((-2, -1), keepdim=True) + 1e-12)
    moved = view.trust * view.modulus * direction + (1 - view.trust) * view.free * spectrum
    return ifft2(moved)
