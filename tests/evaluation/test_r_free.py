import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.errors import ConfigError, InputError
from diffragan.evaluation.metrics import r_factor
from diffragan.evaluation.r_free import r_factors
from diffragan.fourier import centred, decentred, fourier, inverse_fourier, resize_centred
from diffragan.phasing.free_set import FreeSet
from diffragan.physics.forward import diffraction_pattern, measured_region

SIDE = 41
seeds = st.integers(0, 10_000)
few = settings(max_examples=20)


def waves(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.05 * torch.randn(2, 48, 48, generator=generator, dtype=torch.complex64)


@few
@given(seed=seeds, fraction=st.floats(0.03, 0.4))
def test_a_free_set_has_its_share_its_mates_and_nothing_unmeasured(
    seed: int, fraction: float
) -> None:
    measured = measured_region(101, 2.5)
    free = FreeSet(fraction, seed).mask(measured)
    assert torch.equal(free, free.flip((0, 1)))
    assert not (free & ~measured).any()
    share = float(free.sum() / measured.sum())
    assert share == pytest.approx(fraction, abs=5 * (2 * fraction / 101**2) ** 0.5)
    assert torch.equal(free, FreeSet(fraction, seed).mask(measured))
    assert not torch.equal(free, FreeSet(fraction, seed + 1).mask(measured))


@pytest.mark.parametrize("fraction", [0, -0.1, 0.6, float("nan")])
def test_a_free_fraction_out_of_range_is_refused(fraction: float) -> None:
    with pytest.raises(ConfigError, match="free fraction"):
        FreeSet(fraction).mask(measured_region(SIDE, 0.5))


@few
@given(seed=seeds)
def test_the_truth_has_no_error_on_either_set(seed: int) -> None:
    true, measured = waves(seed), measured_region(SIDE, 0.5)
    found = r_factors(true, diffraction_pattern(true, SIDE), measured, FreeSet(0.1).mask(measured))
    assert found.work.max() < 1e-4
    assert found.free.max() < 1e-4


@few
@given(seed=seeds)
def test_whoever_takes_the_moduli_over_has_an_error_on_the_free_ones_only(seed: int) -> None:
    true, measured = waves(seed), measured_region(SIDE, 0.5)
    free = FreeSet(0.1, seed).mask(measured)
    used = decentred(resize_centred(measured & ~free, 48))
    random = fourier(waves(seed + 1))
    taken = inverse_fourier(torch.where(used, fourier(true).abs() * random.sgn(), random))
    found = r_factors(taken, diffraction_pattern(true, SIDE), measured, free)
    assert found.work.max() < 1e-4
    assert found.free.min() > 0.2


@few
@given(seed=seeds)
def test_both_sets_together_give_the_r_factor(seed: int) -> None:
    true, found, measured = waves(seed), waves(seed + 1), measured_region(SIDE, 0.5)
    pattern, free = diffraction_pattern(true, SIDE), FreeSet(0.2, seed).mask(measured)
    parts = r_factors(found, pattern, measured, free)
    moduli = torch.sqrt(pattern)
    used, unseen = ((moduli * m).sum((-2, -1)) for m in (measured & ~free, measured & free))
    whole = (parts.work * used + parts.free * unseen) / (used + unseen)
    torch.testing.assert_close(whole, r_factor(found, pattern, measured), atol=1e-4, rtol=1e-4)


def test_without_free_or_without_used_pixels_there_is_nothing_to_say() -> None:
    true, measured = waves(0), measured_region(SIDE, 0.5)
    pattern = diffraction_pattern(true, SIDE)
    with pytest.raises(InputError, match="0 of 1680 measured pixels are free"):
        r_factors(true, pattern, measured, torch.zeros_like(measured))
    with pytest.raises(InputError, match="1680 of 1680"):
        r_factors(true, pattern, measured, measured)
    assert centred(decentred(measured)).equal(measured)
