"""What an experiment measures of single molecules, in the store: all that phasing is shown.

A simulated data set (`triplets`) holds it with the truth beside it; one that `ingest` made of a
real scan (`observations`) holds it with the places it was measured at.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffragan.config.experiment import Experiment
from diffragan.io.axes import frequencies, positions
from diffragan.io.layout import Array, ArraySpec
from diffragan.io.provenance import fingerprint
from diffragan.io.store import Store, open_store

KIND = "observations"
POSES = ("orientation", "shift")
"""Arrays that are there where it is known how the molecules lay in the beam."""


@dataclass(frozen=True, slots=True)
class Molecule:
    """What is known of a molecule whose atoms may not be."""

    name: str
    mass_kda: float | None


class ObservationStore:
    """A complete set of patterns and defocused images of the same molecules."""

    def __init__(self, path: Path) -> None:
        """Open `path`; see `open_store` for what can be wrong with it."""
        self._open(path, KIND)
        self._require(observation_specs(self.experiment, 0))

    def _open(self, path: Path, kind: str) -> None:
        self.store: Store = open_store(path, kind)
        self.experiment = self.store.experiment()

    def _require(self, arrays: Iterable[str]) -> None:
        self.store.require(("identity", "structures", "provenance"), arrays)

    @property
    def identity(self) -> str:
        """Hash of the settings, seed and inputs that made these data."""
        return str(self.store.attributes["identity"])

    def __len__(self) -> int:
        """Return the number of items."""
        return self.store.describe("structure").shape[0]

    def read(self, name: str, items: Sequence[int] | None = None) -> Array:
        """Read an array or some of its items."""
        return self.store.read(name, items)

    def molecules(self) -> list[Molecule]:
        """Name the molecules, in the order of their numbers in `structure`."""
        return [
            Molecule(str(entry["name"]), entry["mass_kda"])
            for entry in self.store.attributes["structures"]
        ]

    @property
    def knows_poses(self) -> bool:
        """Whether it says how each molecule lay in the beam."""
        return set(POSES) <= set(self.store.array_names())

    def poses(self, items: Sequence[int]) -> dict[str, Array]:
        """Read orientations and shifts of items; NaN where they are not known."""
        widths = dict(zip(POSES, (4, 3), strict=True))
        return {
            name: self.read(name, items)
            if self.knows_poses
            else np.full((len(items), widths[name]), np.nan)
            for name in POSES
        }

    def patterns(self, items: Sequence[int] | None = None) -> Array:
        """Read patterns as fractions of the incident beam per pixel, whether counted or not."""
        values = self.read("diffraction", items)
        incident = self._incident()
        return values if incident is None else (values / incident).astype(np.float32)

    def backgrounds(self, items: Sequence[int]) -> Array | None:
        """Read what of each pattern is not the molecule's, as fractions of the incident beam.

        Returns
        -------
        `(item, q_y, q_x)`, or none where the data hold no background.
        """
        incident, found = self._incident(), self.background(items)
        if found is None or incident is None:
            return None
        pattern, scales = found
        return (pattern * scales[:, None, None] / incident).astype(np.float32)

    def background(self, items: Sequence[int]) -> tuple[Array, Array] | None:
        """Read what a frame without a molecule counts, and how much of it some patterns have.

        Returns
        -------
        `(q_y, q_x)` [counts] and `(item,)`, or none where the data hold no background.
        """
        if "background" not in self.store.array_names():
            return None
        return self.read("background"), self.read("background_scale", items)

    def _incident(self) -> float | None:
        incident = self.store.attributes.get("incident_electrons")
        return None if incident is None else float(incident)


def observation_specs(
    experiment: Experiment, items: int, *, with_background: bool = False
) -> dict[str, ArraySpec]:
    """Arrays of `items` observations of a real scan."""

    def of_item(
        dtype: str, unit: str, meaning: str, *axis: tuple[str, int], nan_means: str = ""
    ) -> ArraySpec:
        shape, names = tuple(size for _, size in axis), tuple(name for name, _ in axis)
        return ArraySpec(
            (items, *shape), dtype, ("item", *names), unit, meaning, nan_means=nan_means
        )

    side = experiment.diffraction_pixels
    specs = {
        **measured_specs(experiment, items),
        "frame": of_item("int64", "1", "number of the frame in the scan, row by row"),
        "scan_position": of_item("int32", "1", "row and column of the scan", ("row_column", 2)),
        "molecule": of_item("int32", "1", "number of the molecule in the overview image"),
        "image_position": of_item(
            "float64", "angstrom", "middle of the molecule in the overview image, from its middle",
            ("xy", 2),
        ),
        "beam_offset": of_item(
            "float64", "angstrom", "middle of the molecule seen from the middle of the beam",
            ("xy", 2),
        ),
        "beam_centre": of_item(
            "float64", "1", "pixel of the frame that the direct beam hit, row and column",
            ("row_column", 2),
        ),
        "hit_probability": of_item("float64", "1", "probability that the frame shows one molecule"),
    }  # fmt: skip
    if with_background:
        specs["background"] = ArraySpec(
            (side, side), "float32", ("q_y", "q_x"), "count",
            "expected counts of a frame without a molecule", per_item=False,
        )  # fmt: skip
        specs["background_scale"] = of_item("float64", "1", "how much of it each pattern has")
    return specs


def measured_specs(experiment: Experiment, items: int) -> dict[str, ArraySpec]:
    """Arrays that every set of observations has, simulated or not."""
    side, image, box = (
        experiment.diffraction_pixels,
        experiment.image_pixels,
        experiment.box_angstrom,
    )
    return {
        "diffraction": _diffraction_spec(experiment, items),
        "low_resolution": ArraySpec(
            (items, image, image), "uint32", ("item", "image_y", "image_x"), "count",
            "electrons counted in each pixel of the defocused image",
        ),
        "low_resolution_dose": ArraySpec(
            (items,), "float64", ("item",), "angstrom-2",
            "dose of the low-resolution image, electrons per area",
        ),
        "structure": ArraySpec(
            (items,), "int32", ("item",), "1", "index into the attribute 'structures'"
        ),
        "measured": ArraySpec(
            (side, side), "bool", ("q_y", "q_x"), "1",
            "where patterns were measured: false on the direct beam, gaps and dead pixels",
            per_item=False,
        ),
        **frequencies("q", side, box),
        **positions("image", image, box),
    }  # fmt: skip


def _diffraction_spec(experiment: Experiment, items: int) -> ArraySpec:
    """Patterns are fractions of the beam, counts, or counts with read noise."""
    side, detector = experiment.diffraction_pixels, experiment.detector
    shape, axes = (items, side, side), ("item", "q_y", "q_x")
    if detector.exposure_e_per_a2 is None:
        meaning = "far-field intensity, fraction of the incident beam in each pixel, noise-free"
        return ArraySpec(shape, "float32", axes, "1", meaning)
    dtype = "float32" if detector.read_noise_electrons else "uint32"
    meaning = "electrons counted in each pixel; attribute 'incident_electrons' is the whole beam's"
    return ArraySpec(shape, dtype, axes, "count", meaning)


def observation_attributes(
    experiment: Experiment,
    name: str,
    mass_kda: float | None,
    made_by: Mapping[str, Any],
    incident_electrons: float,
) -> dict[str, Any]:
    """Attributes of observations of one kind of molecule, whose atoms are not known.

    Parameters
    ----------
    name, mass_kda : Of the molecule [kDa].
    incident_electrons : That fall on the box during one frame.
    """
    content = {
        "experiment": experiment.model_dump(mode="json"),
        "incident_electrons": incident_electrons,
        "structures": [{"name": name, "mass_kda": mass_kda, "sha256": None}],
        "provenance": dict(made_by),
    }
    return {**content, "identity": fingerprint(content)}
