import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.config.networks import GeneratorSettings
from diffragan.models.dropout import drop_features
from diffragan.models.unet import UNet

KEYS = [(0, 5, place, 1) for place in range(6)]


@given(st.floats(0, 0.9), st.integers(0, 2**31))
def test_the_share_that_is_asked_for_is_dropped_and_the_mean_stays(rate: float, seed: int) -> None:
    dropped = drop_features(torch.ones(4, 50, 10, 10), rate, [(seed, n, 1) for n in range(4)], 0)
    assert abs(float((dropped == 0).float().mean()) - rate) < 0.02
    assert abs(float(dropped.mean()) - 1) < 0.15
    values = dropped[dropped != 0]
    torch.testing.assert_close(values, torch.full_like(values, 1 / (1 - rate)))


def test_a_mask_belongs_to_its_item_layer_and_key() -> None:
    ones = torch.ones(6, 8, 4, 4)
    together = drop_features(ones, 0.5, KEYS, 0)
    apart = [drop_features(ones[i : i + 2], 0.5, KEYS[i : i + 2], 0) for i in (0, 2, 4)]
    assert torch.equal(together, torch.cat(apart))
    assert len({tuple(mask.flatten().tolist()) for mask in together}) == 6
    assert not torch.equal(together, drop_features(ones, 0.5, KEYS, 1))
    assert not torch.equal(together, drop_features(ones, 0.5, [(0, 6, n, 1) for n in range(6)], 0))


def test_a_network_drops_by_its_keys_alone() -> None:
    torch.manual_seed(0)
    network = UNet(GeneratorSettings(pixels=32, width=8, depth=4, dropout=0.5))
    observed = torch.randn(6, 2, 32, 32)
    together = network(observed, KEYS)
    torch.manual_seed(99)
    apart = torch.cat([network(observed[i : i + 3], KEYS[i : i + 3]) for i in (0, 3)])
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(together, network(observed), rtol=1e-3)
    same = network(observed[:1].expand(2, -1, -1, -1), KEYS[:2])
    assert not torch.allclose(same[0], same[1], rtol=1e-3)
