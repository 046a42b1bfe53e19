"""What every phaser takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch

from diffragan.config.experiment import Experiment
from diffragan.io.observations import ObservationStore
from diffragan.physics.forward import image
from diffragan.typing import Bool, Float, Images, Mask, Patterns, Tensor, Waves


@dataclass(frozen=True, slots=True)
class Observations:
    """What an experiment measures of some molecules; nothing of the truth."""

    diffraction: Patterns
    """`(item, q_y, q_x)`, centred, fraction of the incident beam per pixel."""
    measured: Mask
    """`(q_y, q_x)`, where the patterns were measured."""
    low_resolution: Float[Tensor, "item y x"]
    """Counts of the defocused images [electrons]."""
    low_resolution_dose: Float[Tensor, " item"]
    """Dose of each of these images [e/Å2]."""
    experiment: Experiment
    """Beam, box and optics of the measurement."""
    background: Patterns | None = None
    """`(item, q_y, q_x)`, what of each pattern is to be expected without the molecule, in the same
    unit; none is zero."""
    items: tuple[int, ...] | None = None
    """Numbers of the items in their data set, from which a phaser draws whatever is random; 0, 1,
    2, ... when left out."""

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.diffraction)

    def with_diffraction(self, diffraction: Patterns) -> "Observations":
        """Return the same images with other patterns, for the wrong-diffraction control."""
        return replace(self, diffraction=diffraction)

    def rows(self, rows: Sequence[int]) -> "Observations":
        """Return some of the items, which keep their numbers."""
        chosen = list(rows)
        numbers = self.numbers
        return replace(
            self,
            diffraction=self.diffraction[chosen],
            low_resolution=self.low_resolution[chosen],
            low_resolution_dose=self.low_resolution_dose[chosen],
            background=None if self.background is None else self.background[chosen],
            items=tuple(numbers[row] for row in chosen),
        )

    @property
    def numbers(self) -> tuple[int, ...]:
        """Number of each item."""
        return tuple(range(len(self))) if self.items is None else self.items


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviation of each pixel over several draws of an answer."""

    waves: Float[Tensor, "item y x"]
    """Of the complex wave: root mean square distance from the mean."""
    images: Images
    """`(item, y, x)`."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a phaser expects of its answers without knowing the truth."""

    frc: Float[Tensor, "item band"]
    """Of each image with the true one."""
    frequency_per_angstrom: Float[Tensor, " band"]
    resolution_angstrom: Float[Tensor, " item"]
    """Where that curve falls below 0.5."""
    interval_angstrom: Float[Tensor, "item 2"]
    """Finest and coarsest resolution, between which 90 of 100 calibrated views lay."""
    failed: Bool[Tensor, " item"]
    """Whether iterations added nothing to the first guess, which then stands."""

    @property
    def score(self) -> Float[Tensor, " item"]:
        """Mean of each curve: one number to select views by."""
        return self.frc.mean(-1)


@dataclass(frozen=True, slots=True)
class PhasedWaves:
    """What a phaser recovers of each item."""

    waves: Waves
    """`(item, y, x)`, scattered wave psi_s at the mid-plane on the experiment's wave grid."""
    images: Images
    """`(item, y, x)`, the high-resolution image, relative to the incident beam."""
    energy_outside_support: Float[Tensor, " item"]
    """Share of each wave's energy outside the support the phaser estimated: lower is better. NaN
    from a phaser that estimates none."""
    spread: Spread | None = None
    """From a phaser that was asked for several draws; waves and images are then their means."""
    prediction: Prediction | None = None
    """From a phaser that was calibrated."""
    notes: tuple[str, ...] = ()
    """What the user should know about these observations, a line each."""


class Phaser(Protocol):
    """Anything that turns observations into waves."""

    def phase(self, observations: Observations) -> PhasedWaves:
        """Recover one wave from each item's pattern and image."""
        ...


@runtime_checkable
class PredictingPhaser(Phaser, Protocol):
    """A phaser that may say how far its answers can be trusted."""

    def predicted_frequencies(self, observations: Observations) -> tuple[float, ...]:
        """Frequencies of the curves it predicts [1/Å]; none where it was not calibrated.

        They depend on where the patterns were measured, and on nothing in them.
        """
        ...


def read_observations(
    store: ObservationStore, items: Sequence[int], device: str = "cpu"
) -> Observations:
    """Read what was measured of some items of a data set."""

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(store.read(name, items)).float().to(device)

    background = store.backgrounds(items)
    return Observations(
        torch.from_numpy(store.patterns(items)).float().to(device),
        torch.from_numpy(store.read("measured")).to(device),
        tensor("low_resolution"),
        tensor("low_resolution_dose"),
        store.experiment,
        None if background is None else torch.from_numpy(background).to(device),
        tuple(items),
    )


def high_resolution_images(waves: Waves, experiment: Experiment) -> Images:
    """Images that the experiment's high-resolution optics would form of recovered waves."""
    return image(
        waves,
        experiment.wave_grid,
        experiment.high_resolution,
        experiment.electron,
        experiment.image_pixels,
    )
