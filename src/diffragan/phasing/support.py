"""Where the molecule is, told from the data alone: size from the pattern, place from the image.

How large: the power scattered to high angles counts the atoms (Wilson, Nature 150 (1942) 152), the
atoms give a mass, and the mass a projected area. The pattern's autocorrelation bounds what can be
inside. Where: the positive density phased so far, squared and smoothed.
"""

from math import pi

import torch

from diffragan.config.experiment import Experiment
from diffragan.grid import Grid
from diffragan.phasing.projections import MeasuredModuli
from diffragan.physics.form_factors import VOLT_ANGSTROM2_PER_ANGSTROM, electron_form_factor
from diffragan.typing import Bool, Float, Tensor, Waves

ATOMS_PER_DALTON: dict[int, float] = {
    number: count / 110.0 for number, count in {1: 7.8, 6: 4.87, 7: 1.36, 8: 1.46, 16: 0.04}.items()
}
"""Atoms of each element per dalton of an average protein: one residue of 110 Da (Fischer et al.,
Protein Sci. 13 (2004) 2825, and the amino-acid frequencies of Swiss-Prot)."""

VOLUME_A3_PER_DALTON = 1.212
"""Partial specific volume 0.73 cm3/g (Harpaz, Gerstein and Chothia, Structure 2 (1994) 641)."""

WILSON_BAND_ANGSTROM = (2.8, 1.3)
"""Where scattering from different atoms adds in power; coarser than this it interferes."""

TWO_SIGMA_TAIL = 0.0228
"""Share of a Gaussian beyond two standard deviations, on one side."""
ENVELOPE_SIGMA_ANGSTROM = 1.0
ENVELOPE_LEVEL_RAD = 0.02
BORDER_ANGSTROM = 1.5
"""Atoms reach this far beyond the volume their mass fills."""

AREA_FACTOR = 1.45
"""Support area over the area of a sphere of the estimated mass with that border. A protein is no
sphere (1.18 for three training proteins), the Wilson estimate is a quarter low, and a support too
large by a tenth does less harm than one too small."""


def mass_from_pattern(moduli: MeasuredModuli, experiment: Experiment) -> Float[Tensor, " item"]:
    """Estimate each molecule's mass from the power it scatters to high angles [Da].

    mean |F|^2 = (sigma C n^2 / L^2)^2 sum of f^2 over the atoms; multiple scattering and bonding
    make the estimate some 20 % low.
    """
    grid = experiment.wave_grid
    frequency = torch.sqrt(grid.squared_frequencies(moduli.modulus.device))
    coarse, fine = WILSON_BAND_ANGSTROM
    band = (frequency > 1 / coarse) & (frequency < 1 / fine) & moduli.known
    per_dalton = torch.zeros_like(frequency)
    for number, count in ATOMS_PER_DALTON.items():
        per_dalton += count * electron_form_factor(number, frequency) ** 2
    sigma = experiment.electron.interaction_rad_per_volt_angstrom
    scale = sigma * VOLT_ANGSTROM2_PER_ANGSTROM / grid.pixel_angstrom**2
    measured = (moduli.modulus**2)[:, band].sum(-1)
    return measured / (scale**2 * per_dalton[band].sum())


def support_area(mass_dalton: Float[Tensor, " item"]) -> Float[Tensor, " item"]:
    """Area that the projection of a protein of a mass covers, with a margin [Å2]."""
    radius = (3 * VOLUME_A3_PER_DALTON * mass_dalton / (4 * pi)) ** (1 / 3)
    return AREA_FACTOR * pi * (radius + BORDER_ANGSTROM) ** 2


def smooth(density: Tensor, sigma_angstrom: float, grid: Grid) -> Tensor:
    """Convolve with a Gaussian of standard deviation `sigma_angstrom` [Å], periodically."""
    q2 = grid.squared_frequencies(density.device)[:, : grid.pixels // 2 + 1]
    damped = torch.fft.rfft2(density) * torch.exp(-2 * (pi * sigma_angstrom) ** 2 * q2)
    smoothed: Tensor = torch.fft.irfft2(damped, s=density.shape[-2:])
    return smoothed


def molecule_envelope(wave: Waves, grid: Grid) -> Bool[Tensor, "item y x"]:
    """Find where a wave shows a molecule: its smoothed phase exceeds what vacuum leaves.

    psi_s is in units of the incident wave, so the level is one of nature and not of the picture:
    0.02 rad behind 1 Å of smoothing is the rim of a single side chain. On true waves of proteins of
    6 to 50 kDa this support lets iterations succeed where one 2 Å larger fails as often as not.

    Parameters
    ----------
    wave : `(item, y, x)`, psi_s, any origin; the envelope has the same.
    """
    return smooth(wave.imag, ENVELOPE_SIGMA_ANGSTROM, grid) > ENVELOPE_LEVEL_RAD


def estimate_support(
    wave: Waves, area_angstrom2: Float[Tensor, " item"], sigma_angstrom: float, grid: Grid
) -> Bool[Tensor, "item y x"]:
    """Cover a given area where the wave's positive phase is most active.

    The square of the density marks the molecule better than the density: an image transfers the
    texture inside a molecule, but not its lowest frequencies.

    Parameters
    ----------
    wave : `(item, y, x)`, any origin; the support has the same.
    area_angstrom2 : Size of each support [Å2].
    sigma_angstrom : Smoothing before the threshold [Å].
    """
    active = smooth(wave.imag.clamp(min=0) ** 2, sigma_angstrom, grid).flatten(1)
    pixels = (area_angstrom2 / grid.pixel_angstrom**2).round().long()
    pixels = pixels.clamp(min=1, max=active.shape[1])
    ordered = active.sort(dim=1, descending=True).values
    threshold = ordered.gather(1, (pixels - 1)[:, None])
    return (active >= threshold).reshape(wave.shape)


def grown(
    support: Bool[Tensor, "item y x"], by_angstrom: float, grid: Grid
) -> Bool[Tensor, "item y x"]:
    """Grow supports by a distance [Å], periodically.

    A half plane smoothed by a Gaussian of deviation s is above erfc(d / (s sqrt 2)) / 2 up to the
    distance d from its edge; with s = d / 2 that is 0.0228.
    """
    if by_angstrom <= 0:
        return support
    return smooth(support.float(), by_angstrom / 2, grid) > TWO_SIGMA_TAIL
