"""Patterns as merging takes them: values of the measured pixels, and what to expect of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import InputError
from diffragan.io.observations import ObservationStore
from diffragan.physics.illumination import beam_area_angstrom2
from diffragan.reconstruction.many_views.geometry import Pixels, measured_pixels
from diffragan.rotations import matrix_from_quaternion
from diffragan.typing import Float, Int, Tensor

BATCH = 16
"""Patterns in memory at once."""

ReadPatterns = Callable[[Sequence[int]], Float[Tensor, "view pixel"]]


@dataclass(frozen=True, slots=True)
class Background:
    """What to expect of each pixel without a molecule."""

    pixels: Float[Tensor, " pixel"]
    """Of an average pattern, in the values' unit."""
    factors: Float[Tensor, " view"]
    """How much of it each pattern has, by its number."""

    def of(self, numbers: Sequence[int]) -> Float[Tensor, "view pixel"]:
        """Return that of numbered patterns."""
        return self.factors[list(numbers)][:, None] * self.pixels


@dataclass(frozen=True, slots=True)
class PatternBatch:
    """Some patterns of one molecule."""

    numbers: Int[Tensor, " view"]
    """Which patterns they are."""
    values: Float[Tensor, "view pixel"]
    """Counts [electrons], or fractions of the incident beam."""
    rotations: Float[Tensor, "view 3 3"]
    """Molecule to laboratory frame."""
    expected: Float[Tensor, " view"]
    """Value to expect of a pixel for each unit of the squared transform of the potential."""
    background: Float[Tensor, "view pixel"] | None = None
    """Value to expect of each pixel without a molecule; none is zero."""


@dataclass(frozen=True, slots=True)
class PatternSet:
    """All patterns of one molecule, read a batch at a time as often as wanted."""

    name: str
    pixels: Pixels
    experiment: Experiment
    counted: bool
    """Whether values are counts, with the noise of counting, or exact fractions."""
    rotations: Float[Tensor, "view 3 3"]
    """Molecule to laboratory frame."""
    expected: Float[Tensor, " view"]
    """See `PatternBatch`; refined scales are in it."""
    read: ReadPatterns
    """Reads the values of numbered patterns."""
    kept: tuple[int, ...]
    """Numbers of the patterns in use; others were left out."""
    background: Background | None = None
    """Part of the values, see `backgrounds`; none is zero."""

    def __len__(self) -> int:
        """Return the number of patterns in use."""
        return len(self.kept)

    def batches(self, size: int = BATCH) -> Iterator[PatternBatch]:
        """Read all patterns in use."""
        for start in range(0, len(self.kept), size):
            numbers = list(self.kept[start : start + size])
            yield PatternBatch(
                torch.tensor(numbers),
                self.read(numbers),
                self.rotations[numbers],
                self.expected[numbers],
                None if self.background is None else self.background.of(numbers),
            )

    def only(self, numbers: Sequence[int]) -> "PatternSet":
        """Return the set of some patterns, which keep their numbers."""
        return replace(self, kept=tuple(numbers))

    def halves(self) -> "tuple[PatternSet, PatternSet]":
        """Divide the set for good, by even and odd numbers.

        Raises
        ------
        InputError : A half would be empty.
        """
        parts = [tuple(n for n in self.kept if n % 2 == which) for which in (0, 1)]
        if not all(parts):
            raise InputError(
                f"{self.name}: its {len(self)} patterns are all in one half set, and half maps "
                "need both; give more patterns"
            )
        return self.only(parts[0]), self.only(parts[1])


def expected_per_unit(experiment: Experiment, incident_e_per_a2: float | None) -> float:
    """Value of a pixel for each unit [V2 Å6] of the squared 3D transform of the potential.

    A weakly scattering molecule's wave has the transform i sigma V(q) on the Ewald sphere, and a
    pixel is 1 / box wide. Counts for an incident exposure; fractions of the beam without one.

    Source: Kirkland, 3rd ed., eqs. 5.9 and 5.19, to first order in the potential.
    """
    sigma = experiment.electron.interaction_rad_per_volt_angstrom
    per_exposure = (sigma / experiment.box_angstrom) ** 2
    if incident_e_per_a2 is not None:
        return per_exposure * incident_e_per_a2
    return per_exposure / beam_area_angstrom2(experiment.beam, experiment.wave_grid)


def patterns_of_store(
    store: ObservationStore, limit_per_angstrom: float | None = None, structure: int = 0
) -> PatternSet:
    """Patterns of one molecule of a data set, at their true orientations where those are known.

    Parameters
    ----------
    limit_per_angstrom : Highest frequency used; that of whole measured rings when left out [1/Å].
    structure : Which molecule.

    Raises
    ------
    InputError : The molecule has no pattern.
    """
    experiment, path = store.experiment, store.store.path
    owner = torch.from_numpy(store.read("structure"))
    items = torch.nonzero(owner == structure)[:, 0].tolist()
    if not items:
        raise InputError(f"{path}: holds no pattern of molecule {structure}")
    limit = limit_per_angstrom or experiment.axis_limit_per_angstrom
    pixels = measured_pixels(experiment, torch.from_numpy(store.read("measured")), limit)
    exposure = experiment.detector.exposure_e_per_a2

    def read(numbers: Sequence[int]) -> Tensor:
        values = store.read("diffraction", [items[number] for number in numbers])
        flat = torch.from_numpy(values.astype("float32")).flatten(1)
        return checked(flat[:, pixels.places], numbers, path.name)

    # Unknown ones are found, or read from a file, before any pattern is merged.
    rotations = np.tile(np.eye(3), (len(items), 1, 1))
    if store.knows_poses:
        rotations = matrix_from_quaternion(store.read("orientation", items))
    return PatternSet(
        path.name,
        pixels,
        experiment,
        exposure is not None,
        torch.from_numpy(rotations).float(),
        torch.full((len(items),), expected_per_unit(experiment, exposure), dtype=torch.float64),
        read,
        tuple(range(len(items))),
        _background(store, items, pixels),
    )


def _background(store: ObservationStore, items: Sequence[int], pixels: Pixels) -> Background | None:
    """Read what the data set says of frames without a molecule, if it says anything."""
    found = store.background(items)
    if found is None:
        return None
    pattern, scales = (torch.from_numpy(values).double() for values in found)
    return Background(pattern.flatten()[pixels.places], scales)


def checked(
    values: Float[Tensor, "view pixel"], numbers: Sequence[int], name: str
) -> Float[Tensor, "view pixel"]:
    """Return values that can be intensities.

    Raises
    ------
    InputError : A pattern has a value that is negative or not finite.
    """
    bad = ~torch.isfinite(values) | (values < 0)
    if bool(bad.any()):
        number = numbers[int(torch.nonzero(bad.any(1))[0])]
        raise InputError(
            f"{name}: pattern {number} has values that are negative or not finite, and intensities "
            "are neither; mask those pixels"
        )
    return values
