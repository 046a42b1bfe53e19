"""What each protein reaches, and how much of its box it fills."""

from dataclasses import dataclass

import numpy as np

from diffragan.evaluation.metrics import Resolution
from diffragan.evaluation.single_image.evaluations import MAIN, Evaluation, Scores

AIM_ANGSTROM = 1.35
"""Which the mean curve of most proteins is to reach."""
WORST_ANGSTROM = 2.0
"""Which no protein is to be worse than, and below which a view counts as phased."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What one method reaches on the views of one protein."""

    resolution: Resolution
    """Of the mean curve."""
    score: float
    better: float | None
    """Share of the views finer than `WORST_ANGSTROM`; `None` where views are not told apart."""

    @property
    def aim(self) -> bool:
        """Whether the mean curve is above 0.5 to the aim."""
        return self.resolution.angstrom <= AIM_ANGSTROM and not self.resolution.starts_below

    @property
    def too_coarse(self) -> bool:
        """Whether the mean curve ends before the coarsest resolution that is allowed."""
        return self.resolution.angstrom > WORST_ANGSTROM or self.resolution.starts_below


@dataclass(frozen=True, slots=True)
class ProteinResult:
    """One protein, and what each method reaches on it."""

    name: str
    mass_kda: float
    views: int
    oversampling: float
    """Area of the box over that of the molecule's projection."""
    reached: dict[str, Reached]
    """By the name of the method, as far as it phased this protein."""

    @property
    def filling(self) -> float:
        """Share of the box that the molecule's projection covers."""
        return 1 / self.oversampling if self.oversampling else 0.0


def protein_results(evaluation: Evaluation, names: tuple[str, ...]) -> list[ProteinResult]:
    """Return what methods reach on each protein, the lightest first."""
    found = []
    for group in evaluation.proteins:
        reached = {}
        for name in names:
            key = evaluation.main if name == MAIN else name
            scores = group["scores"].get(key)
            if scores is None:
                continue
            better = _better(evaluation, evaluation.scores(name), group["label"])
            read = evaluation.read(scores["frc_mean"])
            reached[name] = Reached(read, scores["score_mean"], better)
        found.append(
            ProteinResult(
                group["label"],
                group["mass_kda"],
                group["views"],
                group["oversampling"],
                reached,
            )
        )
    return found


def mean_below(evaluation: Evaluation, name: str, kda: float) -> tuple[int, Resolution, float]:
    """Return views, resolution of the mean curve, and score of all proteins below a mass."""
    key = evaluation.main if name == MAIN else name
    light = [g["scores"] for g in evaluation.proteins if g["mass_kda"] < kda]
    chosen = [scores[key] for scores in light if key in scores]
    views = np.array([scores["views"] for scores in chosen], dtype=float)
    curves = np.array([scores["frc_mean"] for scores in chosen])
    curve = (views @ curves) / views.sum()
    score = views @ np.array([scores["score_mean"] for scores in chosen]) / views.sum()
    return int(views.sum()), evaluation.read(curve.tolist()), float(score)


def _better(evaluation: Evaluation, scores: Scores | None, protein: str) -> float | None:
    if scores is None:
        return None
    of_protein = [
        value <= WORST_ANGSTROM and not below
        for item, value, below in zip(
            scores["items"],
            scores["resolution_per_view_angstrom"],
            scores["starts_below_per_view"],
            strict=True,
        )
        if evaluation.protein_of.get(item) == protein
    ]
    return sum(of_protein) / len(of_protein) if of_protein else None
