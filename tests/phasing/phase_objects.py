"""Weak phase objects of known phase, and what an experiment measures of them."""

import torch

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.phasing.protocol import Observations
from diffragan.physics.forward import diffraction_pattern, image, measured_region, phase_object
from diffragan.typing import Images, Waves


def experiment(wave_pixels: int = 64, image_pixels: int = 64) -> Experiment:
    """A small box that keeps the paper's lenses."""
    overrides = {
        "box_angstrom": 40,
        "numerics": {"pixels": 256},
        "wave_pixels": wave_pixels,
        "image_pixels": image_pixels,
    }
    return load_experiment("quick", overrides=overrides)


def blobs(experiment: Experiment, peak_rad: float = 3e-3) -> Images:
    """Phases of two molecules, off the centre and without symmetry [rad]."""
    grid = experiment.wave_grid
    axis = (torch.arange(grid.pixels) - grid.pixels // 2) * grid.pixel_angstrom
    generator = torch.Generator().manual_seed(0)
    phase = torch.zeros(2, grid.pixels, grid.pixels)
    for item in range(2):
        for y, x in 12 * torch.rand(25, 2, generator=generator) - torch.tensor([8.0, 3.0]):
            phase[item] += torch.exp(-((axis[:, None] - y) ** 2 + (axis - x) ** 2) / 0.8)
    return peak_rad * phase / phase.amax((1, 2), keepdim=True)


def observe(phase: Images, experiment: Experiment, dose: float) -> tuple[Waves, Observations]:
    """The true waves, and their pattern and image without counting noise."""
    waves, side = phase_object(phase), experiment.diffraction_pixels
    optics, electron = experiment.low_resolution, experiment.electron
    picture = image(waves, experiment.wave_grid, optics, electron, experiment.image_pixels)
    observations = Observations(
        diffraction_pattern(waves, side),
        measured_region(side, experiment.diffraction.direct_beam_pixels),
        picture * dose * experiment.image_grid.pixel_angstrom**2,
        torch.full((len(phase),), dose),
        experiment,
    )
    return waves, observations
