"""Observations made with the truth of a simulated scan: direct ones, and true poses for others."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from diffragan.acquisition.overview.frames import turn
from diffragan.config.beam import BeamSettings
from diffragan.grid import Grid
from diffragan.io.layout import Array, ArraySpec
from diffragan.io.observations import (
    KIND,
    ObservationStore,
    observation_attributes,
    observation_specs,
)
from diffragan.io.scans.truth import ScanTruth
from diffragan.io.store_writer import StoreWriter, write_item
from diffragan.physics.detector import poisson_counts
from diffragan.physics.forward import diffraction_pattern, image
from diffragan.physics.illumination import probe_amplitude
from diffragan.typing import Images, Patterns, Waves


def true_waves(data: ObservationStore, truth: ScanTruth) -> Waves:
    """Waves of the molecules that the observations show, on the store's grid."""
    experiment = data.experiment
    owners = truth.arrays.frame_molecule[data.read("frame")]
    waves = torch.from_numpy(truth.arrays.waves[owners]).to(torch.complex64)
    its_grid = Grid(waves.shape[-1], truth.scan["box_angstrom"])
    return on_grid(waves, its_grid, experiment.wave_grid)


def on_grid(waves: Waves, source: Grid, target: Grid) -> Waves:
    """Sample waves anew: they are band-limited, and vanish before the boxes' edges."""
    axis = (torch.arange(target.pixels) - target.pixels // 2) * target.pixel_angstrom
    frequency = torch.fft.fftfreq(source.pixels, source.pixel_angstrom).double()
    inside = frequency.abs() <= target.nyquist_per_angstrom
    places = torch.arange(source.pixels) - source.pixels // 2
    forth = torch.exp(-2j * torch.pi * frequency[:, None] * places * source.pixel_angstrom)
    back = torch.exp(2j * torch.pi * axis[:, None] * frequency) * inside
    matrix = (back @ forth / source.pixels).to(torch.complex64)
    held = (axis.abs() <= source.box_angstrom / 2).to(torch.complex64)
    matrix = held[:, None] * matrix
    carried: Waves = matrix @ waves @ matrix.T
    return carried


@dataclass(frozen=True)
class Instrument:
    """What no evaluation of a scan undoes: the beam's rim, the pixels of detector and image."""

    beam: BeamSettings
    point_spread_pixels: float
    image_pixel_angstrom: float
    offsets_angstrom: NDArray[np.float64]
    """`(item, 2)`, from the beam's middle to the molecule's, x and y."""

    def lit(self, wave: Waves, item: int, grid: Grid) -> Waves:
        """Multiply a molecule's scattered wave by the beam's amplitude where it lies."""
        x, y = -self.offsets_angstrom[item]
        beam = self.beam.model_copy(update={"probe_offset_angstrom": (float(x), float(y))})
        return wave * probe_amplitude(beam, grid)

    def spread(self, pattern: Patterns) -> Patterns:
        """Blur a pattern as the detector does."""
        if self.point_spread_pixels == 0:
            return pattern
        blurred = gaussian_filter(pattern.double().numpy(), self.point_spread_pixels)
        return torch.from_numpy(blurred)

    def pixelated(self, seen: Images, grid: Grid) -> Images:
        """Average an image over the pixels that it was recorded with."""
        frequency = torch.fft.fftfreq(grid.pixels, grid.pixel_angstrom).to(seen)
        mean = torch.sinc(frequency * self.image_pixel_angstrom)
        averaged: Images = torch.fft.ifft2(torch.fft.fft2(seen) * mean[:, None] * mean).real
        return averaged.clamp(min=0)


def instrument_of(data: ObservationStore, truth: ScanTruth) -> Instrument:
    """Return the instrument that a simulated scan was taken with."""
    settings, frames = truth.record["settings"], data.read("frame")
    matrix = turn(-truth.scan["nominal_to_detector_deg"])
    return Instrument(
        BeamSettings.model_validate(settings["beam"]),
        settings["camera"]["detector"]["point_spread_pixels"],
        truth.scan["image_pixel_angstrom"],
        truth.arrays.frame_offset[frames] @ matrix.T,
    )


def write_direct(
    data: ObservationStore, truth: ScanTruth, out: Path, instrument: Instrument | None = None
) -> None:
    """Write observations of the same molecules, counted where and as they are known to lie.

    Without an instrument, each stands in the middle of a plane wave, and nothing blurs its pattern
    and image; with one, it lies in the beam as in the scan. Neither has ice, bad pixels,
    neighbours, or any doubt about where things are.
    """
    measured, waves = data.experiment, true_waves(data, truth)
    spread = 0.0 if instrument is None else instrument.point_spread_pixels
    detector = measured.detector.model_copy(update={"point_spread_pixels": spread})
    experiment = measured.model_copy(update={"detector": detector})
    exposure = experiment.detector.exposure_e_per_a2
    assert exposure is not None
    incident = exposure * experiment.box_angstrom**2
    attributes = observation_attributes(
        experiment, "direct", None, {"command": "scan_ingested", "source": data.identity}, incident
    )
    doses = data.read("low_resolution_dose")
    copied = [
        name
        for name in observation_specs(experiment, 0)
        if data.store.describe(name).per_item
        and name not in ("diffraction", "low_resolution", "low_resolution_dose", "structure")
    ]
    specs = {**observation_specs(experiment, len(data)), **pose_specs(len(data))}
    poses = true_poses(data, truth)
    with StoreWriter(out, KIND, specs, attributes) as writer:
        writer.write_whole({"measured": data.read("measured")})
        for item in range(len(data)):
            generator = np.random.default_rng([1, item])
            wave = waves[item]
            if instrument is not None:
                wave = instrument.lit(wave, item, experiment.wave_grid)
            pattern = diffraction_pattern(wave, experiment.diffraction_pixels)
            if instrument is not None:
                pattern = instrument.spread(pattern)
            counts = generator.poisson(pattern.double().numpy() * incident)
            seen = image(
                waves[item],
                experiment.wave_grid,
                experiment.low_resolution,
                experiment.electron,
                experiment.image_pixels,
            )
            if instrument is not None:
                seen = instrument.pixelated(seen, experiment.image_grid)
            low = poisson_counts(seen, float(doses[item]), experiment.image_grid, generator)
            write_item(
                writer.partial,
                item,
                {
                    "diffraction": counts.astype(np.uint32) * data.read("measured"),
                    "low_resolution": low.numpy().astype(np.uint32),
                    "low_resolution_dose": float(doses[item]),
                    "structure": 0,
                    **{name: data.read(name, [item])[0] for name in copied},
                    **{name: values[item] for name, values in poses.items()},
                },
            )
            writer.mark(item)
        writer.finish()


def pose_specs(items: int) -> dict[str, ArraySpec]:
    """Describe the arrays of poses, as simulated data have them."""
    return {
        "orientation": ArraySpec(
            (items, 4), "float64", ("item", "xyzw"), "1",
            "quaternion x, y, z, w that takes the structure into the beam's frame",
        ),
        "shift": ArraySpec(
            (items, 3), "float64", ("item", "xyz"), "angstrom",
            "that moves the turned structure to the middle of the box",
        ),
    }  # fmt: skip


def true_poses(data: ObservationStore, truth: ScanTruth) -> dict[str, Array]:
    """Orientations and shifts of the molecules that observations show."""
    owners = truth.arrays.frame_molecule[data.read("frame")]
    return {
        "orientation": truth.arrays.molecule_quaternion[owners],
        "shift": truth.arrays.molecule_shift[owners],
    }


def write_posed(
    data: ObservationStore, truth: ScanTruth, appears_angstrom: NDArray[np.float64], out: Path
) -> None:
    """Write the same observations with the true poses beside them.

    Parameters
    ----------
    appears_angstrom : `(item, 2)`, x and y in the pieces of the image of the molecules' middles.
    """
    with_background = "background" in data.store.array_names()
    described = observation_specs(data.experiment, len(data), with_background=with_background)
    poses = true_poses(data, truth)
    poses["shift"] = poses["shift"] + np.pad(appears_angstrom, ((0, 0), (0, 1)))
    attributes = observation_attributes(
        data.experiment,
        data.molecules()[0].name,
        data.molecules()[0].mass_kda,
        {"command": "scan_ingested", "source": data.identity, "poses": "true"},
        float(data.store.attributes["incident_electrons"]),
    )
    specs = {**described, **pose_specs(len(data))}
    whole = [name for name in ("measured", "background") if name in described]
    of_item = [name for name, spec in described.items() if spec.per_item]
    with StoreWriter(out, KIND, specs, attributes) as writer:
        writer.write_whole({name: data.read(name) for name in whole})
        for item in range(len(data)):
            read = {name: data.read(name, [item])[0] for name in of_item}
            values = {**read, **{name: own[item] for name, own in poses.items()}}
            write_item(writer.partial, item, values)
            writer.mark(item)
        writer.finish()
