"""How well the unrolled network finds waves and envelopes of molecules it never learned from."""

from dataclasses import dataclass

import torch
from torch import nn

from diffragan.config.experiment import Experiment
from diffragan.config.unrolled_training import ConditionSettings, UnrolledTraining
from diffragan.fourier import fft2
from diffragan.rings import resolution_at
from diffragan.training.unrolled.conditions import Lesson, draw_lesson
from diffragan.training.unrolled.objective import differentiable_frc
from diffragan.training.unrolled.waves import WavePool
from diffragan.typing import Float, Tensor

PAPER_CONDITIONS = ConditionSettings(
    box_angstrom=(60.0, 200.0),
    box_per_molecule=(1.4, 1.4),
    low_resolution_snr=(0.8, 0.8),
    low_resolution_defocus_angstrom=(1000.0, 1000.0),
    low_resolution_aperture_mrad=(5.0, 5.0),
    noise_free_share=1.0,
    beam_stop_share=0.0,
    gap_share=0.0,
    truncated_share=0.0,
    shift_angstrom=2.0,
    b_factor_a2=(0.0, 0.0),
)
"""What a network is judged by while it learns: the paper's data, sampled well enough."""
VALIDATION_STREAM = 1
"""Keeps these random numbers apart from those of the training."""
RINGS_PER_CURVE = 32
"""Curves of boxes of any size are brought onto so many frequencies before they are averaged."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Agreement with the truth, over views kept out of training."""

    frc: float
    """Mean FRC of the waves from the first ring to the network's Nyquist frequency."""
    resolution_angstrom: float
    """Where the mean FRC falls below 0.5 [Å]; the Nyquist resolution if it never does."""
    envelope_overlap: float
    """Intersection over union of found and true envelopes."""


def validation_lessons(
    pool: WavePool, base: Experiment, settings: UnrolledTraining
) -> list[Lesson]:
    """Draw the views to judge by, the same for every validation of all runs of one seed."""
    count = -(-settings.validation_views // settings.batch)
    return [
        draw_lesson(
            pool, base, PAPER_CONDITIONS, settings.batch, (settings.seed, place, VALIDATION_STREAM)
        )
        for place in range(count)
    ]


def validate(
    network: nn.Module, lessons: list[Lesson], device: torch.device, nyquist: float
) -> Figures:
    """Judge a network.

    Parameters
    ----------
    nyquist : Highest frequency of the network's grid [1/Å].
    """
    curves, overlaps = [], []
    for lesson in lessons:
        here = lesson.to(device)
        with torch.no_grad():
            last = network(here.view)[-1]
        frc = differentiable_frc(fft2(last.waves), fft2(here.truth))
        curves.append(_on_common_rings(frc).cpu())
        found = last.envelope > 0
        union = (found | here.envelope).sum((-2, -1)).clamp(min=1)
        overlaps.append(((found & here.envelope).sum((-2, -1)) / union).cpu())
    mean = torch.cat(curves).double().mean(0)
    frequency = torch.linspace(1 / RINGS_PER_CURVE, 1, RINGS_PER_CURVE, dtype=torch.float64)
    found_at = resolution_at(mean, frequency * nyquist)
    return Figures(float(mean.mean()), found_at or 1 / nyquist, float(torch.cat(overlaps).mean()))


def _on_common_rings(frc: Float[Tensor, "item ring"]) -> Float[Tensor, "item common"]:
    return torch.nn.functional.interpolate(
        frc[:, None], RINGS_PER_CURVE, mode="linear", align_corners=False
    )[:, 0]
