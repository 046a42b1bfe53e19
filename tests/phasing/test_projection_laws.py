"""What makes a projection a projection, for any wave on even and odd grids."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from phase_objects import blobs, experiment, observe

from diffragan.fourier import decentred, fft2, ifft2
from diffragan.phasing.projections import (
    MOST_TIMES,
    MeasuredModuli,
    energy_outside,
    inside_support,
    measured_moduli,
    project_modulus,
    project_support,
)
from diffragan.typing import Bool, Tensor, Waves

seeds = st.integers(0, 2**31)
sides = st.sampled_from([8, 9])


def case(seed: int, side: int) -> tuple[Waves, MeasuredModuli, Bool[Tensor, "item y x"]]:
    """Three waves, moduli known at most places of a recorded square, and three supports."""
    generator = torch.Generator().manual_seed(seed)
    wave = torch.randn(3, side, side, dtype=torch.complex128, generator=generator)
    modulus, places, support = torch.rand(3, 3, side, side, generator=generator)
    recorded = places[0] < 0.9
    return (
        wave,
        MeasuredModuli(modulus.double(), recorded & (places[1] < 0.8), recorded),
        support < 0.5,
    )


def distance(first: Waves, second: Waves) -> Tensor:
    return torch.linalg.norm((first - second).flatten(1), dim=1)


@given(seeds, sides)
def test_the_modulus_projection_gives_the_nearest_wave_of_those_moduli(
    seed: int, side: int
) -> None:
    wave, moduli, _ = case(seed, side)
    found = project_modulus(wave, moduli)
    torch.testing.assert_close(project_modulus(found, moduli), found)
    for attempt in range(5):
        other, _, _ = case(seed + attempt + 1, side)
        # The nearer candidates are those whose phases differ a little.
        candidate = project_modulus(found + 0.1 * other, moduli)
        torch.testing.assert_close(
            fft2(candidate).abs()[:, moduli.known], moduli.modulus[:, moduli.known]
        )
        assert (distance(wave, found) <= distance(wave, candidate) + 1e-9).all()


@given(seeds, sides)
def test_the_energy_of_a_modulus_projection_is_that_of_the_pattern(seed: int, side: int) -> None:
    wave, moduli, _ = case(seed, side)
    whole = MeasuredModuli(moduli.modulus, torch.ones_like(moduli.known), moduli.recorded)
    energy = (project_modulus(wave, whole).abs() ** 2).sum((-2, -1))
    torch.testing.assert_close(energy, (moduli.modulus**2).sum((-2, -1)) / side**2)


@given(seeds, sides, st.booleans())
def test_the_support_projection_is_nearest_idempotent_and_brings_waves_closer(
    seed: int, side: int, positive: bool
) -> None:
    wave, _, support = case(seed, side)
    other, _, _ = case(seed + 1, side)
    found, elsewhere = (project_support(w, support, positive) for w in (wave, other))
    assert torch.equal(project_support(found, support, positive), found)
    assert (distance(found, elsewhere) <= distance(wave, other)).all()
    assert (distance(wave, found) <= distance(wave, elsewhere)).all()
    removed = wave - found
    overlap = (removed.conj() * found).real.sum((-2, -1))
    torch.testing.assert_close(overlap, torch.zeros(3, dtype=torch.float64))


@given(seeds, sides, st.booleans(), st.floats(1e-3, 1e3))
def test_the_share_outside_is_a_share_whatever_the_strength(
    seed: int, side: int, positive: bool, strength: float
) -> None:
    wave, _, support = case(seed, side)
    share = energy_outside(wave, support, positive)
    found = project_support(wave, support, positive)
    kept = (found.abs() ** 2).sum((-2, -1)) / (wave.abs() ** 2).sum((-2, -1))
    torch.testing.assert_close(share + kept, torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(energy_outside(strength * wave, support, positive), share)
    meets = inside_support(wave, support, positive)
    assert torch.equal(found[meets], wave[meets])


def test_a_wave_of_nothing_stays_nothing_and_finite() -> None:
    _, moduli, support = case(0, 8)
    nothing = torch.zeros(3, 8, 8, dtype=torch.complex128)
    assert torch.equal(project_modulus(nothing, moduli), nothing)
    assert torch.equal(project_support(nothing, support, True), nothing)
    assert torch.equal(energy_outside(nothing, support, True), torch.zeros(3, dtype=torch.float64))
    dark = MeasuredModuli(torch.zeros_like(moduli.modulus), moduli.known, moduli.recorded)
    spectrum = fft2(project_modulus(case(1, 8)[0], dark))
    assert float(spectrum[:, moduli.known].abs().max()) < 1e-12


@given(seeds, sides)
@settings(max_examples=20)
def test_every_item_is_projected_on_its_own(seed: int, side: int) -> None:
    wave, moduli, _ = case(seed, side)
    pull = ifft2(wave) * 3
    held = MeasuredModuli(moduli.modulus, moduli.known, moduli.recorded, pull)
    for item in (slice(0, 1), slice(2, 3)):
        alone = MeasuredModuli(moduli.modulus[item], moduli.known, moduli.recorded, pull[item])
        torch.testing.assert_close(
            project_modulus(wave[item], alone), project_modulus(wave, held)[item]
        )


@pytest.mark.parametrize("wave_pixels", [64, 96])
def test_measured_moduli_are_those_of_the_true_wave_all_but_the_direct_beam(
    wave_pixels: int,
) -> None:
    setting = experiment(wave_pixels)
    waves, seen = observe(blobs(setting, 0.1), setting, 1.0)
    moduli = measured_moduli(seen)
    true = fft2(decentred(waves)).abs()
    torch.testing.assert_close(
        moduli.modulus[:, moduli.known], true[:, moduli.known], rtol=1e-3, atol=1e-3
    )
    assert int(moduli.recorded.sum()) == setting.diffraction_pixels**2
    assert int((moduli.recorded & ~moduli.known).sum()) == 1
    assert not moduli.known[0, 0]


def trusted(moduli: MeasuredModuli, trust: Tensor) -> MeasuredModuli:
    return MeasuredModuli(
        moduli.modulus, moduli.known, moduli.recorded, moduli.restraint, trust.expand(3, -1, -1)
    )


@given(seeds, sides)
def test_full_trust_is_the_old_projection_and_no_trust_keeps_the_wave(seed: int, side: int) -> None:
    wave, moduli, _ = case(seed, side)
    moduli = replace(moduli, modulus=100 + moduli.modulus)  # beyond what a wave's own is cut to
    ones = torch.ones(side, side, dtype=torch.float64)
    torch.testing.assert_close(
        project_modulus(wave, trusted(moduli, ones)), project_modulus(wave, moduli)
    )
    kept = project_modulus(wave, trusted(moduli, 0 * ones))
    torch.testing.assert_close(fft2(kept), torch.where(moduli.recorded, fft2(wave), 0.0))


@given(seeds, sides)
def test_in_between_a_projection_goes_as_far_as_it_trusts(seed: int, side: int) -> None:
    wave, moduli, _ = case(seed, side)
    moduli = replace(moduli, modulus=100 + moduli.modulus)
    trust = torch.rand(
        side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    found = fft2(project_modulus(wave, trusted(moduli, trust)))
    whole, none = (
        fft2(project_modulus(wave, trusted(moduli, value * torch.ones_like(trust))))
        for value in (1.0, 0.0)
    )
    torch.testing.assert_close(found, trust * whole + (1 - trust) * none)


@given(seeds, sides, st.permutations(range(3)), st.integers(1, 3))
@settings(max_examples=20)
def test_rows_of_moduli_are_moduli_of_rows(
    seed: int, side: int, order: list[int], count: int
) -> None:
    wave, moduli, _ = case(seed, side)
    rows = order[:count]
    pull, trust = 3 * ifft2(wave), moduli.modulus.flip(0)
    for held in (
        moduli,
        MeasuredModuli(moduli.modulus, moduli.known, moduli.recorded, pull, trust),
    ):
        part = held.rows(rows)
        torch.testing.assert_close(
            project_modulus(wave[rows], part), project_modulus(wave, held)[rows]
        )
        again = MeasuredModuli.joined([part.rows([row]) for row in range(count)])
        assert torch.equal(project_modulus(wave[rows], again), project_modulus(wave[rows], part))


@given(seeds, sides)
def test_projecting_leaves_its_wave_and_its_moduli_as_they_were(seed: int, side: int) -> None:
    """The steps reuse memory, which must be their own."""
    wave, moduli, _ = case(seed, side)
    before, modulus = wave.clone(), moduli.modulus.clone()
    first = project_modulus(wave, moduli)
    assert torch.equal(project_modulus(wave, moduli), first)
    assert torch.equal(wave, before)
    assert torch.equal(moduli.modulus, modulus)


def test_what_counts_barely_bind_does_not_grow_beyond_what_is_expected() -> None:
    wave, exact, _ = case(3, 9)
    trust = torch.full_like(exact.modulus, 0.01)
    moduli = MeasuredModuli(exact.modulus, exact.known, exact.recorded, trust=trust)
    spectrum = fft2(project_modulus(1e6 * wave, moduli)).abs()
    most = (MOST_TIMES * 0.99 + 0.01) * exact.modulus
    assert bool((spectrum <= most * (1 + 1e-6))[:, exact.known].all())
    # A small coefficient keeps what is its own.
    small = fft2(project_modulus(1e-6 * wave, moduli)).abs()
    own = 0.99 * fft2(1e-6 * wave).abs() + 0.01 * exact.modulus
    torch.testing.assert_close(small[:, exact.known], own[:, exact.known])
