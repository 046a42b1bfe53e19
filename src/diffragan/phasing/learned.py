"""The paper's conditional GAN as a phaser: an image drawn by the network, turned into a wave."""

from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import ValidationError

from diffragan.config.experiment import Experiment
from diffragan.config.matching import first_difference, matching_command
from diffragan.config.training import TrainingSettings
from diffragan.errors import InputError
from diffragan.fourier import fourier, inverse_fourier
from diffragan.io.checkpoints import BEST, Checkpoint, fill_module, read_run
from diffragan.models.dropout import Key
from diffragan.models.encoding import (
    Encoding,
    contrast,
    decode_image,
    encode_observed,
    to_pixels,
)
from diffragan.models.unet import UNet
from diffragan.phasing.protocol import Observations, PhasedWaves, Spread
from diffragan.phasing.samples import SAMPLES_STREAM, RunningSpread, SampleSettings
from diffragan.physics.optics import phase_contrast
from diffragan.typing import Float, Images, Tensor, Waves

SMALLEST_TRANSFER = 0.03
"""Contrast transfers below this are not divided by: amplitude contrast rivals them."""
BATCH = 16
"""Views the network draws at a time; the result does not depend on it."""


class ConditionalGanPhaser:
    """Draws the high-resolution image of each item with a trained generator."""

    def __init__(
        self, run_folder: Path, device: str = "cpu", sampling: SampleSettings | None = None
    ) -> None:
        """Load the best checkpoint of a training run.

        Parameters
        ----------
        run_folder : What `diffragan train` wrote.
        device : Where the network lives.
        sampling : Draw several answers with dropout, and give their mean and spread; when left out
            there is one answer, and nothing random in it.

        Raises
        ------
        InputError : There is no run, its checkpoint is damaged or does not fit together, or
            several answers are wanted of a network that was trained without dropout.
        """
        where = run_folder / BEST
        described = read_run(run_folder, BEST, ())
        settings, self._trained_for, self._encoding = _read_settings(described, where)
        if sampling is not None and settings.generator.dropout == 0:
            raise InputError(
                f"{run_folder}: the network was trained without dropout, so it draws nothing at "
                "random; leave --samples out, or train one with generator.dropout above 0"
            )
        self._defocus = (
            settings.stream.low_resolution_defocus_angstrom
            if described.description.get("is_streamed") is True
            else None
        )
        self._run = run_folder
        self._device = torch.device(device)
        self.sampling = sampling
        self._generator = UNet(settings.generator)
        part = settings.used_weights
        tensors = read_run(run_folder, BEST, (part,)).tensors[part]
        fill_module(self._generator, dict(tensors), where)
        self._generator.to(self._device).eval()

    def phase(self, observations: Observations) -> PhasedWaves:
        """Draw each item's image and invert it to a wave.

        Raises
        ------
        InputError : The experiment is not the one the network was trained for.
        """
        self.check_experiment(observations.experiment)
        observed = self._encoded(observations)
        unknown = torch.full((len(observations),), torch.nan, device=observed.device)
        if self.sampling is None:
            images = self._draw(observed, observations.experiment)
            return PhasedWaves(wave_from_image(images, observations.experiment), images, unknown)
        of_images, of_waves = RunningSpread(), RunningSpread()
        for draw in range(self.sampling.samples):
            keys = sample_keys(self.sampling.seed, observations.numbers, draw)
            images = self._draw(observed, observations.experiment, keys)
            of_images.add(images)
            of_waves.add(wave_from_image(images, observations.experiment))
        (images, image_spread), (waves, wave_spread) = of_images.result(), of_waves.result()
        return PhasedWaves(waves, images, unknown, Spread(wave_spread, image_spread))

    def check_experiment(self, experiment: Experiment) -> None:
        """Refuse an experiment that the network was not trained for.

        Raises
        ------
        InputError : Names the first setting that differs.
        """
        difference = first_difference(self._nearest_trained(experiment), experiment)
        if difference is not None:
            name, trained, given = difference
            raise InputError(
                f"{self._run}: the network was trained for {name} {trained}, these data have "
                f"{given}; make data that match by {matching_command(self._trained_for, name)}, "
                "or train on data like these"
            )

    def _nearest_trained(self, experiment: Experiment) -> Experiment:
        """Return the experiment trained for, at the given defocus if training varied it so far."""
        given = experiment.low_resolution.defocus_angstrom
        if self._defocus is None or not self._defocus[0] <= given <= self._defocus[1]:
            return self._trained_for
        lens = self._trained_for.low_resolution.model_copy(update={"defocus_angstrom": given})
        return self._trained_for.model_copy(update={"low_resolution": lens})

    def _encoded(self, observations: Observations) -> Float[Tensor, "item 2 y x"]:
        contrasts = contrast(
            observations.low_resolution,
            observations.low_resolution_dose,
            observations.experiment,
        )
        return encode_observed(
            observations.diffraction, observations.measured, contrasts, self._encoding
        )

    def _draw(
        self,
        observed: Float[Tensor, "item 2 y x"],
        experiment: Experiment,
        keys: Sequence[Key] | None = None,
    ) -> Images:
        drawn = []
        with torch.no_grad():
            for start in range(0, len(observed), BATCH):
                part = observed[start : start + BATCH].to(self._device)
                chosen = None if keys is None else keys[start : start + BATCH]
                drawn.append(self._generator(part, chosen))
        images = decode_image(torch.cat(drawn)[:, 0], self._encoding, experiment.image_pixels)
        return images.to(observed.device)


def sample_keys(seed: int, items: Sequence[int], draw: int) -> list[Key]:
    """Key of each item's dropout in one of several draws."""
    return [(seed, item, draw, SAMPLES_STREAM) for item in items]


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
