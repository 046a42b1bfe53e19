"""The detector of diffraction patterns: where it measures, and what it counts."""

from dataclasses import dataclass

import numpy as np
import torch

from diffragan.config.detector import DetectorSettings
from diffragan.errors import ConfigError
from diffragan.physics.blur import gaussian_blur
from diffragan.typing import Float, Mask, Patterns, Tensor


@dataclass(frozen=True, slots=True)
class DetectorMaps:
    """What is fixed about one detector, the same for every pattern it records."""

    open: Mask
    """True where electrons reach the detector, false behind the beam stop."""
    measured: Mask
    """True where a pattern is measured: open, not in a gap and not dead."""
    hot: Float[Tensor, "q_y q_x"]
    """Mean counts that a pixel adds of itself."""

    def to(self, device: torch.device | str) -> "DetectorMaps":
        """Move the maps to a device."""
        return DetectorMaps(self.open.to(device), self.measured.to(device), self.hot.to(device))


def _in_gap(pixels: int, modules: int, gap_pixels: int) -> np.ndarray:
    """Along one axis, whether a pixel lies in a band between modules."""
    inside = np.zeros(pixels, dtype=bool)
    for number in range(1, modules):
        first = round(number * pixels / modules - gap_pixels / 2)
        inside[first : first + gap_pixels] = True
    return inside


def _behind_beam_stop(settings: DetectorSettings, pixels: int, spacing_mrad: float) -> np.ndarray:
    if settings.beam_stop_mrad is None:
        return np.zeros((pixels, pixels), dtype=bool)
    angle = (np.arange(pixels) - pixels // 2) * spacing_mrad
    y, x = angle[:, None], angle[None, :]
    disc = x**2 + y**2 <= settings.beam_stop_mrad**2
    arm = (y >= 0) & (np.abs(x) < settings.beam_stop_arm_mrad / 2)
    return np.asarray(disc | arm)


def detector_layout(
    settings: DetectorSettings, pixels: int, spacing_mrad: float, seed: int
) -> DetectorMaps:
    """Draw the detector of a data set: its defects are the same for the same seed.

    Parameters
    ----------
    settings : The detector.
    pixels : Side of the recorded square.
    spacing_mrad : Angle between pixels [mrad].
    seed : Chooses which pixels are dead and which hot.

    Raises
    ------
    ConfigError : Nothing is left to measure.
    """
    order = np.random.default_rng(seed).permutation(pixels**2)
    dead_count = round(settings.dead_pixel_fraction * pixels**2)
    hot_count = round(settings.hot_pixel_fraction * pixels**2)
    dead = np.zeros(pixels**2, dtype=bool)
    dead[order[:dead_count]] = True
    hot = np.zeros(pixels**2, dtype=np.float32)
    hot[order[dead_count : dead_count + hot_count]] = settings.hot_pixel_counts
    gaps_y, gaps_x = (_in_gap(pixels, count, settings.gap_pixels) for count in settings.modules)
    stopped = _behind_beam_stop(settings, pixels, spacing_mrad)
    missing = stopped | gaps_y[:, None] | gaps_x[None, :] | dead.reshape(pixels, pixels)
    if bool(missing.all()):
        raise ConfigError(
            f"detector: beam stop, gaps and dead pixels hide all {pixels} x {pixels} pixels; "
            "make them smaller"
        )
    return DetectorMaps(
        open=torch.from_numpy(~stopped),
        measured=torch.from_numpy(~missing),
        hot=torch.from_numpy(hot.reshape(pixels, pixels)),
    )


def record(
    patterns: Patterns,
    settings: DetectorSettings,
    maps: DetectorMaps,
    area_angstrom2: float,
    generator: np.random.Generator,
) -> Patterns:
    """Record patterns with a detector.

    Every electron is counted once, at a Gaussian distance from where it enters. So the counts are
    independent Poisson numbers whose expectation is the blurred one (thinning and displacing a
    Poisson process leaves it Poisson). Hot pixels add counts of their own; read noise comes last.

    Parameters
    ----------
    patterns : `(..., q_y, q_x)`, fractions of the incident beam.
    settings : The detector; without an exposure its noise-free fractions are returned, still
        blurred and masked.
    maps : Its layout, from `detector_layout`.
    area_angstrom2 : Area that the incident beam falls on [Å2].
    generator : NumPy generator: the same counts on every device.

    Returns
    -------
    `(..., q_y, q_x)` float32 on the device of `patterns`: whole numbers of electrons, any numbers
    with read noise, fractions without an exposure; 0 where nothing is measured.
    """
    maps = maps.to(patterns.device)
    arriving = torch.where(maps.open, patterns.double().clamp(min=0), 0.0)
    expected = gaussian_blur(arriving, settings.point_spread_pixels)
    if settings.exposure_e_per_a2 is not None:
        mean = expected * (settings.exposure_e_per_a2 * area_angstrom2) + maps.hot
        counts = generator.poisson(mean.cpu().numpy()).astype(np.float64)
        if settings.read_noise_electrons:
            counts += generator.normal(0.0, settings.read_noise_electrons, counts.shape)
        expected = torch.from_numpy(counts).to(patterns.device)
    return torch.where(maps.measured, expected, 0.0).float()
