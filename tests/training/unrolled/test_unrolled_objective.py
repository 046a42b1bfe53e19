"""What is minimised: least for the truth, finite for nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.config.unrolled_training import UnrolledObjective
from diffragan.fourier import fft2
from diffragan.models.unrolled import Guess
from diffragan.rings import ring_correlation, ring_index
from diffragan.training.unrolled.conditions import Lesson, draw_lesson
from diffragan.training.unrolled.objective import counts_deviance, differentiable_frc, objective
from diffragan.training.unrolled.state import learning_rate
from diffragan.training.unrolled.validation import validate
from diffragan.training.unrolled.waves import read_pool
from diffragan.typing import Tensor, Waves
from tiny_data import TINY, tiny_data
from tiny_unrolled import TINY_CONDITIONS, TINY_NETWORK, tiny_training

seeds = st.integers(0, 2**31)
ALL = UnrolledObjective()


def noise(seed: int, side: int = 20, items: int = 2) -> Waves:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(items, side, side, dtype=torch.complex64, generator=generator)


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> list[Lesson]:
    """One of counted patterns, and one free of noise."""
    store = tiny_data(tmp_path_factory.mktemp("objective") / "data.zarr")
    pool = read_pool(store, TINY_NETWORK)
    return [
        draw_lesson(
            pool,
            TINY,
            TINY_CONDITIONS.model_copy(
                update={"noise_free_share": share, "exposure_e_per_a2": (1e5, 1e5)}
            ),
            2,
            (0,),
        )
        for share in (0.0, 1.0)
    ]


def told(waves: Waves, envelope: Tensor) -> Guess:
    return Guess(waves, 20.0 * (2.0 * envelope - 1))


def loss_of(guesses: list[Guess], lesson: Lesson, settings: UnrolledObjective = ALL) -> float:
    return float(objective(guesses, lesson, settings)[0])


@given(seeds)
@settings(max_examples=20)
def test_the_differentiable_frc_is_the_frc(seed: int) -> None:
    first, second = fft2(noise(seed)), fft2(noise(seed) + 0.7 * noise(seed + 1))
    expected = ring_correlation(first, second, ring_index((20, 20)), 10)[:, 1:]
    torch.testing.assert_close(differentiable_frc(first, second), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("empty", ["first", "second", "both", "a ring"])
def test_its_gradient_is_finite_where_there_is_no_power(empty: str) -> None:
    first, second = fft2(noise(0)), fft2(noise(1))
    if empty == "a ring":
        first = torch.where(ring_index((20, 20)) == 4, 0.0, first)
    if empty in {"first", "both"}:
        first = torch.zeros_like(first)
    if empty in {"second", "both"}:
        second = torch.zeros_like(second)
    first.requires_grad_()
    frc = differentiable_frc(first, second)
    assert bool(frc.isfinite().all())
    frc.sum().backward()
    assert first.grad is not None
    assert bool(first.grad.abs().isfinite().all())


def test_the_truth_has_the_least_loss_and_a_better_guess_a_smaller_one(
    lessons: list[Lesson],
) -> None:
    for lesson in lessons:
        envelope = lesson.envelope.float()
        size = lesson.truth.abs().mean()
        losses = [
            loss_of(
                [told(lesson.truth + far * size * noise(0, lesson.truth.shape[-1]), envelope)],
                lesson,
            )
            for far in (0.0, 0.1, 0.3, 3.0)
        ]
        assert losses == sorted(losses)
        assert losses[0] < 0.05
        assert losses[-1] > 0.5


def test_each_weight_counts_its_own_part(lessons: list[Lesson]) -> None:
    lesson = lessons[0]
    right = told(lesson.truth, lesson.envelope.float())
    wrong_envelope = replace(right, envelope=-right.envelope)
    weaker = replace(right, waves=0.5 * right.waves)
    only = {"ring_weight": 0.0, "difference_weight": 0.0, "envelope_weight": 0.0,
            "counts_weight": 0.0}  # fmt: skip
    for name, guess, differs in (
        ("ring_weight", weaker, False),  # a correlation does not ask for strength
        ("difference_weight", weaker, True),
        ("envelope_weight", weaker, False),
        ("envelope_weight", wrong_envelope, True),
        ("ring_weight", wrong_envelope, False),
    ):
        settings = UnrolledObjective.model_validate({**only, name: 1.0})
        apart = loss_of([guess], lesson, settings) - loss_of([right], lesson, settings)
        assert (abs(apart) > 0.1) == differs, name


def test_counts_count_in_counted_patterns_alone(lessons: list[Lesson]) -> None:
    counted, free = lessons
    for lesson, names in (
        (counted, {"loss", "frc", "difference", "envelope", "counts"}),
        (free, {"loss", "frc", "difference", "envelope"}),
    ):
        _, measured = objective([told(lesson.truth, lesson.envelope.float())], lesson, ALL)
        assert set(measured) == names
    without = ALL.model_copy(update={"counts_weight": 0.0})
    _, measured = objective([told(counted.truth, counted.envelope.float())], counted, without)
    assert "counts" not in measured


def test_the_deviance_of_the_truth_is_about_that_of_poisson_s_noise(
    lessons: list[Lesson],
) -> None:
    """x / (1 + x) of a chi-squared number of one degree of freedom has the mean 0.34."""
    truth = fft2(lessons[0].truth)
    right = float(counts_deviance(truth, lessons[0]))
    assert 0.1 < right < 0.5
    assert float(counts_deviance(1.5 * truth, lessons[0])) > right + 0.2
    assert 0 < float(counts_deviance(100 * truth, lessons[0])) < 1


def test_a_later_stage_counts_more(lessons: list[Lesson]) -> None:
    lesson = lessons[1]
    envelope = lesson.envelope.float()
    good, bad = told(lesson.truth, envelope), told(-lesson.truth, envelope)
    assert loss_of([bad, good], lesson) < loss_of([good, bad], lesson)
    last = loss_of([bad], lesson)
    assert loss_of([good, bad], lesson) == pytest.approx(last + 0.5 * loss_of([good], lesson))


def test_the_rate_rises_and_falls_along_a_cosine() -> None:
    settings = tiny_training(steps=100, warmup_steps=10, learning_rate=1.0)
    rates = [learning_rate(settings, step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == max(rates[8:12]) > 0.97
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.4274, abs=0.01)
    assert rates[100] == pytest.approx(0.01)
    # Beyond the last step, as when a run is judged once more, it stays there.
    assert learning_rate(settings, 500) == pytest.approx(0.01)


class _Knows(torch.nn.Module):
    """Answers with the truth, or with its opposite."""

    def __init__(self, lessons: list[Lesson], sign: float) -> None:
        super().__init__()
        self.answers = iter([told(sign * one.truth, one.envelope.float()) for one in lessons])

    def forward(self, _view: object) -> list[Guess]:
        return [next(self.answers)]


def test_validation_gives_the_truth_full_marks(lessons: list[Lesson], tmp_path: Path) -> None:
    whole = [replace(lesson, electrons=None) for lesson in lessons]
    right = validate(_Knows(whole, 1.0), whole, torch.device("cpu"), 0.5)
    assert right.frc == pytest.approx(1, abs=0.02)
    assert right.resolution_angstrom == 2.0
    assert right.envelope_overlap == 1
    wrong = validate(_Knows(whole, -1.0), whole, torch.device("cpu"), 0.5)
    assert wrong.frc == pytest.approx(-right.frc)
    assert wrong.resolution_angstrom > 10
