"""What the networks see: measurements scaled once for a whole data set, and the way back.

Counts keep their meaning, because one scale serves all items and is stored with the network.
"""

from dataclasses import asdict, dataclass
from math import asinh
from typing import Any, Self

import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import InputError
from diffragan.fourier import fourier, inverse_fourier, resample, resize_centred
from diffragan.typing import Float, Images, Mask, Patterns, Tensor

TANH_MARGIN = 1.25
"""Room above the largest training contrast: tanh reaches its ends only at infinity, and another
molecule may scatter more."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """Scales between physical values and the networks' numbers, found on the training data."""

    pixels: int
    """Side of the networks' images."""
    low_resolution_scale: float
    """Contrast of a low-resolution image that becomes 1: its standard deviation."""
    diffraction_scale: float
    """Square root of a modulus that becomes 1: the root mean square over measured pixels."""
    image_scale: float
    """Contrast of a high-resolution image that becomes 1: the largest, with a margin."""
    image_knee: float
    """Contrast up to which the encoding is linear, and logarithmic beyond: the root mean square."""

    def as_json(self) -> dict[str, Any]:
        """Return the scales as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `as_json` wrote.

        Raises
        ------
        InputError : A scale is missing, or is not a positive number.
        """
        try:
            encoding = cls(
                int(values["pixels"]),
                *(float(values[name]) for name in cls.__slots__ if name != "pixels"),
            )
        except (KeyError, TypeError, ValueError):
            raise InputError(f"the encoding {values} is not one of this program") from None
        if not all(0 < value < float("inf") for value in asdict(encoding).values()):
            raise InputError(f"the encoding {values} has a scale that is not positive")
        return encoding


def to_pixels(images: Images, pixels: int) -> Images:
    """Sample images on the networks' grid, or back; nothing happens when they are on it."""
    return images if images.shape[-1] == pixels else resample(images, pixels).real


def contrast(
    counts: Images, dose_e_per_a2: Float[Tensor, " item"], experiment: Experiment
) -> Images:
    """Relate counts to those expected without a molecule, as far as the aperture reaches.

    Beyond the aperture no scattered wave meets the direct one: what is left there is counting noise
    (96 % of it in the paper's setting) and would hide the image from a network.

    Parameters
    ----------
    counts : `(item, y, x)`, low-resolution image [electrons].
    dose_e_per_a2 : `(item,)` [e/Å2].

    Returns
    -------
    `(item, y, x)`, counts / expected - 1, low-passed at the aperture.
    """
    grid = experiment.image_grid
    relative = counts / (dose_e_per_a2[:, None, None] * grid.pixel_angstrom**2) - 1
    angle = experiment.low_resolution.aperture_mrad
    if angle is None:
        return relative
    edge = experiment.electron.frequency_per_angstrom(angle)
    inside = grid.squared_frequencies(counts.device) <= edge**2
    return inverse_fourier(fourier(relative) * inside).real


def compressed_modulus(diffraction: Patterns, measured: Mask) -> Patterns:
    """Square root of the modulus, zero where nothing was measured.

    Moduli fall by three orders of magnitude from the centre to the edge; a network sees both
    ends of their square root.
    """
    return torch.where(measured, diffraction.clamp(min=0) ** 0.25, 0.0)


def fit_encoding(
    pixels: int, contrasts: Images, diffraction: Patterns, measured: Mask, images: Images
) -> Encoding:
    """Find the scales on training data.

    Parameters
    ----------
    pixels : Side of the networks' images.
    contrasts : `(item, y, x)`, what `contrast` gives.
    diffraction : `(item, q_y, q_x)`, centred, fraction of the incident beam per pixel.
    measured : `(q_y, q_x)`.
    images : `(item, y, x)`, high-resolution images, relative to the incident beam.

    Raises
    ------
    InputError : A role is the same everywhere, so that there is nothing to learn from it.
    """
    roots = compressed_modulus(diffraction, measured)[..., measured]
    image_contrasts = to_pixels(images, pixels) - 1
    scales = {
        "low-resolution image": float(to_pixels(contrasts, pixels).square().mean().sqrt()),
        "diffraction pattern": float(roots.square().mean().sqrt()),
        "high-resolution image": float(image_contrasts.square().mean().sqrt()),
    }
    for role, scale in scales.items():
        if not scale > 0:
            raise InputError(f"every {role} of the training data is empty; make the data set again")
    low_resolution, pattern, knee = scales.values()
    largest = TANH_MARGIN * float(image_contrasts.abs().max())
    return Encoding(pixels, low_resolution, pattern, largest, knee)


def encode_low_resolution(contrasts: Images, encoding: Encoding) -> Images:
    """Scale the contrast of low-resolution images to a standard deviation of about 1."""
    return to_pixels(contrasts, encoding.pixels) / encoding.low_resolution_scale


def decode_low_resolution(encoded: Images, encoding: Encoding) -> Images:
    """Return the contrast on the networks' grid: the inverse of `encode_low_resolution`."""
    return encoded * encoding.low_resolution_scale


def encode_diffraction(diffraction: Patterns, measured: Mask, encoding: Encoding) -> Images:
    """Compress, scale and pad or crop patterns onto the networks' grid, centre on n // 2."""
    roots = compressed_modulus(diffraction, measured) / encoding.diffraction_scale
    return resize_centred(roots, encoding.pixels)


def encode_observed(
    diffraction: Patterns, measured: Mask, contrasts: Images, encoding: Encoding
) -> Float[Tensor, "item 2 y x"]:
    """Return what both networks are given: pattern and low-resolution image as two channels."""
    pattern = encode_diffraction(diffraction, measured, encoding)
    return torch.stack([pattern, encode_low_resolution(contrasts, encoding)], dim=1)


def decode_diffraction(encoded: Images, pixels: int, encoding: Encoding) -> Patterns:
    """Return patterns of `pixels` from encoded ones; what was not measured is zero."""
    return (resize_centred(encoded, pixels) * encoding.diffraction_scale) ** 4


def encode_image(images: Images, encoding: Encoding) -> Images:
    """Bring high-resolution images into tanh's range; vacuum, 1, becomes 0.

    asinh(contrast / knee) / asinh(scale / knee): atoms over each other reach twenty times the root
    mean square, and a linear scale to them would leave everything else within 0.03 of zero, where
    each step of an optimiser moves the image more than it differs from vacuum.
    """
    end = asinh(encoding.image_scale / encoding.image_knee)
    return torch.asinh((to_pixels(images, encoding.pixels) - 1) / encoding.image_knee) / end


def decode_image(encoded: Images, encoding: Encoding, pixels: int | None = None) -> Images:
    """Return high-resolution images, relative to the incident beam: inverts `encode_image`."""
    end = asinh(encoding.image_scale / encoding.image_knee)
    contrasts = torch.sinh(encoded * end) * encoding.image_knee
    return to_pixels(1 + contrasts, pixels or encoding.pixels)
