"""Observations as the unrolled network sees them: on its own sampling of the same box."""

from math import isfinite

import torch

from diffragan.errors import InputError
from diffragan.fourier import centred, ifft2
from diffragan.models.unrolled import NetworkView
from diffragan.phasing.low_resolution import phase_from_image
from diffragan.phasing.projections import MeasuredModuli, measured_moduli
from diffragan.phasing.protocol import Observations
from diffragan.phasing.restraint import image_phases, starting_wave
from diffragan.typing import Float, Tensor

FEWEST_PIXELS = 16


def network_pixels(box_angstrom: float, pixel_angstrom: float) -> int:
    """Side of the even grid of a box whose pixels come nearest to the network's.

    Raises
    ------
    InputError : The box holds too few of them.
    """
    pixels = 2 * round(box_angstrom / (2 * pixel_angstrom)) if isfinite(box_angstrom) else 0
    if pixels < FEWEST_PIXELS:
        raise InputError(
            f"a box of {box_angstrom:g} Å has {pixels} pixels of {pixel_angstrom:g} Å, too few for "
            f"the network; it needs {FEWEST_PIXELS}"
        )
    return pixels


def network_view(observations: Observations, pixel_angstrom: float) -> NetworkView:
    """Bring patterns and images onto the network's grid.

    Parameters
    ----------
    pixel_angstrom : The network's sampling [Å]; the nearest that the box allows is taken.

    Raises
    ------
    InputError : The box is too small.
    """
    pixels = network_pixels(observations.experiment.box_angstrom, pixel_angstrom)
    moduli = measured_moduli(observations, pixels)
    phases = image_phases(observations, moduli)
    known = moduli.known.to(moduli.modulus.dtype)
    trust = known.expand_as(moduli.modulus) if moduli.trust is None else known * moduli.trust
    return NetworkView(
        modulus=moduli.modulus * known,
        trust=trust,
        free=moduli.recorded.to(moduli.modulus.dtype),
        start=starting_wave(phases, moduli),
        image_phase=phase_from_image(observations, pixels),
        autocorrelation=autocorrelation(moduli),
    )


def autocorrelation(moduli: MeasuredModuli) -> Float[Tensor, "item y x"]:
    """Signed square root of the autocorrelation of each wave, over its largest value, centred.

    It reaches twice as far as the molecule: the pattern's own word on its outline. The root shows
    its rim, which is a hundredth of its peak.
    """
    pattern = torch.where(moduli.known, moduli.modulus**2, 0.0)
    found = centred(ifft2(pattern).real)
    size = found.abs().amax((-2, -1), keepdim=True).clamp(min=torch.finfo(found.dtype).tiny)
    return found.sign() * (found.abs() / size).sqrt()
