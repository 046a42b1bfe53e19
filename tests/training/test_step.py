"""Rules that one adversarial step keeps for every objective and every way to cut its batch."""

import copy
import math
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric

from diffragan.config.training import TrainingSettings
from diffragan.training.data import Batch
from diffragan.training.networks import Networks, make_networks
from diffragan.training.step import adversarial_step, dropout_keys

ITEMS = 8


def settings(**objective: Any) -> TrainingSettings:
    return TrainingSettings.model_validate(
        {
            "generator": {"pixels": 32, "width": 4, "depth": 3, "dropout": 0.5},
            "objective": objective,
            "batch": ITEMS,
            "learning_rate": 2e-3,
        }
    )


def exact_fabric() -> Fabric:
    """Arithmetic in which sums in another order differ by less than Adam's smallest step."""
    return Fabric(accelerator="cpu", devices=1, precision="64-true")


def views(count: int = ITEMS) -> Batch:
    generator = torch.Generator().manual_seed(0)
    observed = torch.randn(count, 2, 32, 32, generator=generator, dtype=torch.float64)
    return Batch(observed, 0.5 * torch.tanh(observed[:, 1:]))


def cut(batch: Batch, size: int) -> list[Batch]:
    pairs = zip(batch.observed.split(size), batch.truth.split(size), strict=True)
    return [Batch(observed, truth) for observed, truth in pairs]


def weights(networks: Networks) -> list[torch.Tensor]:
    both = (networks.generator, networks.discriminator)
    return [p.detach().clone() for network in both for p in network.parameters()]


OBJECTIVES: list[dict[str, Any]] = [
    {},
    {"adversarial": "hinge"},
    {"adversarial": "least-squares", "feature_matching_weight": 10},
    {"adversarial_weight": 0, "feature_matching_weight": 1, "l1_weight": 0},
    {"adversarial_weight": 0},
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_a_batch_in_pieces_is_the_batch(objective: dict[str, Any]) -> None:
    chosen, fabric = settings(**objective), exact_fabric()
    results, measures = [], []
    for size in (8, 4, 1):
        networks = make_networks(chosen, fabric)
        for step in range(3):
            measured = adversarial_step(networks, cut(views(), size), chosen, fabric, step)
        results.append(weights(networks))
        measures.append(measured)
    for found, measured in zip(results[1:], measures[1:], strict=True):
        for one, other in zip(results[0], found, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)
        assert measured == pytest.approx(measures[0], rel=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_every_objective_measures_moves_and_learns(objective: dict[str, Any]) -> None:
    chosen, fabric = settings(**objective), exact_fabric()
    networks = make_networks(chosen, fabric)
    before = weights(networks)
    first = adversarial_step(networks, [views(2)], chosen, fabric, 0)
    assert all(math.isfinite(value) for value in first.values())
    assert first["generator_gradient"] > 0
    moved = [not torch.equal(a, b) for a, b in zip(before, weights(networks), strict=True)]
    count = len(list(networks.generator.parameters()))
    assert all(moved[count - 2 : count])
    assert any(moved[count:]) == chosen.objective.uses_discriminator
    for step in range(1, 40):
        last = adversarial_step(networks, [views(2)], chosen, fabric, step)
    if chosen.objective.l1_weight:
        assert last["l1"] < first["l1"]


def test_an_objective_of_l1_alone_knows_no_discriminator() -> None:
    chosen, fabric = settings(adversarial_weight=0), exact_fabric()
    networks = make_networks(chosen, fabric)
    judge = copy.deepcopy(networks.discriminator.state_dict())
    measured = adversarial_step(networks, [views(2)], chosen, fabric, 0)
    assert set(measured) == {"generator_loss", "l1", "generator_gradient"}
    assert measured["generator_loss"] == pytest.approx(100 * measured["l1"])
    after = networks.discriminator.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in judge.items())
    assert not networks.discriminator_optimiser.state_dict()["state"]


def test_the_discriminator_learns_to_tell() -> None:
    chosen, fabric = settings(l1_weight=0), exact_fabric()
    networks = make_networks(chosen, fabric)
    for group in networks.generator_optimiser.param_groups:
        group["lr"] = 0.0
    first = adversarial_step(networks, [views(2)], chosen, fabric, 0)
    for step in range(1, 41):
        last = adversarial_step(networks, [views(2)], chosen, fabric, step)
    assert last["discriminator_loss"] < 0.5 * first["discriminator_loss"]
    assert last["real_score"] > last["fake_score"] + 0.3


def test_dropout_comes_from_seed_step_and_place_alone() -> None:
    batch = views()
    whole = dropout_keys([batch], 3, 7, 0)[0]
    halves = dropout_keys(cut(batch, 4), 3, 7, 0)
    assert whole == halves[0] + halves[1]
    second_of_two = dropout_keys(cut(views(4), 2), 3, 7, 1)
    assert whole[4:] == second_of_two[0] + second_of_two[1]
    others = [dropout_keys([batch], seed, step, 0)[0] for seed, step in ((3, 8), (4, 7))]
    assert len({key for keys in (whole, *others) for key in keys}) == 3 * ITEMS


def test_a_step_again_is_the_same_step_and_another_step_is_not() -> None:
    chosen, fabric = settings(), exact_fabric()
    found = []
    for step in (5, 5, 6):
        networks = make_networks(chosen, fabric)
        torch.manual_seed(len(found))  # nothing of a step may come from here
        adversarial_step(networks, [views()], chosen, fabric, step)
        found.append(weights(networks))
    assert all(torch.equal(a, b) for a, b in zip(found[0], found[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(found[0], found[2], strict=True))
