import torch

from diffragan.models.patchgan import STRIDES, PatchGan, receptive_field


def test_a_patch_is_sixteen_pixels_by_arithmetic() -> None:
    assert receptive_field() == 16
    assert receptive_field(4, (2, 2, 2, 1, 1)) == 70  # pix2pix's own default
    assert receptive_field(4, (1,)) == 4


def test_a_patch_is_sixteen_pixels_by_gradient() -> None:
    torch.manual_seed(0)
    network = PatchGan(4)
    observed = torch.randn(1, 2, 64, 64, requires_grad=True)
    image = torch.randn(1, 1, 64, 64, requires_grad=True)
    scores = network(observed, image)
    middle = scores.shape[-1] // 2
    scores[0, 0, middle, middle].backward()
    for given in (observed, image):
        assert given.grad is not None
        rows = torch.nonzero(given.grad[0].abs().sum((0, 2)))
        columns = torch.nonzero(given.grad[0].abs().sum((0, 1)))
        for seen in (rows, columns):
            assert int(seen.max() - seen.min()) + 1 == receptive_field()


def test_every_pixel_is_judged_and_patches_follow_their_place() -> None:
    network = PatchGan(4)
    assert len(STRIDES) == 3
    scores = network(torch.zeros(2, 2, 64, 64), torch.zeros(2, 1, 64, 64))
    assert scores.shape == (2, 1, 30, 30)


def test_an_item_does_not_depend_on_its_batch() -> None:
    network = PatchGan(4)
    observed, image = torch.randn(3, 2, 32, 32), torch.randn(3, 1, 32, 32)
    alone = torch.cat([network(o[None], i[None]) for o, i in zip(observed, image, strict=True)])
    torch.testing.assert_close(network(observed, image), alone, rtol=1e-4, atol=1e-5)
