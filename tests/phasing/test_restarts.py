"""What restarts begin with, and what is made of their ends."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.alignment import half_turn
from diffragan.fourier import centred, decentred, fft2
from diffragan.phasing.projections import MeasuredModuli
from diffragan.phasing.restarts import NEAR_BEST, consensus, random_starts
from diffragan.typing import Tensor, Waves
from random_atoms import difference

SIDE = 32
seeds = st.integers(0, 2**31)


def molecules(seed: int, items: int = 2) -> Waves:
    """Smooth blobs off the middle, each unlike its twin; origin at pixel [0, 0]."""
    generator = torch.Generator().manual_seed(seed)
    axis = torch.arange(SIDE) - SIDE // 2
    phase = torch.zeros(items, SIDE, SIDE)
    for item in range(items):
        for y, x, size in torch.rand(8, 3, generator=generator):
            far = (axis[:, None] - 14 * y + 8) ** 2 + (axis - 14 * x + 5) ** 2
            phase[item] += (0.2 + size) * torch.exp(-far / 4)
    return decentred(torch.complex(-0.05 * phase**2, 0.1 * phase))


def moduli_of(waves: Waves, known: Tensor | None = None) -> MeasuredModuli:
    everywhere = torch.ones(SIDE, SIDE, dtype=torch.bool)
    return MeasuredModuli(fft2(waves).abs(), everywhere if known is None else known, everywhere)


def errors(*values: float) -> list[Tensor]:
    """An error for each restart, the same for both items."""
    return [torch.full((2,), value) for value in values]


@given(seeds, st.integers(2, 5))
@settings(max_examples=10)
def test_restarts_that_end_alike_agree_and_are_their_mean(seed: int, count: int) -> None:
    waves = molecules(seed)
    found = consensus([waves] * count, errors(*[0.01] * count))
    torch.testing.assert_close(found.waves, waves, rtol=1e-4, atol=1e-6)
    assert torch.equal(found.best, waves)
    # A ring without a coefficient, of which the smooth blobs have none, correlates with nothing.
    strong = found.agreement[:, :6]
    torch.testing.assert_close(strong, torch.ones_like(strong), rtol=0, atol=1e-4)
    assert found.used.tolist() == [1, 1]
    assert found.spread.tolist() == pytest.approx([1, 1])
    assert found.error.tolist() == pytest.approx([0.01, 0.01])
    assert found.restarts.tolist() == [count] * 2


def test_one_restart_is_its_own_mean_and_agrees_with_no_other() -> None:
    waves = molecules(0)
    found = consensus([waves], errors(0.02))
    torch.testing.assert_close(found.waves, waves)
    assert float(found.agreement.min()) == 1
    assert (found.restarts.tolist(), found.used.tolist()) == ([1, 1], [1, 1])


@pytest.mark.parametrize("shift", [(3, -2), (0, 5), (-4, -4)])
def test_a_shifted_copy_is_laid_back(shift: tuple[int, int]) -> None:
    waves = molecules(1)
    found = consensus([waves, waves.roll(shift, (1, 2))], errors(0.010, 0.011))
    assert difference(found.waves, waves) < 1e-3
    assert float(found.agreement[:, :6].min()) > 0.999


def test_a_twin_is_turned_back() -> None:
    waves = molecules(2)
    twin = decentred(half_turn(centred(waves)))
    assert difference(twin, waves) > 0.5
    found = consensus([waves, twin], errors(0.010, 0.011))
    assert difference(found.waves, waves) < 1e-3


def test_the_best_is_kept_and_a_bad_one_is_not_averaged_in() -> None:
    good, other, bad = molecules(3), molecules(3) * 1.1, molecules(9)
    found = consensus([bad, other, good], errors(0.05, 0.011, 0.010))
    assert torch.equal(found.best, good)
    torch.testing.assert_close(found.waves, 1.05 * good, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found.used, torch.tensor([2 / 3, 2 / 3]))
    torch.testing.assert_close(found.spread, torch.full((2,), (5 + 1.1 + 1) / 3))
    # The bad one counts against the agreement, though.
    assert float(found.agreement[:, 1:5].mean()) < 0.9


def test_each_item_has_its_own_best() -> None:
    first, second = molecules(4), molecules(5)
    found = consensus([first, second], [torch.tensor([0.01, 0.09]), torch.tensor([0.09, 0.01])])
    assert torch.equal(found.best, torch.stack([first[0], second[1]]))
    torch.testing.assert_close(found.waves, found.best, rtol=1e-4, atol=1e-6)
    assert found.error.tolist() == pytest.approx([0.01, 0.01])


def test_just_near_enough_counts_and_just_too_far_does_not() -> None:
    waves = molecules(6)
    for factor, share in ((0.99 * NEAR_BEST, 1.0), (1.01 * NEAR_BEST, 0.5)):
        found = consensus([waves, 2 * waves], errors(0.01, 0.01 * factor))
        assert found.used.tolist() == [share] * 2


def test_restarts_of_nothing_are_nothing_and_finite() -> None:
    nothing = torch.zeros(2, SIDE, SIDE, dtype=torch.complex64)
    found = consensus([nothing, nothing], errors(0.0, 0.0))
    assert not found.waves.any()
    for values in (found.error, found.spread, found.used, found.agreement):
        assert bool(values.isfinite().all())


def test_the_first_start_is_the_guess_itself() -> None:
    guess = molecules(0)
    assert random_starts(guess, moduli_of(3 * guess), [0, 1], 0, 0) is guess


def test_other_starts_have_the_measured_power_and_the_guess_as_their_mean() -> None:
    truth = torch.randn(
        1, SIDE, SIDE, dtype=torch.complex64, generator=torch.Generator().manual_seed(0)
    )
    guess, moduli = 0.5 * truth, moduli_of(truth)
    starts = torch.cat([random_starts(guess, moduli, [0], 0, n) for n in range(1, 201)])
    power = (fft2(starts).abs() ** 2).mean()
    assert float(power) == pytest.approx(float((moduli.modulus**2).mean()), rel=0.01)
    assert difference(starts.mean(0), guess[0]) < 3 * (3 / 200) ** 0.5
    # Beyond what the guess has, nothing is missing where it is as strong as was measured.
    torch.testing.assert_close(random_starts(truth, moduli, [0], 0, 1), truth, rtol=0.02, atol=0.02)


def test_nothing_is_made_up_where_nothing_was_measured() -> None:
    truth = molecules(0, 1)
    known = torch.ones(SIDE, SIDE, dtype=torch.bool)
    known[3:9, 2:7] = False
    started = random_starts(0 * truth, moduli_of(truth, known), [0], 0, 1)
    assert float(fft2(started)[0, ~known].abs().max()) < 1e-6
    moduli = moduli_of(truth)
    untrusted = MeasuredModuli(
        moduli.modulus, moduli.known, moduli.recorded, trust=torch.zeros_like(moduli.modulus)
    )
    assert float(random_starts(0 * truth, untrusted, [0], 0, 1).abs().max()) < 1e-7


@given(seeds, st.integers(0, 10**6), st.integers(1, 63))
@settings(max_examples=10)
def test_a_start_depends_on_seed_item_and_restart_alone(seed: int, item: int, restart: int) -> None:
    truth = molecules(0)
    guess, moduli = 0.3 * truth, moduli_of(truth)
    together = random_starts(guess, moduli, [item, item + 1], seed, restart)
    alone = random_starts(guess[1:], moduli.rows([1]), [item + 1], seed, restart)
    torch.testing.assert_close(together[1:], alone)
    for other in (
        random_starts(guess[1:], moduli.rows([1]), [item + 2], seed, restart),
        random_starts(guess[1:], moduli.rows([1]), [item + 1], seed + 1, restart),
        random_starts(guess[1:], moduli.rows([1]), [item + 1], seed, restart + 1),
    ):
        assert difference(other, alone) > 0.1


def test_an_item_may_have_had_fewer_restarts_than_the_others() -> None:
    """Its missing ones have an infinite error, and count nowhere."""
    good, bad = molecules(3), molecules(9)
    third = torch.stack([torch.zeros_like(bad[0]), bad[1]])
    ends = [errors(0.010)[0], errors(0.011)[0], torch.tensor([torch.inf, 0.1])]
    found = consensus([good, good, third], ends)
    alone = consensus([good[:1], good[:1]], [error[:1] for error in ends[:2]])
    assert found.restarts.tolist() == [2, 3]
    for name in ("waves", "best", "error", "spread", "used", "agreement"):
        torch.testing.assert_close(getattr(found, name)[:1], getattr(alone, name))
    agreement = found.overall_agreement(torch.arange(SIDE // 2))
    assert float(agreement[0]) > float(agreement[1]) + 0.2


def test_the_overall_agreement_weighs_a_ring_by_its_coefficients() -> None:
    waves = molecules(0)
    found = consensus([waves, waves], errors(0.01, 0.01))
    ramp = torch.linspace(0, 1, SIDE // 2).expand(2, -1)
    rings = torch.arange(SIDE // 2)
    expected = float((ramp[0] * rings).sum() / rings.sum())
    told = replace(found, agreement=ramp).overall_agreement(rings)
    assert told.tolist() == pytest.approx([expected] * 2)
