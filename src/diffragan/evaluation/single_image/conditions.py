"""Evaluations that differ in one condition: the exposure, the noise of the image, its defocus."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diffragan.errors import InputError
from diffragan.evaluation.single_image.evaluations import Evaluation

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """One quantity of the experiment."""

    words: str
    of: Callable[[Settings], float | None]
    """Reads it from the settings; `None` where there is none, as without noise."""


CONDITIONS = {
    "dose": Condition("exposure [e/Å²]", lambda e: e["detector"]["exposure_e_per_a2"]),
    "snr": Condition("SNR of the low-resolution image", lambda e: e["low_resolution"]["snr"]),
    "defocus": Condition("underfocus [Å]", lambda e: e["low_resolution"]["defocus_angstrom"]),
}
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Case:
    """One evaluation of a series."""

    value: float | None
    evaluation: Evaluation


def series(
    name: str, given: Mapping[float, Evaluation], others: Sequence[Evaluation]
) -> list[Case]:
    """Order a series by its condition, and add the paper's conditions where they are known.

    Parameters
    ----------
    name : Key of `CONDITIONS`, in which the evaluations differ.
    given : Evaluations by the value that the user says they have.
    others : Evaluations in the paper's conditions; the first that differs from the series in
        nothing but this condition, and is of the same proteins, belongs to it.

    Raises
    ------
    InputError : An evaluation has another value than the user says.
    """
    condition = CONDITIONS[name]
    for value, evaluation in given.items():
        truth = condition.of(evaluation.experiment)
        if truth is None or abs(truth - value) > ROUNDING * abs(value):
            raise InputError(
                f"--{name} {value:g}: this evaluation is of data with {condition.words} {truth}; "
                "name another one"
            )
    first = next(iter(given.values()))
    known = set(given)
    added = [
        Case(value, other)
        for other in others
        if _alike(first, other, name)
        for value in [condition.of(other.experiment)]
        if value not in known
    ]
    cases = [Case(value, evaluation) for value, evaluation in given.items()] + added[:1]
    return sorted(cases, key=lambda case: float("inf") if case.value is None else case.value)


def _alike(first: Evaluation, second: Evaluation, besides: str) -> bool:
    one, two = first.experiment, second.experiment
    same = _proteins(first) == _proteins(second) and all(
        condition.of(one) == condition.of(two)
        for name, condition in CONDITIONS.items()
        if name != besides
    )
    return same and one["box_angstrom"] == two["box_angstrom"]


def _proteins(evaluation: Evaluation) -> set[str]:
    return {group["label"] for group in evaluation.proteins}
