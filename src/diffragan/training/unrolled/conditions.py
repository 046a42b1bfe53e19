"""Waves observed under conditions drawn at random; the forward model makes the observations."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np
import torch

from diffragan.config.beam import BeamSettings
from diffragan.config.experiment import Experiment
from diffragan.config.unrolled_training import ConditionSettings
from diffragan.fourier import decentred, fft2, ifft2, resize_centred
from diffragan.grid import Grid
from diffragan.models.unrolled import NetworkView
from diffragan.phasing.network_view import network_view
from diffragan.phasing.protocol import Observations
from diffragan.phasing.support import molecule_envelope
from diffragan.physics.detector import dose_for_snr, poisson_counts
from diffragan.physics.forward import diffraction_pattern, image, measured_region
from diffragan.training.unrolled.waves import WavePool
from diffragan.typing import Bool, Mask, Patterns, Tensor, Waves

BORDER_ANGSTROM = 6.0
"""What a wave reaches beyond its molecule's atoms, both sides together [Å]."""
SNR_BAND_ANGSTROM = (8.0, 5.0)
WIDEST_GAP_PIXELS = 3


@dataclass(frozen=True, slots=True)
class Lesson:
    """Views of one step: what the network sees, and what is true."""

    view: NetworkView
    truth: Waves
    """`(item, y, x)`, psi_s on the network's grid, origin at pixel [0, 0]."""
    envelope: Bool[Tensor, "item y x"]
    """Where each molecule is, origin at pixel [0, 0]."""
    electrons: float | None = None
    """Incident electrons of each pattern; none where patterns are free of noise."""

    def to(self, device: torch.device | str) -> "Lesson":
        """Move to a device."""
        return Lesson(
            self.view.to(device), self.truth.to(device), self.envelope.to(device), self.electrons
        )


def draw_lesson(
    pool: WavePool, base: Experiment, settings: ConditionSettings, count: int, seed: Sequence[int]
) -> Lesson:
    """Draw some waves and conditions, and observe them.

    Parameters
    ----------
    pool : True waves.
    base : Energy and whatever is not drawn.
    count : Views.
    seed : Decides everything.
    """
    random = np.random.default_rng(list(seed))
    items = pool.draw(count, random)
    dimension = pool.largest_dimension(items) + BORDER_ANGSTROM
    pixels = _draw_pixels(pool.grid, dimension, settings, random)
    grid = Grid(pixels, pixels * pool.grid.pixel_angstrom)
    waves = torch.stack(
        [_placed(pool.waves[item], grid, dimension, settings, random) for item in items]
    )
    experiment = _draw_experiment(base, grid, settings, random)
    observations = observe(waves, experiment, settings, random)
    truth = decentred(waves)
    exposure = experiment.detector.exposure_e_per_a2
    return Lesson(
        network_view(observations, grid.pixel_angstrom),
        truth,
        molecule_envelope(truth, grid),
        None if exposure is None else exposure * grid.box_angstrom**2,
    )


def observe(
    waves: Waves, experiment: Experiment, settings: ConditionSettings, random: np.random.Generator
) -> Observations:
    """Record pattern and defocused image of some waves on the experiment's wave grid.

    Parameters
    ----------
    waves : `(item, y, x)`, origin at pixel n // 2.
    experiment : With images on the same grid as waves.
    settings : What is drawn here: the image's signal-to-noise ratio, and the mask.
    """
    grid, electron = experiment.wave_grid, experiment.electron
    side = experiment.diffraction_pixels
    measured = _draw_mask(side, grid, settings, random)
    patterns = _recorded(diffraction_pattern(waves, side), experiment, random)
    low = image(waves, grid, experiment.low_resolution, electron)
    counts, doses = [], []
    for one in low:
        snr = _log_uniform(settings.low_resolution_snr, random)
        dose = dose_for_snr(one, snr, SNR_BAND_ANGSTROM, grid)
        counts.append(poisson_counts(one, dose, grid, random))
        doses.append(dose)
    return Observations(
        torch.where(measured, patterns, 0.0),
        measured,
        torch.stack(counts).float(),
        torch.tensor(doses, dtype=torch.float32),
        experiment,
    )


def _draw_pixels(
    grid: Grid, dimension: float, settings: ConditionSettings, random: np.random.Generator
) -> int:
    """Side of a box that holds the molecules, in the pool's pixels."""
    low, high = settings.box_angstrom
    box = dimension * random.uniform(*settings.box_per_molecule)
    box = max(min(max(box, low), high), dimension)
    return 2 * round(box / (2 * grid.pixel_angstrom))


def _placed(
    wave: Waves,
    grid: Grid,
    dimension: float,
    settings: ConditionSettings,
    random: np.random.Generator,
) -> Waves:
    """Turn, mirror, move and blur a wave, in a box of its own.

    Seen from behind, a thin molecule's wave is the mirror image: the projection of the molecule
    turned half a turn about an axis in the plane.
    """
    wave = torch.rot90(wave, int(random.integers(4)), (0, 1))
    if random.random() < 0.5:
        wave = wave.flip(0)
    room = min(settings.shift_angstrom, max(0.0, (grid.box_angstrom - dimension) / 2))
    reach = int(room / grid.pixel_angstrom)
    dy, dx = (int(v) for v in random.integers(-reach, reach + 1, 2))
    moved = torch.roll(resize_centred(wave, grid.pixels), (dy, dx), (0, 1))
    blur = torch.exp(-random.uniform(*settings.b_factor_a2) / 4 * grid.squared_frequencies())
    return ifft2(fft2(moved) * blur)


def _draw_experiment(
    base: Experiment, grid: Grid, settings: ConditionSettings, random: np.random.Generator
) -> Experiment:
    """Draw beam, box and lens; the draws are always the same in number and order."""
    defocus = _log_uniform(settings.low_resolution_defocus_angstrom, random)
    aperture = random.uniform(*settings.low_resolution_aperture_mrad)
    counted = random.random() >= settings.noise_free_share
    exposure = _log_uniform(settings.exposure_e_per_a2, random)
    truncated = random.random() < settings.truncated_share
    end = random.uniform(*settings.finest_angstrom)
    last = grid.pixels // 2 - 1
    if truncated:
        last = min(last, int(grid.box_angstrom / end))
    # Half a sample more, so that rounding counts the last one in.
    angle = base.electron.angle_mrad((last + 0.5) / grid.box_angstrom)
    lens = base.low_resolution.model_copy(
        update={"defocus_angstrom": defocus, "aperture_mrad": aperture}
    )
    return base.model_copy(
        update={
            "beam": BeamSettings(),  # a plane wave, whatever the data set was simulated with
            "box_angstrom": grid.box_angstrom,
            "wave_pixels": grid.pixels,
            "image_pixels": grid.pixels,
            "diffraction": base.diffraction.model_copy(update={"max_angle_mrad": angle}),
            "detector": base.detector.model_copy(
                update={"exposure_e_per_a2": exposure if counted else None}
            ),
            "low_resolution": lens,
        }
    )


def _draw_mask(
    side: int, grid: Grid, settings: ConditionSettings, random: np.random.Generator
) -> Mask:
    stopped = random.random() < settings.beam_stop_share
    end = random.uniform(*settings.beam_stop_angstrom)
    gapped, gap = random.random() < settings.gap_share, random.integers(1, WIDEST_GAP_PIXELS + 1)
    row, column = random.integers(0, side, 2)
    measured = measured_region(side, max(0.5, grid.box_angstrom / end) if stopped else 0.5)
    if gapped:
        measured[row : row + gap] = False
        measured[:, column : column + gap] = False
    return measured


def _recorded(patterns: Patterns, experiment: Experiment, random: np.random.Generator) -> Patterns:
    """Count electrons if the experiment does; fractions of the beam either way."""
    exposure = experiment.detector.exposure_e_per_a2
    if exposure is None:
        return patterns
    incident = exposure * experiment.box_angstrom**2
    counts = random.poisson(patterns.double().numpy() * incident)
    return torch.from_numpy(counts / incident).float()


def _log_uniform(limits: tuple[float, float], random: np.random.Generator) -> float:
    low, high = limits
    return exp(random.uniform(log(low), log(high)))
