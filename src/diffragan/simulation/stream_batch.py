"""A batch of views that were simulated to train on."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.physics.illumination import beam_area_angstrom2
from diffragan.simulation.plan import Scene
from diffragan.simulation.triplet import Triplet
from diffragan.typing import Complex, Float, Int, Mask, Tensor


@dataclass(frozen=True, slots=True)
class View:
    """One simulated view, and the experiment that it was seen in."""

    scene: Scene
    experiment: Experiment
    triplet: Triplet


@dataclass(frozen=True, slots=True)
class StreamBatch:
    """Views to train on: what was measured, what is true, and how it came about."""

    diffraction: Float[Tensor, "view q_y q_x"]
    """Centred patterns: counts [electrons], or fractions of the beam where none are counted."""
    incident_electrons: Float[Tensor, " view"]
    """Electrons of the whole beam behind each pattern; 1 where patterns are fractions."""
    measured: Mask
    """`(q_y, q_x)`: false on the direct beam, in gaps and on dead pixels."""
    low_resolution: Int[Tensor, "view y x"]
    """Counts of the defocused images [electrons]."""
    low_resolution_dose_e_per_a2: Float[Tensor, " view"]
    low_resolution_snr: Float[Tensor, " view"]
    """Signal over noise power of these very counts in the experiment's band."""
    low_resolution_defocus_angstrom: Float[Tensor, " view"]
    """Positive is underfocus [Å]."""
    high_resolution: Float[Tensor, "view y x"]
    """Noise-free images, relative to the incident beam."""
    exit_wave: Complex[Tensor, "view wave_y wave_x"]
    """psi_s at the mid-plane."""
    number: Int[Tensor, " view"]
    """Number of each view in the stream."""
    structure: Int[Tensor, " view"]
    """Which of the stream's structures each view shows."""
    quaternion: Float[Tensor, "view 4"]
    """Orientation x, y, z, w, float64."""
    shift: Float[Tensor, "view 3"]
    """Added to the turned molecule, float64 [Å]."""

    def __len__(self) -> int:
        """Return the number of views."""
        return len(self.number)

    def patterns(self) -> Float[Tensor, "view q_y q_x"]:
        """Patterns as fractions of the incident beam, whether they are counted or not."""
        return self.diffraction / self.incident_electrons[:, None, None]

    def moduli(self) -> Float[Tensor, "view q_y q_x"]:
        """Measured moduli |F psi|, square roots of `patterns`; 0 where nothing is measured."""
        return torch.where(self.measured, self.patterns().clamp(min=0).sqrt(), 0.0)

    def to(self, device: torch.device | str) -> "StreamBatch":
        """Move all tensors to a device."""
        moved = {field.name: getattr(self, field.name).to(device) for field in fields(self)}
        return replace(self, **moved)


def stacked(views: Sequence[View], measured: Mask) -> StreamBatch:
    """Put views into a batch, on the device of `measured`."""
    device, triplets = measured.device, [view.triplet for view in views]

    def numbers(values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device)

    def exact(values: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(values)).to(device)

    counts = torch.stack([triplet.low_resolution for triplet in triplets])
    lenses = [view.experiment.low_resolution for view in views]
    return StreamBatch(
        diffraction=torch.stack([triplet.diffraction for triplet in triplets]),
        incident_electrons=numbers([_incident_electrons(view.experiment) for view in views]),
        measured=measured,
        low_resolution=counts.to(device=device, dtype=torch.int32),
        low_resolution_dose_e_per_a2=numbers([t.low_resolution_dose_e_per_a2 for t in triplets]),
        low_resolution_snr=numbers([t.low_resolution_snr for t in triplets]),
        low_resolution_defocus_angstrom=numbers([lens.defocus_angstrom for lens in lenses]),
        high_resolution=torch.stack([triplet.high_resolution for triplet in triplets]),
        exit_wave=torch.stack([triplet.exit_wave for triplet in triplets]),
        number=torch.tensor([view.scene.number for view in views], device=device),
        structure=torch.tensor([view.scene.structure for view in views], device=device),
        quaternion=exact([view.scene.pose.quaternion for view in views]),
        shift=exact([view.scene.pose.shift for view in views]),
    )


def _incident_electrons(experiment: Experiment) -> float:
    exposure = experiment.detector.exposure_e_per_a2
    if exposure is None:
        return 1.0
    return exposure * beam_area_angstrom2(experiment.beam, experiment.simulation_grid)
