"""Figures that tell a good answer from a bad one without the truth, in bands of resolution."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.fourier import decentred, fft2, resize_centred
from diffragan.grid import Grid
from diffragan.phasing.evidence import BANDS_PER_UNIT, FEATURES, Bands, Evidence, gather
from diffragan.phasing.projections import MeasuredModuli
from diffragan.phasing.restarts import Consensus, consensus
from diffragan.phasing.restraint import ImagePhases
from diffragan.typing import Tensor, Waves

GRID = Grid(48, 60.0)
seeds = st.integers(0, 2**31)


def noise(seed: int, pixels: int = GRID.pixels, items: int = 2) -> Waves:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(items, pixels, pixels, dtype=torch.complex64, generator=generator)


def moduli_of(waves: Waves, known: Tensor | None = None) -> MeasuredModuli:
    everywhere = torch.ones(waves.shape[-2:], dtype=torch.bool)
    return MeasuredModuli(fft2(waves).abs(), everywhere if known is None else known, everywhere)


def phases_of(waves: Waves, snr: float) -> ImagePhases:
    spectrum = fft2(waves)
    unit = torch.polar(torch.ones_like(spectrum.real), spectrum.angle())
    return ImagePhases(unit, torch.full_like(spectrum.real, snr))


def evidence_of(
    answer: Waves, guess: Waves, moduli: MeasuredModuli, grid: Grid = GRID, snr: float = 1.0
) -> Evidence:
    found = consensus([answer] * 2, [torch.full((len(answer),), 0.01)] * 2)
    share = torch.full((len(answer),), 0.1)
    return gather(found, guess, share, moduli, phases_of(guess, snr), grid)


@given(seeds)
@settings(max_examples=20)
def test_a_copy_correlates_with_itself_and_independent_noise_does_not(seed: int) -> None:
    waves, other = fft2(noise(seed)), fft2(noise(seed + 1))
    bands = Bands.of(moduli_of(noise(seed)), GRID)
    copy = bands.correlation(waves, 3 * waves)
    torch.testing.assert_close(copy, torch.ones_like(copy))
    torch.testing.assert_close(bands.correlation(waves, -waves), -copy)
    wide = bands.sum(torch.ones(1, *waves.shape[1:])) > 60
    assert float(bands.correlation(waves, other)[wide.expand(2, -1)].abs().max()) < 0.6


def test_bands_are_as_wide_in_every_box_and_end_where_the_data_do() -> None:
    for box, pixels in ((60.0, 48), (140.0, 112), (33.0, 26)):
        grid = Grid(pixels, box)
        frequency = torch.sqrt(grid.squared_frequencies())
        known = frequency <= 0.3
        bands = Bands.of(moduli_of(noise(0, pixels), known), grid)
        assert bands.count == round(0.3 * BANDS_PER_UNIT) + 1
        assert bands.frequency_per_angstrom[-1] == pytest.approx(0.3)
        middle = bands.frequency_per_angstrom[bands.index[known]]
        assert float((middle - frequency[known]).abs().max()) <= 0.5 / BANDS_PER_UNIT + 1e-6


def test_the_same_waves_in_a_larger_box_give_the_same_evidence() -> None:
    """A box of twice the side samples the same coefficients, and as many between them."""
    axis = torch.arange(48) - 24
    molecule = torch.exp(-(axis[:, None] ** 2 + axis**2) / 60)
    waves = molecule * noise(1)
    guess = 0.7 * waves + 0.3 * molecule * noise(2)
    told = []
    for grid in (GRID, Grid(96, 120.0)):
        here = [decentred(resize_centred(wave, grid.pixels)) for wave in (waves, guess)]
        told.append(evidence_of(here[0], here[1], moduli_of(here[0]), grid))
    small, big = told
    assert small.bands.count == big.bands.count
    inner = slice(3, 24)
    for name in ("agreement with the network", "network's own certainty", "signal of the image"):
        torch.testing.assert_close(
            small.of(name)[:, inner], big.of(name)[:, inner], rtol=0, atol=0.1
        )


@pytest.mark.parametrize("box", [24.0, 41.0, 60.0, 100.0, 200.0])
def test_a_curve_over_rings_is_the_same_curve_over_bands(box: float) -> None:
    """Also where rings lie further apart than bands, as in small boxes."""
    pixels = 2 * round(box / 2)
    grid = Grid(pixels, box)
    bands = Bands.of(moduli_of(noise(0, pixels)), grid)
    frequency = torch.arange(pixels // 2) / box
    curve = (1 - frequency / 0.6)[None].expand(2, -1)
    found = bands.mean_of_rings(curve, grid)
    assert found.shape == (2, bands.count)
    whole = bands.frequency_per_angstrom <= float(frequency[-1]) + 1e-6
    expected = (1 - bands.frequency_per_angstrom / 0.6).float()
    within = 0.5 / BANDS_PER_UNIT / 0.6 + 1e-6
    assert float((found - expected)[:, whole].abs().max()) <= within
    # In the corners no ring is whole; they take over what the last one says.
    last = round(float(frequency[-1]) * BANDS_PER_UNIT)
    assert bool((found[:, last:] == found[:, last : last + 1]).all())


def test_features_say_what_they_are_called() -> None:
    truth = noise(0)
    told = evidence_of(truth, 0.5 * truth, moduli_of(truth), snr=3.0)
    assert told.values.shape == (2, told.bands.count, len(FEATURES))
    for name, value in (
        ("agreement with the network", 1.0),
        ("network's own certainty", 0.5),
        ("trust in the moduli", 1.0),
        ("signal of the image", 0.75**0.5),
        ("energy outside the support", 1.0),
        ("spread of that energy", 0.0),
        ("share of restarts kept", 1.0),
        ("share of the box covered", 0.1),
    ):
        expected = torch.full_like(told.of(name), value)
        torch.testing.assert_close(told.of(name), expected, rtol=1e-3, atol=1e-3)
    assert float(told.of("mean agreement of restarts").min()) > 0.99
    frequency = told.bands.frequency_per_angstrom
    torch.testing.assert_close(told.of("frequency")[0].double(), frequency, rtol=1e-5, atol=1e-7)


def test_one_restart_takes_the_network_s_word_for_another() -> None:
    truth, guess = noise(0), noise(0) + noise(1)
    one = consensus([truth], [torch.full((2,), 0.01)])
    moduli = moduli_of(truth)
    told = gather(one, guess, torch.zeros(2), moduli, phases_of(guess, 1.0), GRID)
    assert torch.equal(told.of("agreement of restarts"), told.of("agreement with the network"))


@pytest.mark.parametrize("trusts", [False, True])
def test_unmeasured_places_and_patterns_of_nothing_leave_every_feature_finite(
    trusts: bool,
) -> None:
    known = torch.ones(48, 48, dtype=torch.bool)
    known[0, 0] = False
    known[5:7] = False
    waves = noise(0)
    for strength in (1.0, 0.0):
        moduli = moduli_of(strength * waves, known)
        if trusts:
            moduli = replace(moduli, trust=torch.rand(2, 48, 48))
        for answer in (waves, 0 * waves):
            for guess in (waves, 0 * waves):
                found = evidence_of(answer, guess, moduli, snr=0.0)
                assert bool(found.values.isfinite().all())


def test_an_error_of_nothing_and_a_huge_spread_stay_in_range() -> None:
    waves = noise(0)
    found = Consensus(
        waves,
        waves,
        error=torch.zeros(2),
        spread=torch.full((2,), 1e30),
        used=torch.ones(2),
        agreement=torch.ones(2, 24),
        restarts=torch.full((2,), 2.0),
    )
    told = gather(found, waves, torch.ones(2), moduli_of(waves), phases_of(waves, 1.0), GRID)
    assert float(told.of("energy outside the support").min()) == pytest.approx(-5)
    assert float(told.of("spread of that energy").max()) == pytest.approx(4)
