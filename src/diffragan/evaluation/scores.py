"""Scores of many views, batch by batch, and their summary."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from diffragan.errors import InputError
from diffragan.evaluation.metrics import (
    MeasuredLimit,
    image_frc,
    r_factor,
    resolution,
    structural_similarity,
    wave_frc,
)
from diffragan.io.triplets import TripletStore
from diffragan.typing import Float, Images, Mask, Patterns, Tensor, Waves


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of some views, and what was measured of them."""

    images: Images
    waves: Waves
    diffraction: Patterns
    measured: Mask

    def __len__(self) -> int:
        """Return the number of views."""
        return len(self.images)


def read_truth(data: TripletStore, items: Sequence[int], device: str = "cpu") -> Truth:
    """Read the true images and waves of some items, and their patterns."""

    def tensor(name: str, of: Sequence[int] | None) -> Tensor:
        return torch.from_numpy(data.read(name, of)).to(device)

    return Truth(
        tensor("high_resolution", items),
        tensor("exit_wave", items),
        torch.from_numpy(data.patterns(items)).to(device),
        tensor("measured", None),
    )


@dataclass(slots=True)
class ViewScores:
    """Scores of views as they come in; each view is known by its item in the data set."""

    limit: MeasuredLimit
    items: list[int] = field(default_factory=list)
    _frc: list[Tensor] = field(default_factory=list)
    _wave_frc: list[Tensor] = field(default_factory=list)
    _ssim: list[float] = field(default_factory=list)
    _r_factor: list[float] = field(default_factory=list)

    def add(self, items: Sequence[int], waves: Waves, images: Images, truth: Truth) -> None:
        """Judge recovered waves and images of some items.

        Raises
        ------
        InputError : A recovered value is not finite.
        """
        for what, values in (("wave", waves), ("image", images)):
            if not torch.isfinite(values).all():
                raise InputError(f"a recovered {what} of items {list(items)} is not finite")
        self.items.extend(int(item) for item in items)
        rings = self.limit.rings
        self._frc.extend(image_frc(images, truth.images, rings).double().cpu())
        self._wave_frc.extend(wave_frc(waves, truth.waves, rings).double().cpu())
        self._ssim.extend(structural_similarity(images, truth.images).tolist())
        self._r_factor.extend(r_factor(waves, truth.diffraction, truth.measured).tolist())

    def score(self, items: Sequence[int]) -> Float[Tensor, " view"]:
        """Mean FRC of each of the items over the whole rings: one number without a threshold."""
        return self.curves(items)[:, self.limit.whole_rings].mean(-1)

    def curves(self, items: Sequence[int]) -> Float[Tensor, "view ring"]:
        """FRC of the image of each of the items in rings 1, 2, ..."""
        position = {item: index for index, item in enumerate(self.items)}
        return torch.stack([self._frc[position[item]] for item in items])

    def summary(self) -> dict[str, Any]:
        """Return the scores in the words of `metrics.json`, plain numbers and lists."""
        frc = torch.stack(self._frc)
        mean, spread = frc.mean(0), frc.std(0).tolist() if len(frc) > 1 else None
        wave_mean = torch.stack(self._wave_frc).mean(0)
        overall, of_waves = resolution(mean, self.limit), resolution(wave_mean, self.limit)
        each = [resolution(curve, self.limit) for curve in frc]
        return {
            "views": len(self.items),
            "items": list(self.items),
            "frequency_per_angstrom": self.limit.frequency_per_angstrom.tolist(),
            "frc_mean": mean.tolist(),
            "frc_std": spread,
            "wave_frc_mean": wave_mean.tolist(),
            "resolution_frc_0p5_angstrom": overall.angstrom,
            "resolution_reaches_limit": overall.reaches_limit,
            "resolution_starts_below": overall.starts_below,
            "resolution_per_view_angstrom": [found.angstrom for found in each],
            "reaches_limit_per_view": [found.reaches_limit for found in each],
            "starts_below_per_view": [found.starts_below for found in each],
            "wave_resolution_frc_0p5_angstrom": of_waves.angstrom,
            "wave_resolution_reaches_limit": of_waves.reaches_limit,
            "wave_resolution_starts_below": of_waves.starts_below,
            "ssim_mean": _mean(self._ssim),
            "ssim_per_view": list(self._ssim),
            "r_factor_mean": _mean(self._r_factor),
            "r_factor_per_view": list(self._r_factor),
        }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
