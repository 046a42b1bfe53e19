import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.training.objective import adversarial_loss, discriminator_loss, generator_loss


@given(st.floats(-20, 20))
def test_cross_entropy_of_one_patch_is_the_textbook_formula(score: float) -> None:
    logit = torch.tensor([score], dtype=torch.float64)
    for real, sign in ((True, -1), (False, 1)):
        expected = math.log1p(math.exp(sign * score))
        assert math.isclose(float(adversarial_loss(logit, real=real)), expected, rel_tol=1e-6)


def test_a_blind_discriminator_pays_log_two() -> None:
    blind = torch.zeros(2, 1, 6, 6)
    torch.testing.assert_close(discriminator_loss(blind, blind), torch.tensor(math.log(2)))


def test_a_discriminator_that_knows_pays_nothing() -> None:
    assert discriminator_loss(torch.full((9,), 50.0), torch.full((9,), -50.0)) < 1e-9


def test_the_generator_weighs_the_l1_loss() -> None:
    scores, drawn, truth = torch.full((4,), 50.0), torch.zeros(3, 3), torch.full((3, 3), -0.5)
    torch.testing.assert_close(generator_loss(scores, drawn, truth, 10), torch.tensor(5.0))
    torch.testing.assert_close(generator_loss(scores, truth, truth, 10), torch.tensor(0.0))
    assert generator_loss(-scores, truth, truth, 10) > 40
