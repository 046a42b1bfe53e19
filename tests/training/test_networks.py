import pytest
import torch
from lightning_fabric import Fabric

from diffragan.config.networks import DiscriminatorSettings, GeneratorSettings
from diffragan.config.training import TrainingSettings
from diffragan.models.unet import UNet
from diffragan.training.loop import make_fabric
from diffragan.training.networks import make_networks, update_average

TINY = TrainingSettings(
    generator=GeneratorSettings(pixels=32, width=4, depth=3),
    discriminator=DiscriminatorSettings(width=4),
)


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


def test_the_average_follows_the_generator(fabric: Fabric) -> None:
    networks = make_networks(TINY, fabric)
    first = networks.average.state_dict()["last.0.weight"].clone()
    with torch.no_grad():
        networks.generator.last[0].weight.add_(1.0)
    update_average(networks, 4, 0.98)  # half of it is new
    torch.testing.assert_close(networks.average.state_dict()["last.0.weight"], first + 0.5)
    update_average(networks, 0, 0.98)
    torch.testing.assert_close(networks.average.state_dict()["last.0.weight"], first + 1)


@pytest.mark.parametrize(("decay", "share"), [(0.98, 0.02), (0.5, 0.5), (0.0, 1.0)])
def test_an_old_average_keeps_what_its_decay_says(
    fabric: Fabric, decay: float, share: float
) -> None:
    networks = make_networks(TINY, fabric)
    first = networks.average.state_dict()["last.0.bias"].clone()
    with torch.no_grad():
        networks.generator.last[0].bias.add_(1.0)
    update_average(networks, 10_000, decay)
    torch.testing.assert_close(networks.average.state_dict()["last.0.bias"], first + share)


def test_the_weights_that_are_used_are_those_the_settings_name(fabric: Fabric) -> None:
    networks = make_networks(TINY, fabric)
    assert networks.used(TINY) is networks.average
    last = networks.used(TINY.model_copy(update={"used_weights": "generator"}))
    assert isinstance(last, UNet)
    assert last is not networks.average
