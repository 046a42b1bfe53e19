"""Phased waves in the store: what `phase` writes, and `evaluate` and `reconstruct` read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffragan.config.experiment import Experiment
from diffragan.io.axes import positions
from diffragan.io.layout import Array, ArraySpec
from diffragan.io.provenance import fingerprint
from diffragan.io.store import Store, open_store

KIND = "phased"


SPREADS = ("wave_spread", "image_spread")
"""Arrays that are there when a phaser was asked for several draws."""
PREDICTIONS = (
    "predicted_frc",
    "predicted_resolution",
    "predicted_resolution_interval",
    "predicted_score",
    "phasing_failed",
)
"""Arrays of items that are there when a phaser said how far each answer can be trusted."""
UNKNOWN_POSE = "it is not known how the molecule lay in the beam"
PREDICTED_FREQUENCY = "predicted_frequency"
"""The axis of the predicted curves."""


def phased_specs(
    experiment: Experiment,
    items: int,
    *,
    with_spread: bool = False,
    predicted_frequency: Sequence[float] = (),
) -> dict[str, ArraySpec]:
    """Arrays of `items` phased waves.

    Parameters
    ----------
    with_spread : Whether there is a spread over several draws.
    predicted_frequency : Frequencies of the predicted curves [1/Å]; nothing is predicted where
        there are none.
    """
    bands = len(predicted_frequency)
    wave, image, box = experiment.wave_pixels, experiment.image_pixels, experiment.box_angstrom
    specs = {
        "wave": ArraySpec(
            (items, wave, wave), "complex64", ("item", "wave_y", "wave_x"), "1",
            "recovered scattered wave psi - 1 at the molecule's mid-plane in units of the incident "
            "amplitude",
        ),
        "image": ArraySpec(
            (items, image, image), "float32", ("item", "image_y", "image_x"), "1",
            "recovered high-resolution image, intensity as a fraction of the incident beam's",
        ),
        "wave_spread": ArraySpec(
            (items, wave, wave), "float32", ("item", "wave_y", "wave_x"), "1",
            "root mean square distance of the drawn waves from their mean, which is 'wave'",
        ),
        "image_spread": ArraySpec(
            (items, image, image), "float32", ("item", "image_y", "image_x"), "1",
            "standard deviation of the drawn images, whose mean is 'image'",
        ),
        "source_item": ArraySpec(
            (items,), "int32", ("item",), "1", "item of the data set that was phased"
        ),
        "structure": ArraySpec(
            (items,), "int32", ("item",), "1", "index into the attribute 'structures'"
        ),
        "orientation": ArraySpec(
            (items, 4), "float64", ("item", "xyzw"), "1",
            "unit quaternion that turns the molecule, p -> R p", nan_means=UNKNOWN_POSE,
        ),
        "shift": ArraySpec(
            (items, 3), "float64", ("item", "xyz"), "angstrom", "added after turning",
            nan_means=UNKNOWN_POSE,
        ),
        "energy_outside_support": ArraySpec(
            (items,), "float64", ("item",), "1",
            "share of the wave's energy outside the estimated support; lower is better",
            nan_means="the method estimates no support",
        ),
        "predicted_frc": ArraySpec(
            (items, bands), "float32", ("item", PREDICTED_FREQUENCY), "1",
            "expected Fourier ring correlation of 'image' with the true one, told without it",
        ),
        "predicted_resolution": ArraySpec(
            (items,), "float64", ("item",), "angstrom",
            "where the expected curve first falls below 0.5; its end where it never does",
        ),
        "predicted_resolution_interval": ArraySpec(
            (items, 2), "float64", ("item", "finest_coarsest"), "angstrom",
            "resolutions between which 90 of 100 views like this one lay in the calibration",
        ),
        "predicted_score": ArraySpec(
            (items,), "float64", ("item",), "1", "mean of the expected curve, to select views by"
        ),
        "phasing_failed": ArraySpec(
            (items,), "bool", ("item",), "1",
            "whether iterations added nothing to the network's first guess, which then stands",
        ),
        PREDICTED_FREQUENCY: ArraySpec(
            (bands,), "float64", (PREDICTED_FREQUENCY,), "angstrom-1",
            "middle of each band of the expected curves", per_item=False,
            values=tuple(predicted_frequency),
        ),
        **positions("wave", wave, box),
        **positions("image", image, box),
    }  # fmt: skip
    left_out = set() if with_spread else set(SPREADS)
    if not bands:
        left_out |= {*PREDICTIONS, PREDICTED_FREQUENCY}
    return {name: spec for name, spec in specs.items() if name not in left_out}


def phased_attributes(
    method: str,
    source: Path,
    source_identity: str,
    source_attributes: Mapping[str, Any],
    made_by: Mapping[str, Any],
) -> dict[str, Any]:
    """Attributes of phased waves: method, data they came from, provenance, and their identity."""
    content = {
        "method": method,
        "source": str(source.resolve()),
        "source_identity": source_identity,
        "experiment": source_attributes["experiment"],
        "structures": source_attributes["structures"],
        "provenance": dict(made_by),
    }
    # Where the data lie is no part of what the waves are.
    what = {name: value for name, value in content.items() if name != "source"}
    return {**content, "identity": fingerprint(what)}


class PhasedStore:
    """A complete set of phased waves."""

    def __init__(self, path: Path) -> None:
        """Open `path`; see `open_store` for what can be wrong with it."""
        self.store: Store = open_store(path, KIND)
        self.experiment = self.store.experiment()
        self.store.require(
            ("identity", "method", "source", "source_identity", "structures", "provenance"),
            phased_specs(self.experiment, 0),
        )
        if self.predicts:
            self.store.require((), (*PREDICTIONS, PREDICTED_FREQUENCY))

    @property
    def method(self) -> str:
        """Name of the phaser."""
        return str(self.store.attributes["method"])

    @property
    def source(self) -> Path:
        """The data set that was phased."""
        return Path(str(self.store.attributes["source"]))

    @property
    def source_identity(self) -> str:
        """Identity of the data set that was phased."""
        return str(self.store.attributes["source_identity"])

    @property
    def knows_poses(self) -> bool:
        """Whether it says how each molecule lay in the beam."""
        return bool(np.isfinite(self.read("orientation")).all())

    @property
    def predicts(self) -> bool:
        """Whether it says how far each of its images can be trusted."""
        return not set(PREDICTIONS).isdisjoint(self.store.array_names())

    def __len__(self) -> int:
        """Return the number of items."""
        return self.store.describe("structure").shape[0]

    def read(self, name: str, items: Sequence[int] | None = None) -> Array:
        """Read an array or some of its items."""
        return self.store.read(name, items)
