"""The paper's conditional GAN as a phaser: an image drawn by the network, turned into a wave."""

from operator import attrgetter
from pathlib import Path

import torch
from pydantic import ValidationError

from diffragan.config.beam import BeamSettings, InelasticSettings
from diffragan.config.experiment import Experiment
from diffragan.config.optics import OpticsSettings
from diffragan.config.training import TrainingSettings
from diffragan.errors import InputError
from diffragan.fourier import fourier, inverse_fourier
from diffragan.io.checkpoints import BEST, Checkpoint, fill_module, read_run
from diffragan.models.encoding import (
    Encoding,
    contrast,
    decode_image,
    encode_observed,
    to_pixels,
)
from diffragan.models.unet import UNet
from diffragan.phasing.protocol import Observations, PhasedWaves
from diffragan.physics.optics import phase_contrast
from diffragan.typing import Images, Waves

SMALLEST_TRANSFER = 0.03
"""Contrast transfers below this are not divided by: amplitude contrast rivals them."""
GENERATOR = "average"
"""Part of a checkpoint that holds the generator to use: its average over the last steps."""
BATCH = 16
"""Views the network draws at a time; the result does not depend on it."""

SPECIMEN = ("ice_thickness_angstrom", "thermal_motion", "b_factor_a2")
"""Settings of a specimen that change what every view looks like."""
LENS = tuple(OpticsSettings.model_fields)
MATCHED = (
    "energy_kev",
    "box_angstrom",
    "diffraction.max_angle_mrad",
    "diffraction.direct_beam_pixels",
    *(f"{lens}.{key}" for lens in ("high_resolution", "low_resolution") for key in LENS),
    *(f"specimen.{key}" for key in SPECIMEN),
    *(f"beam.{key}" for key in BeamSettings.model_fields),
    *(f"inelastic.{key}" for key in InelasticSettings.model_fields),
    "detector.point_spread_pixels",
    "image_pixels",
    "wave_pixels",
)
"""Settings in which an experiment must be the one the network was trained for."""


class ConditionalGanPhaser:
    """Draws the high-resolution image of each item with a trained generator."""

    def __init__(self, run_folder: Path, device: str = "cpu") -> None:
        """Load the best checkpoint of a training run.

        Raises
        ------
        InputError : There is no run, or its checkpoint is damaged or does not fit together.
        """
        checkpoint = read_run(run_folder, BEST, (GENERATOR,))
        self._run = run_folder
        self._device = torch.device(device)
        settings, self._trained_for, self._encoding = _read_settings(checkpoint, run_folder / BEST)
        self._generator = UNet(settings.generator)
        fill_module(self._generator, dict(checkpoint.tensors[GENERATOR]), run_folder / BEST)
        self._generator.to(self._device).eval()

    def phase(self, observations: Observations) -> PhasedWaves:
        """Draw each item's image and invert it to a wave.

        Raises
        ------
        InputError : The experiment is not the one the network was trained for.
        """
        self.check_experiment(observations.experiment)
        images = self._draw(observations)
        return PhasedWaves(
            wave_from_image(images, observations.experiment),
            images,
            torch.full((len(observations),), torch.nan, device=images.device),
        )

    def check_experiment(self, experiment: Experiment) -> None:
        """Refuse an experiment that the network was not trained for.

        Raises
        ------
        InputError : Names the first setting that differs.
        """
        for name in MATCHED:
            trained, given = attrgetter(name)(self._trained_for), attrgetter(name)(experiment)
            if trained != given:
                raise InputError(
                    f"{self._run}: the network was trained for {name} {trained}, these data have "
                    f"{given}; train on data like these"
                )

    def _draw(self, observations: Observations) -> Images:
        experiment = observations.experiment
        contrasts = contrast(
            observations.low_resolution, observations.low_resolution_dose, experiment
        )
        observed = encode_observed(
            observations.diffraction, observations.measured, contrasts, self._encoding
        )
        with torch.no_grad():
            drawn = torch.cat(
                [self._generator(part.to(self._device)) for part in torch.split(observed, BATCH)]
            )
        return decode_image(drawn[:, 0], self._encoding, experiment.image_pixels).to(
            observations.diffraction.device
        )


def wave_from_image(images: Images, experiment: Experiment) -> Waves:
    """Scattered wave of a weak phase object that gives a high-resolution image.

    phase = F^-1[F[I - 1] T / (T^2 + eps)] with the phase-contrast transfer T of the lens, and
    psi_s = exp(i phase) - 1. That is i phase to first order; the second order matters where T is
    close to zero, at low frequencies, for |1 + i phase|^2 is bright where the molecule is dark.
    Frequency zero is not transferred: it is set so that the median of the phase, vacuum, is 0.

    Parameters
    ----------
    images : `(..., y, x)` on the experiment's image grid, relative to the incident beam.

    Returns
    -------
    `(..., y, x)` on the wave grid.

    Source: Kirkland, Advanced Computing in Electron Microscopy, 3rd ed., sec. 3.1 (weak phase
    objects).
    """
    grid = experiment.wave_grid
    transfer = phase_contrast(experiment.high_resolution, grid, experiment.electron, images.device)
    spectrum = fourier(to_pixels(images, grid.pixels) - 1)
    phase = inverse_fourier(spectrum * transfer / (transfer**2 + SMALLEST_TRANSFER**2)).real
    phase = phase - phase.flatten(-2).median(dim=-1).values[..., None, None]
    return torch.polar(torch.ones_like(phase), phase) - 1


def _read_settings(
    checkpoint: Checkpoint, where: Path
) -> tuple[TrainingSettings, Experiment, Encoding]:
    description = checkpoint.description
    try:
        return (
            TrainingSettings.model_validate(description["settings"]),
            Experiment.model_validate(description["experiment"]),
            Encoding.from_json(description["encoding"]),
        )
    except (KeyError, TypeError, ValidationError, InputError):
        raise InputError(
            f"{where}: its configuration is not one of this program; train again"
        ) from None
