import math

import pytest
import torch
from lightning_fabric import Fabric

from diffragan.config.networks import DiscriminatorSettings, GeneratorSettings
from diffragan.config.training import TrainingSettings
from diffragan.io.triplets import TripletStore
from diffragan.models.encoding import decode_low_resolution, encode_image
from diffragan.training.data import Batch, Views, fit_to_training_views, split_views
from diffragan.training.loop import make_fabric
from diffragan.training.networks import adversarial_step, make_networks, update_average
from diffragan.training.validation import image_frc

TINY = TrainingSettings(
    generator=GeneratorSettings(pixels=32, width=4, depth=3),
    discriminator=DiscriminatorSettings(width=4),
)


def random_batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    observed = torch.randn(2, 2, 32, 32, generator=generator)
    return Batch(observed, 0.5 * torch.tanh(observed[:, 1:]))


@pytest.fixture
def fabric() -> Fabric:
    return make_fabric(TINY, "cpu")


def test_first_weights_come_from_the_seed_alone(fabric: Fabric) -> None:
    before = torch.get_rng_state()
    first, second = make_networks(TINY, fabric), make_networks(TINY, fabric)
    other = make_networks(TINY.model_copy(update={"seed": 1}), fabric)
    weights = [next(iter(n.generator.parameters())) for n in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(torch.get_rng_state(), before)


def test_a_step_reports_what_it_measured_and_moves_both_networks(fabric: Fabric) -> None:
    networks = make_networks(TINY, fabric)
    both = (networks.generator, networks.discriminator)
    before = [[p.detach().clone() for p in network.parameters()] for network in both]
    measured = adversarial_step(networks, random_batch(), 100, fabric)
    assert all(math.isfinite(value) for value in measured.values())
    assert 0 < measured["real_score"] < 1
    assert measured["generator_gradient"] > 0
    for network, old in zip(both, before, strict=True):
        moved = [not torch.equal(p, o) for p, o in zip(network.parameters(), old, strict=True)]
        assert all(moved[-2:])


def test_the_discriminator_learns_to_tell(fabric: Fabric) -> None:
    fast = TINY.model_copy(update={"learning_rate": 2e-3})
    networks = make_networks(fast, fabric)
    batch = random_batch()
    first = adversarial_step(networks, batch, 0, fabric)
    networks.generator.requires_grad_(False)
    for group in networks.generator_optimiser.param_groups:
        group["lr"] = 0.0
    networks.generator.requires_grad_(True)
    for _ in range(40):
        last = adversarial_step(networks, batch, 0, fabric)
    assert last["discriminator_loss"] < 0.5 * first["discriminator_loss"]
    assert last["real_score"] > last["fake_score"] + 0.3


def test_the_average_follows_the_generator(fabric: Fabric) -> None:
    networks = make_networks(TINY, fabric)
    first = networks.average.state_dict()["last.weight"].clone()
    with torch.no_grad():
        networks.generator.last.weight.add_(1.0)
    update_average(networks, 4)  # half of it is new
    torch.testing.assert_close(networks.average.state_dict()["last.weight"], first + 0.5)
    update_average(networks, 0)
    torch.testing.assert_close(networks.average.state_dict()["last.weight"], first + 1)


@pytest.mark.slow
def test_four_views_are_overfitted(villin_data) -> None:  # type: ignore[no-untyped-def]
    """A step that is broken anywhere cannot learn four views by heart."""
    settings = TrainingSettings(
        generator=GeneratorSettings(pixels=64, width=16, depth=6),
        discriminator=DiscriminatorSettings(width=8),
        learning_rate=2e-3,
    )
    store = TripletStore(villin_data)
    split = split_views(store.read("structure"), 0.5, settings.seed)
    encoding = fit_to_training_views(store, split, settings.generator.pixels)
    batch = Views(store, encoding, 100).batch(split.training)
    fabric = make_fabric(settings, "cpu")
    networks = make_networks(settings, fabric)
    medium = slice(7, 24)  # 10 to 3 Å in the 70 Å box
    contrasts = decode_low_resolution(batch.observed[:, 1], encoding)
    floor = encode_image(1 + contrasts, encoding)
    for _ in range(600):
        last = adversarial_step(networks, batch, settings.objective.l1_weight, fabric)
    with torch.no_grad():
        drawn = networks.generator(batch.observed)[:, 0]
    truth = batch.truth[:, 0]
    first, reached = (
        image_frc(image, truth, encoding)[:, medium].mean() for image in (floor, drawn)
    )
    assert last["l1"] < 0.4 * truth.abs().mean()
    assert first < 0.5
    assert reached > 0.9
