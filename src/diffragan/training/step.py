"""One step of adversarial training on an effective batch, whatever pieces it comes in."""

from collections.abc import Sequence

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.functional import l1_loss
from torch.optim import Optimizer

from diffragan.config.networks import ObjectiveSettings
from diffragan.config.training import TrainingSettings
from diffragan.models.dropout import Key
from diffragan.training.data import Batch
from diffragan.training.networks import Networks, unwrapped
from diffragan.training.objective import (
    discriminator_loss,
    feature_difference,
    persuasion_loss,
    realness,
)
from diffragan.typing import Tensor

DROPOUT_STREAM = 2
"""Keeps these random numbers apart from those of the order and of the augmentation."""
Sums = dict[str, Tensor]


def adversarial_step(
    networks: Networks,
    parts: Sequence[Batch],
    settings: TrainingSettings,
    fabric: Fabric,
    step: int,
) -> dict[str, float]:
    """Improve the discriminator once, then the generator once, on an effective batch.

    The step is that of the whole batch: gradients and measures are means over parts and processes.
    Of several parts only one has its features in memory at a time; the generator then draws each
    twice, for the discriminator and, after that has learned, against it. A single part is drawn
    once.

    Parameters
    ----------
    networks : The generator, the discriminator and their optimisers.
    parts : This process's micro-batches, all of one size. Processes hold contiguous shares of the
        effective batch in the order of their ranks.
    settings : Weights of the objective, and the seed of dropout.
    fabric : Where the networks live, and with which other processes.
    step : Number of the step, from 0.

    Returns
    -------
    Losses, gradient norms and mean scores (about 1 taken for real, 0 not) by name. There is nothing
    of a discriminator where the objective has none.
    """
    keys = dropout_keys(parts, settings.seed, step, fabric.global_rank)
    sums: Sums = {}
    drawn: Tensor | None = None
    if settings.objective.uses_discriminator:
        drawn = _improve_discriminator(networks, parts, keys, settings.objective, fabric, sums)
    _improve_generator(networks, parts, keys, settings.objective, fabric, sums, drawn)
    values = fabric.all_reduce(torch.stack([value.float() for value in sums.values()]))
    assert isinstance(values, Tensor)
    return dict(zip(sums, values.tolist(), strict=True))


def _improve_discriminator(
    networks: Networks,
    parts: Sequence[Batch],
    keys: Sequence[list[Key]],
    objective: ObjectiveSettings,
    fabric: Fabric,
    sums: Sums,
) -> Tensor | None:
    """Take its step, add to what was measured, and return the images of a single part."""
    network, generated, single = networks.discriminator, None, len(parts) == 1
    network.requires_grad_(True)
    networks.discriminator_optimiser.zero_grad()
    for index, part in enumerate(parts):
        with torch.set_grad_enabled(single):
            generated = networks.generator(part.observed, keys[index])
        waits = index < len(parts) - 1
        with fabric.no_backward_sync(network, enabled=waits):  # type: ignore[arg-type]
            loss, measured = _judge(network, part, generated.detach(), objective)
            fabric.backward(loss / len(parts))
        _add(sums, measured, len(parts))
    sums["discriminator_gradient"] = _descend(network, networks.discriminator_optimiser)
    network.requires_grad_(False)
    return generated if single else None


def _improve_generator(
    networks: Networks,
    parts: Sequence[Batch],
    keys: Sequence[list[Key]],
    objective: ObjectiveSettings,
    fabric: Fabric,
    sums: Sums,
    drawn: Tensor | None,
) -> None:
    """Take its step and add to what was measured; `drawn` are the images of a single part."""
    network = networks.generator
    networks.generator_optimiser.zero_grad()
    for index, part in enumerate(parts):
        waits = index < len(parts) - 1
        with fabric.no_backward_sync(network, enabled=waits):  # type: ignore[arg-type]
            generated = network(part.observed, keys[index]) if drawn is None else drawn
            loss, measured = _miss(networks, part, generated, objective, fabric)
            fabric.backward(loss / len(parts))
        _add(sums, measured, len(parts))
    sums["generator_gradient"] = _descend(network, networks.generator_optimiser)


def dropout_keys(parts: Sequence[Batch], seed: int, step: int, rank: int) -> list[list[Key]]:
    """Key of each item's dropout, by its place in the effective batch."""
    sizes = [len(part.truth) for part in parts]
    starts = [rank * sum(sizes) + sum(sizes[:index]) for index in range(len(sizes))]
    return [
        [(seed, step, place, DROPOUT_STREAM) for place in range(start, start + size)]
        for start, size in zip(starts, sizes, strict=True)
    ]


def _judge(
    discriminator: nn.Module, part: Batch, generated: Tensor, objective: ObjectiveSettings
) -> tuple[Tensor, Sums]:
    """Loss of the discriminator and what was measured; one pass over true and generated images."""
    scores, _ = discriminator(
        torch.cat([part.observed, part.observed]), torch.cat([part.truth, generated])
    )
    real, fake = scores.chunk(2)
    loss = discriminator_loss(real, fake, objective.adversarial)
    return loss, {
        "discriminator_loss": loss,
        "real_score": realness(real, objective.adversarial),
        "fake_score": realness(fake, objective.adversarial),
    }


def _miss(
    networks: Networks,
    part: Batch,
    generated: Tensor,
    objective: ObjectiveSettings,
    fabric: Fabric,
) -> tuple[Tensor, Sums]:
    """Loss of the generator, and what was measured."""
    difference = l1_loss(generated, part.truth)
    measured = {"l1": difference}
    loss = objective.l1_weight * difference
    if objective.uses_discriminator:
        # Past the wrapper: several processes must not wait for gradients it will not have here.
        discriminator = unwrapped(networks.discriminator)
        matching = objective.feature_matching_weight > 0
        with fabric.autocast():
            scores, features = discriminator(part.observed, generated, with_features=matching)
            if matching:
                with torch.no_grad():
                    true = discriminator(part.observed, part.truth, with_features=True)
                difference = feature_difference(features, true.features)
                measured["feature_matching"] = difference
                loss = loss + objective.feature_matching_weight * difference
        persuasion = persuasion_loss(scores.float(), objective.adversarial)
        measured["adversarial"] = persuasion
        loss = loss + objective.adversarial_weight * persuasion
    return loss, {"generator_loss": loss, **measured}


def _add(sums: Sums, measured: Sums, parts: int) -> None:
    for name, value in measured.items():
        sums[name] = sums.get(name, torch.zeros_like(value)) + value.detach() / parts


def _descend(module: nn.Module, optimiser: Optimizer) -> Tensor:
    """Take one step down and return the norm of the gradient."""
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    optimiser.step()
    return norm
