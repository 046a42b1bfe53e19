"""A training that fails is told so by name, once, and where its last good networks are."""

from pathlib import Path
from typing import Any

import pytest
import torch

from diffragan.config.networks import GeneratorSettings
from diffragan.config.training import TrainingSettings
from diffragan.io.training_log import read_log
from diffragan.training import loop
from diffragan.training.loop import train
from diffragan.training.position import Position
from diffragan.training.symptoms import (
    COLLAPSED,
    COLLAPSED_STEP,
    EXPLODING,
    WON,
    WON_STEPS,
    step_symptoms,
    validation_symptoms,
)
from diffragan.training.validation import variety

WINNING = {"real_score": 0.999, "fake_score": 0.001, "discriminator_loss": 0.001}
EVEN = {"real_score": 0.6, "fake_score": 0.4, "discriminator_loss": 0.6}


def test_a_discriminator_that_is_never_in_doubt_has_won_and_is_named_once() -> None:
    position = Position()
    named = [step_symptoms(WINNING, position) for _ in range(2 * WON_STEPS)]
    assert [step for step, names in enumerate(named, 1) if names] == [WON_STEPS]
    assert named[WON_STEPS - 1] == [WON]
    step_symptoms(EVEN, position)
    again = [step_symptoms(WINNING, position) for _ in range(WON_STEPS)]
    assert again[-1] == [WON]


@pytest.mark.parametrize(
    "changed", [{"real_score": 0.9}, {"fake_score": 0.1}, {"discriminator_loss": 0.1}]
)
def test_a_discriminator_that_only_leads_has_not_won(changed: dict[str, float]) -> None:
    position = Position()
    assert not any(step_symptoms(WINNING | changed, position) for _ in range(2 * WON_STEPS))


def test_an_l1_network_has_no_discriminator_to_win() -> None:
    position = Position()
    assert not any(step_symptoms({"l1": 0.1}, position) for _ in range(2 * WON_STEPS))


def test_a_gradient_explodes_against_its_own_running_average() -> None:
    position = Position()
    for norm in (900.0, 1100.0) * 20:
        assert step_symptoms({"generator_gradient": norm}, position) == []
    assert step_symptoms({"generator_gradient": 2e5}, position) == []
    assert step_symptoms({"generator_gradient": 1e3}, position) == []  # one odd batch
    named = [step_symptoms({"generator_gradient": 2e5}, position) for _ in range(5)]
    assert named == [[], [], [EXPLODING], [], []]


def test_one_image_for_all_views_is_a_collapse_unless_the_training_is_young() -> None:
    young, old = Position(step=COLLAPSED_STEP - 1), Position(step=COLLAPSED_STEP)
    assert [validation_symptoms(0.001, young) for _ in range(4)] == [[]] * 4
    assert [validation_symptoms(0.001, old) for _ in range(4)] == [[], [COLLAPSED], [], []]
    assert [validation_symptoms(0.5, old) for _ in range(4)] == [[]] * 4


def test_variety_is_that_from_view_to_view() -> None:
    truth = torch.randn(8, 16, 16, generator=torch.Generator().manual_seed(0))
    assert variety(truth, truth) == pytest.approx(1)
    assert variety(truth / 2 + 3, truth) == pytest.approx(0.5)
    assert variety(truth[:1].expand(8, 16, 16), truth) == 0
    assert variety(truth[:1], truth[:1]) == 1  # a single view says nothing


def test_a_symptom_is_printed_once_and_stands_in_the_log(
    villin_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    step = loop.adversarial_step
    monkeypatch.setattr("diffragan.training.symptoms.WON_STEPS", 3)

    def won(*arguments: Any) -> dict[str, float]:
        return step(*arguments) | WINNING

    monkeypatch.setattr(loop, "adversarial_step", won)
    settings = TrainingSettings(
        generator=GeneratorSettings(pixels=32, width=4, depth=3),
        steps=8,
        batch=2,
        validate_every=2,
    )
    train(villin_data, settings, tmp_path / "run")
    said = [line for line in capsys.readouterr().err.splitlines() if WON in line]
    assert len(said) == 1
    assert "(step 3)" in said[0]
    assert "raise objective.l1_weight" in said[0]
    rows = read_log(tmp_path / "run" / "training.csv", 8)
    assert [row["warnings"] for row in rows] == ["", WON, "", ""]
