"""One adversarial step by hand, and what a run does when a step goes wrong."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from diffragan.config.networks import DiscriminatorSettings, GeneratorSettings
from diffragan.config.training import TrainingSettings
from diffragan.errors import ConfigError
from diffragan.io.checkpoints import read_run
from diffragan.models.unet import parameter_count
from diffragan.training import loop
from diffragan.training.data import Batch
from diffragan.training.loop import make_fabric, train
from diffragan.training.memory import (
    COPIES_OF_WEIGHTS,
    FLOAT_BYTES,
    LIBRARIES_BYTES,
    training_memory_bytes,
)
from diffragan.training.networks import Networks, make_networks
from diffragan.training.objective import discriminator_loss, persuasion_loss
from diffragan.training.step import adversarial_step
from diffragan.typing import Tensor

TINY = TrainingSettings(
    generator=GeneratorSettings(pixels=32, width=4, depth=3),
    discriminator=DiscriminatorSettings(width=4),
    steps=6,
    batch=2,
    validate_every=2,
)


def networks_and_batch(settings: TrainingSettings = TINY) -> tuple[Networks, Batch]:
    pixels = settings.generator.pixels
    generator = torch.Generator().manual_seed(0)
    observed = torch.randn(settings.batch, 2, pixels, pixels, generator=generator)
    batch = Batch(observed, 0.5 * torch.tanh(observed[:, 1:]))
    return make_networks(settings, make_fabric(settings, "cpu")), batch


def first_adam_step(module: nn.Module, loss: Tensor) -> tuple[Tensor, ...]:
    """Adam's first step: each weight moves by the learning rate against its gradient's sign."""
    weights = list(module.parameters())
    slopes = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for weight, slope in zip(weights, slopes, strict=True):
            weight.sub_(TINY.learning_rate * slope / (slope.abs() + 1e-8))
    return slopes


def test_a_step_is_one_of_the_discriminator_and_then_one_of_the_generator_against_it() -> None:
    """A gradient that reached the other network, or came from its old weights, would show."""
    networks, batch = networks_and_batch()
    generator, judge = (copy.deepcopy(n) for n in (networks.generator, networks.discriminator))
    drawn = generator(batch.observed)
    real = judge(batch.observed, batch.truth).scores
    fake = judge(batch.observed, drawn.detach()).scores
    slopes = first_adam_step(judge, discriminator_loss(real, fake))
    scores = judge(batch.observed, drawn).scores
    miss = persuasion_loss(scores) + 100 * (drawn - batch.truth).abs().mean()
    first_adam_step(generator, miss)

    measured = adversarial_step(networks, [batch], TINY, make_fabric(TINY, "cpu"), 0)
    expected = discriminator_loss(real, fake).detach()
    assert measured["discriminator_loss"] == pytest.approx(float(expected))
    for made, by_hand in ((networks.discriminator, judge), (networks.generator, generator)):
        for one, other in zip(made.parameters(), by_hand.parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=2e-6)
    for weight, slope in zip(networks.discriminator.parameters(), slopes, strict=True):
        torch.testing.assert_close(weight.grad, slope, rtol=1e-4, atol=1e-6)


def test_the_average_is_never_trained() -> None:
    networks, batch = networks_and_batch()
    before = copy.deepcopy(networks.average.state_dict())
    adversarial_step(networks, [batch], TINY, make_fabric(TINY, "cpu"), 0)
    assert all(torch.equal(v, before[k]) for k, v in networks.average.state_dict().items())
    assert not any(p.requires_grad for p in networks.average.parameters())


def test_a_step_that_is_not_a_number_leaves_the_last_good_checkpoint(
    villin_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, calls = loop.adversarial_step, []

    def fails_at_the_fourth(networks: Networks, *arguments: Any) -> dict[str, float]:
        calls.append(1)
        measured = step(networks, *arguments)
        if len(calls) == 4:
            with torch.no_grad():
                next(networks.generator.parameters()).fill_(torch.nan)
            return {**measured, "generator_gradient": float("nan")}
        return measured

    monkeypatch.setattr(loop, "adversarial_step", fails_at_the_fourth)
    with pytest.raises(ConfigError, match=r"diverged at step 4 .*lower learning_rate") as caught:
        train(villin_data, TINY, tmp_path / "run")
    assert "\n" not in str(caught.value)
    kept = read_run(tmp_path / "run", "last")
    assert kept.description["position"]["step"] == 2
    assert all(tensor.isfinite().all() for tensor in kept.tensors["generator"].values())
    monkeypatch.setattr(loop, "adversarial_step", step)
    assert train(villin_data, TINY, tmp_path / "run", resume=True).step == 6


@pytest.mark.parametrize(
    ("pixels", "width", "depth", "batch"), [(32, 8, 5, 4), (64, 16, 6, 2), (128, 4, 4, 3)]
)
def test_the_memory_foretold_is_what_the_networks_keep(
    pixels: int, width: int, depth: int, batch: int
) -> None:
    settings = TrainingSettings(
        generator=GeneratorSettings(pixels=pixels, width=width, depth=depth),
        discriminator=DiscriminatorSettings(width=width),
        batch=batch,
    )
    networks, views = networks_and_batch(settings)
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        drawn = networks.generator(views.observed)
        scores = networks.discriminator(views.observed, drawn).scores
    assert scores.requires_grad
    weights = [p for n in (networks.generator, networks.discriminator) for p in n.parameters()]
    for weight in weights:
        kept.pop(weight.untyped_storage().data_ptr(), None)
    count = parameter_count(networks.generator) + parameter_count(networks.discriminator)
    foretold = training_memory_bytes(settings, 0, count)
    activations = foretold - LIBRARIES_BYTES - COPIES_OF_WEIGHTS * FLOAT_BYTES * count
    assert 0.6 < activations / sum(kept.values()) < 1.7


def test_views_count_as_long_as_they_are_held() -> None:
    held, beyond, none = (training_memory_bytes(TINY, views, 0) for views in (1000, 10**6, 0))
    assert held - none == 1000 * 3 * 4 * 32**2
    assert beyond < none + 1e6
