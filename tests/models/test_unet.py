import pytest
import torch

from diffragan.config.networks import GeneratorSettings
from diffragan.models.unet import UNet, layer_widths, parameter_count


def make(pixels: int = 32, width: int = 8, depth: int = 5) -> UNet:
    torch.manual_seed(0)
    return UNet(GeneratorSettings(pixels=pixels, width=width, depth=depth))


@pytest.mark.parametrize("depth", [3, 4, 5])
def test_an_image_between_minus_one_and_one_at_every_depth(depth: int) -> None:
    drawn = make(depth=depth)(10 * torch.randn(2, 2, 32, 32))
    assert drawn.shape == (2, 1, 32, 32)
    assert drawn.abs().max() <= 1


@pytest.mark.parametrize("width", [4, 8, 20])
def test_any_width_is_normalised(width: int) -> None:
    assert make(width=width)(torch.randn(1, 2, 32, 32)).isfinite().all()


def test_an_item_does_not_depend_on_its_batch() -> None:
    network = make()
    observed = torch.randn(4, 2, 32, 32)
    together = network(observed)
    alone = torch.cat([network(item[None]) for item in observed])
    among_others = network(torch.cat([observed[:1], 100 * torch.randn(3, 2, 32, 32)]))
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together[:1], among_others[:1], rtol=1e-4, atol=1e-5)


def test_training_mode_draws_what_use_draws() -> None:
    network = make()
    observed = torch.randn(2, 2, 32, 32)
    assert torch.equal(network.train()(observed), network.train()(observed))
    assert torch.equal(network.train()(observed), network.eval()(observed))


def test_the_lowest_layer_sees_everything_and_the_skips_keep_places() -> None:
    network = make()
    observed = torch.zeros(1, 2, 32, 32, requires_grad=True)
    network(observed)[0, 0, 16, 16].backward()
    assert observed.grad is not None
    seen = observed.grad[0].abs().sum(0)
    assert (seen > 0).float().mean() > 0.9
    assert seen[14:19, 14:19].sum() > seen[:5, :5].sum()


def test_widths_double_up_to_eight_times() -> None:
    widths = layer_widths(GeneratorSettings(pixels=64, width=4, depth=6))
    assert widths == [4, 8, 16, 32, 32, 32]


def test_parameters_are_counted() -> None:
    assert parameter_count(torch.nn.Linear(3, 2)) == 8


def test_upsampling_draws_no_checkerboard() -> None:
    network = make()
    with torch.no_grad():
        drawn = network(torch.zeros(1, 2, 32, 32))[0, 0, 8:24, 8:24]
    checkerboard = (-1.0) ** (torch.arange(16)[:, None] + torch.arange(16)[None, :])
    assert (drawn * checkerboard).mean().abs() < 1e-3
