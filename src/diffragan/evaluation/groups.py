"""Scores of views that have something in common: the protein, its size, the defocus, the dose."""

from collections.abc import Mapping, Sequence
from math import floor, log2
from typing import Any

import torch

from diffragan.evaluation.bootstrap import resolution_interval
from diffragan.evaluation.judging import Judged
from diffragan.evaluation.metrics import MeasuredLimit, resolution
from diffragan.evaluation.proteins import describe_protein
from diffragan.evaluation.scores import ViewScores
from diffragan.io.triplets import TripletStore

KDA_BIN = 10
FEWEST_PROTEINS = 3
"""Of which an interval over proteins is told."""


def group_scores(
    data: TripletStore, judged: Mapping[str, ViewScores], found: Judged
) -> dict[str, list[dict[str, Any]]]:
    """Summarise every result and quick control within each group.

    Parameters
    ----------
    judged : Scores of methods and controls by name.
    found : The pass over the data that gave them.

    Returns
    -------
    Kind of group to its groups in order, each with a label, its number of views and `scores`.
    """
    items = sorted({item for scores in judged.values() for item in scores.items})
    labels = _labels(data, items)
    groups: dict[str, list[dict[str, Any]]] = {}
    for kind, label_of in labels.items():
        members: dict[tuple[float, str], list[int]] = {}
        for item in items:
            members.setdefault(label_of[item], []).append(item)
        groups[kind] = [
            {"label": label, **_scores(judged, members[order, label])}
            for order, label in sorted(members)
        ]
    _describe_proteins(data, groups["protein"], labels["protein"], found)
    return groups


def intervals_over_proteins(
    groups: Sequence[Mapping[str, Any]], limit: MeasuredLimit
) -> dict[str, list[float] | None]:
    """Interval of each result's resolution when proteins are drawn anew, not views [Å].

    Views of one protein are alike, so an interval over views says too little of how sure a mean
    over proteins is. Each protein counts alike. `None` below three proteins.

    Parameters
    ----------
    groups : The groups of kind `protein`.
    """
    curves: dict[str, list[list[float]]] = {}
    for group in groups:
        for name, scores in group["scores"].items():
            curves.setdefault(name, []).append(scores["frc_mean"])
    found: dict[str, list[float] | None] = {}
    for name, means in curves.items():
        interval = None
        if len(means) >= FEWEST_PROTEINS:
            interval = resolution_interval(torch.tensor(means, dtype=torch.float64), limit)
        found[name] = None if interval is None else list(interval)
    return found


def _labels(data: TripletStore, items: Sequence[int]) -> dict[str, dict[int, tuple[float, str]]]:
    """Name the group of each item, with a number to sort it by."""
    owner = [int(index) for index in data.read("structure", items)]
    entries = data.store.attributes["structures"]
    doses = data.read("low_resolution_dose", items)
    defocus = data.experiment.low_resolution.defocus_angstrom
    return {
        "protein": {i: (o, entries[o]["name"]) for i, o in zip(items, owner, strict=True)},
        "mass_kda": {
            i: _between(floor(entries[o]["mass_kda"] / KDA_BIN) * KDA_BIN, KDA_BIN)
            for i, o in zip(items, owner, strict=True)
        },
        "defocus_angstrom": dict.fromkeys(items, (defocus, f"{defocus:g}")),
        "dose_e_per_a2": {i: _octave(float(dose)) for i, dose in zip(items, doses, strict=True)},
    }


def _between(low: float, width: float) -> tuple[float, str]:
    return low, f"{low:g} to {low + width:g}"


def _octave(value: float) -> tuple[float, str]:
    """Bins whose ends are powers of 2: doses differ by factors."""
    low = 2.0 ** floor(log2(value))
    return low, f"{low:g} to {2 * low:g}"


def _scores(judged: Mapping[str, ViewScores], members: Sequence[int]) -> dict[str, Any]:
    found = {}
    for name, scores in judged.items():
        had = set(scores.items)
        of_group = [item for item in members if item in had]
        if of_group:
            found[name] = _short(scores.part(of_group))
    return {"views": len(members), "scores": found}


def _short(scores: ViewScores) -> dict[str, Any]:
    whole = scores.all()
    mean = whole.frc.mean(0)
    read = resolution(mean, scores.limit)
    return {
        "views": len(scores.items),
        "frc_mean": mean.tolist(),
        "score_mean": float(scores.score(scores.items).mean()),
        "resolution_frc_0p5_angstrom": read.angstrom,
        "resolution_reaches_limit": read.reaches_limit,
        "resolution_starts_below": read.starts_below,
        "ssim_mean": float(whole.ssim.mean()),
        "r_factor_mean": float(whole.r_factor.mean()),
    }


def _describe_proteins(
    data: TripletStore,
    groups: Sequence[dict[str, Any]],
    label_of: Mapping[int, tuple[float, str]],
    found: Judged,
) -> None:
    """Add size and shape to the group of each protein.

    Oversampling is the area of the box over that of the molecule's projection, mean over the views.

    Source: Miao, Sayre and Chapman, J. Opt. Soc. Am. A 15 (1998) 1662, eq. 6.
    """
    described = {index: describe_protein(entry) for index, entry in enumerate(data.structures())}
    items_of: dict[tuple[float, str], list[int]] = {}
    for item, label in label_of.items():
        items_of.setdefault(label, []).append(item)
    for group, ((index, _), items) in zip(groups, sorted(items_of.items()), strict=True):
        shares = [found.envelope_share[item] for item in items]
        oversampling = sum(1 / share for share in shares if share) / len(shares)
        group.update({**described[int(index)], "oversampling": oversampling})
