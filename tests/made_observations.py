"""Observations as `ingest` makes them, but of a simulated data set, whose truth is left behind."""

from pathlib import Path

import numpy as np

from diffragan.config.experiment import Experiment
from diffragan.io.observations import KIND, observation_attributes, observation_specs
from diffragan.io.store_writer import StoreWriter, write_item
from diffragan.io.triplets import TripletStore

BACKGROUND = 0.5
"""Counts of a pixel without a molecule."""


def make_observations(
    data: Path, out: Path, exposure_e_per_a2: float, mass_kda: float | None = None
) -> Path:
    """Count the noise-free patterns of a data set at an exposure, over an even background."""
    source = TripletStore(data)
    settings = source.experiment.model_dump() | {
        "detector": {"exposure_e_per_a2": exposure_e_per_a2}
    }
    experiment = Experiment.model_validate(settings)
    incident = exposure_e_per_a2 * experiment.box_angstrom**2
    attributes = observation_attributes(
        experiment, "unknown", mass_kda, {"command": "ingest"}, incident
    )
    specs = observation_specs(experiment, len(source), with_background=True)
    side = experiment.diffraction_pixels
    with StoreWriter(out, KIND, specs, attributes) as writer:
        writer.write_whole(
            {
                "measured": source.read("measured"),
                "background": np.full((side, side), BACKGROUND, np.float32),
            }
        )
        for item in range(len(source)):
            expected = source.patterns([item])[0] * incident + BACKGROUND
            generator = np.random.default_rng([7, item])
            write_item(
                writer.partial,
                item,
                {
                    "diffraction": generator.poisson(expected).astype(np.uint32),
                    "low_resolution": source.read("low_resolution", [item])[0],
                    "low_resolution_dose": float(source.read("low_resolution_dose", [item])[0]),
                    "structure": 0,
                    "frame": item,
                    "scan_position": np.array([0, item]),
                    "molecule": item,
                    "image_position": np.zeros(2),
                    "beam_offset": np.zeros(2),
                    "beam_centre": np.full(2, side / 2),
                    "hit_probability": 1.0,
                    "background_scale": 1.0,
                },
            )
            writer.mark(item)
        writer.finish()
    return out
