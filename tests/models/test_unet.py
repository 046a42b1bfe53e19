import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.config.networks import GeneratorSettings
from diffragan.models.unet import UNet, layer_widths, parameter_count

UPSAMPLINGS = ["resize", "transposed"]


def make(pixels: int = 32, width: int = 8, depth: int = 5, **others: object) -> UNet:
    torch.manual_seed(0)
    values = {"pixels": pixels, "width": width, "depth": depth, **others}
    return UNet(GeneratorSettings.model_validate(values))


@given(
    st.integers(3, 5),
    st.integers(1, 5),
    st.integers(4, 20),
    st.sampled_from(UPSAMPLINGS),
    st.booleans(),
)
def test_an_image_between_minus_one_and_one_from_every_network_that_can_be_configured(
    depth: int, side: int, width: int, upsampling: str, input_skip: bool
) -> None:
    pixels = max(3, side) * 2**depth
    network = make(pixels, width, depth, upsampling=upsampling, input_skip=input_skip)
    drawn = network(10 * torch.randn(2, 2, pixels, pixels))
    assert drawn.shape == (2, 1, pixels, pixels)
    assert drawn.abs().max() <= 1


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_an_item_does_not_depend_on_its_batch(upsampling: str) -> None:
    network = make(upsampling=upsampling)
    observed = torch.randn(4, 2, 32, 32)
    together = network(observed)
    alone = torch.cat([network(item[None]) for item in observed])
    among_others = network(torch.cat([observed[:1], 100 * torch.randn(3, 2, 32, 32)]))
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together[:1], among_others[:1], rtol=1e-4, atol=1e-5)


def test_training_mode_draws_what_use_draws() -> None:
    network = make(dropout=0.5)
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


def test_the_papers_generator_has_the_layers_of_pix2pix() -> None:
    """Their U-Net of 256 pixels has 54.4 M weights with one input channel more than ours."""
    with torch.device("meta"):
        network = UNet(
            GeneratorSettings(
                pixels=256, width=64, depth=8, upsampling="transposed", input_skip=False
            )
        )
    assert [up.convolution[0].out_channels for up in network.up] == [512] * 4 + [256, 128, 64]
    assert len(network.down) == 8
    assert parameter_count(network) == pytest.approx(54.4e6, rel=0.01)


def test_parameters_are_counted() -> None:
    assert parameter_count(torch.nn.Linear(3, 2)) == 8


def test_resizing_draws_no_checkerboard() -> None:
    network = make()
    with torch.no_grad():
        drawn = network(torch.zeros(1, 2, 32, 32))[0, 0, 8:24, 8:24]
    checkerboard = (-1.0) ** (torch.arange(16)[:, None] + torch.arange(16)[None, :])
    assert (drawn * checkerboard).mean().abs() < 1e-3


@pytest.mark.parametrize(("pixels", "depth"), [(48, 5), (36, 3)])
def test_a_side_that_cannot_be_halved_so_often_is_refused(pixels: int, depth: int) -> None:
    with pytest.raises(ValueError, match=f"multiple of {2**depth}"):
        GeneratorSettings(pixels=pixels, depth=depth)
