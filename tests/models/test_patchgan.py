import pytest
import torch

from diffragan.config.networks import DiscriminatorSettings, GeneratorSettings
from diffragan.models.patchgan import PatchGan, receptive_field

SIDES = [1, 16, 70, "image"]


def make(patch: object = 16, pixels: int = 64, width: int = 4) -> PatchGan:
    torch.manual_seed(0)
    settings = DiscriminatorSettings.model_validate({"patch_pixels": patch, "width": width})
    return PatchGan(settings, GeneratorSettings(pixels=pixels, depth=3))


def seen_by(network: PatchGan, pixels: int) -> list[torch.Tensor]:
    """Where the score in the middle has a gradient, in each of the three images."""
    observed = torch.randn(1, 2, pixels, pixels, requires_grad=True)
    image = torch.randn(1, 1, pixels, pixels, requires_grad=True)
    scores = network(observed, image).scores
    middle = scores.shape[-1] // 2
    scores[0, 0, middle, middle].backward()
    assert observed.grad is not None
    assert image.grad is not None
    return list(torch.cat([observed.grad, image.grad], dim=1)[0] != 0)


@pytest.mark.parametrize("patch", [1, 16, 70])
def test_the_layers_give_the_patch_that_was_asked_for(patch: int) -> None:
    assert receptive_field(make(patch)) == patch


@pytest.mark.parametrize("patch", [1, 16, 70])
def test_a_score_sees_its_patch_and_not_a_pixel_more(patch: int) -> None:
    for seen in seen_by(make(patch, pixels=128), 128):
        rows, columns = torch.nonzero(seen, as_tuple=True)
        assert int(rows.max() - rows.min()) + 1 == patch
        assert int(columns.max() - columns.min()) + 1 == patch
        assert int(seen.sum()) == patch**2


@pytest.mark.parametrize("pixels", [24, 40, 48, 56, 64])
def test_a_judge_of_whole_images_gives_one_score_that_sees_every_pixel(pixels: int) -> None:
    network = make("image", pixels)
    scores = network(torch.zeros(2, 2, pixels, pixels), torch.zeros(2, 1, pixels, pixels)).scores
    assert scores.shape == (2, 1, 1, 1)
    assert receptive_field(network) >= pixels
    assert all(seen.all() for seen in seen_by(network, pixels))


@pytest.mark.parametrize(("patch", "scores"), [(1, 64), (16, 30), (70, 6), ("image", 1)])
def test_scores_cover_the_image(patch: object, scores: int) -> None:
    judged = make(patch)(torch.zeros(2, 2, 64, 64), torch.zeros(2, 1, 64, 64))
    assert judged.scores.shape == (2, 1, scores, scores)
    assert judged.features == ()


@pytest.mark.parametrize("patch", SIDES)
@pytest.mark.parametrize("pixels", [24, 32, 40])
def test_every_patch_fits_into_the_smallest_images(patch: object, pixels: int) -> None:
    judged = make(patch, pixels)(
        torch.zeros(1, 2, pixels, pixels), torch.zeros(1, 1, pixels, pixels)
    )
    assert judged.scores.numel() >= 1


@pytest.mark.parametrize("patch", SIDES)
def test_an_item_does_not_depend_on_its_batch(patch: object) -> None:
    network = make(patch, pixels=32)
    observed, image = torch.randn(3, 2, 32, 32), torch.randn(3, 1, 32, 32)
    alone = [network(o[None], i[None]).scores for o, i in zip(observed, image, strict=True)]
    together = network(observed, image).scores
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_features_are_those_of_every_hidden_layer() -> None:
    observed, image = torch.randn(2, 2, 64, 64), torch.randn(2, 1, 64, 64)
    judged = make()(observed, image, with_features=True)
    assert [tuple(feature.shape) for feature in judged.features] == [(2, 4, 32, 32), (2, 8, 31, 31)]
    assert torch.equal(judged.scores, make()(observed, image).scores)


def test_the_width_is_the_generators_unless_it_is_given() -> None:
    generator = GeneratorSettings(pixels=64, width=12)
    for given, expected in ((None, 12), (5, 5)):
        network = PatchGan(DiscriminatorSettings(width=given), generator)
        assert network.convolutions[0].out_channels == expected
