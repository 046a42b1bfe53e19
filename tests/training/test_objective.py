import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.config.networks import ObjectiveSettings
from diffragan.training.objective import (
    discriminator_loss,
    feature_difference,
    persuasion_loss,
    realness,
)

scores = st.floats(-20, 20)


def patch(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


@given(scores, scores)
def test_cross_entropy_is_the_textbook_formula(real: float, fake: float) -> None:
    expected = (math.log1p(math.exp(-real)) + math.log1p(math.exp(fake))) / 2
    assert math.isclose(float(discriminator_loss(patch(real), patch(fake))), expected, rel_tol=1e-6)
    wanted = math.log1p(math.exp(-fake))
    assert math.isclose(float(persuasion_loss(patch(fake))), wanted, rel_tol=1e-6)


@given(scores, scores)
def test_the_hinge_asks_for_a_margin_of_one(real: float, fake: float) -> None:
    expected = (max(0, 1 - real) + max(0, 1 + fake)) / 2
    found = discriminator_loss(patch(real), patch(fake), "hinge")
    assert math.isclose(float(found), expected, abs_tol=1e-12)
    assert float(persuasion_loss(patch(fake), "hinge")) == -fake


@given(scores, scores)
def test_least_squares_asks_for_one_and_zero(real: float, fake: float) -> None:
    found = discriminator_loss(patch(real), patch(fake), "least-squares")
    assert math.isclose(float(found), ((real - 1) ** 2 + fake**2) / 2, rel_tol=1e-9)
    wanted = (fake - 1) ** 2
    assert math.isclose(float(persuasion_loss(patch(fake), "least-squares")), wanted, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("kind", "undecided", "loss"),
    [("bce", 0.0, math.log(2)), ("hinge", 0.0, 1.0), ("least-squares", 0.5, 0.25)],
)
def test_a_blind_discriminator_pays_what_the_documentation_says(
    kind: str, undecided: float, loss: float
) -> None:
    blind = torch.full((2, 1, 6, 6), undecided)
    torch.testing.assert_close(discriminator_loss(blind, blind, kind), torch.tensor(loss))
    torch.testing.assert_close(realness(blind, kind), torch.tensor(0.5))


@pytest.mark.parametrize(
    ("kind", "real", "fake"),
    [("bce", 50.0, -50.0), ("hinge", 1.0, -1.0), ("least-squares", 1.0, 0.0)],
)
def test_a_discriminator_that_knows_pays_nothing_and_says_one_and_zero(
    kind: str, real: float, fake: float
) -> None:
    true, made = torch.full((9,), real), torch.full((9,), fake)
    assert discriminator_loss(true, made, kind) < 1e-9
    assert realness(true, kind) == pytest.approx(1)
    assert realness(made, kind) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kind", ["bce", "hinge", "least-squares"])
def test_the_generator_is_pushed_to_be_taken_for_real(kind: str) -> None:
    made = torch.zeros(9, requires_grad=True)
    persuasion_loss(made, kind).backward()
    assert made.grad is not None
    assert (made.grad < 0).all()


def test_features_are_compared_layer_by_layer() -> None:
    real = [torch.zeros(2, 3, 4, 4), torch.zeros(2, 5, 2, 2)]
    fake = [torch.full((2, 3, 4, 4), 0.5), torch.full((2, 5, 2, 2), -0.25)]
    torch.testing.assert_close(feature_difference(fake, real), torch.tensor(0.75))
    assert feature_difference(real, real) == 0


def test_an_objective_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to minimise"):
        ObjectiveSettings(adversarial_weight=0, l1_weight=0)
    assert not ObjectiveSettings(adversarial_weight=0).uses_discriminator
    assert ObjectiveSettings(adversarial_weight=0, feature_matching_weight=1).uses_discriminator
