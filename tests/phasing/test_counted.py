"""Counts and what they say of moduli: French and Wilson's integrals, in numbers and closed form."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from phase_objects import blobs, experiment, observe
from scipy.integrate import quad
from scipy.stats import gamma

from diffragan.config.experiment import Experiment
from diffragan.fourier import decentred, fft2
from diffragan.phasing.counted import expected_modulus
from diffragan.phasing.projections import MeasuredModuli, measured_moduli
from diffragan.phasing.protocol import Observations
from diffragan.physics.illumination import beam_area_angstrom2, probe_pattern
from diffragan.rings import ring_index
from diffragan.typing import Mask, Patterns, Tensor, Waves

SIDE = 15
EVERYWHERE = torch.ones(SIDE, SIDE, dtype=torch.bool)
seeds = st.integers(0, 2**31)


def even_pattern(count: float) -> Patterns:
    """The same count everywhere: every ring's mean is that count."""
    return torch.full((1, SIDE, SIDE), count, dtype=torch.float64)


def random_pattern(seed: int, mean: float) -> Patterns:
    counts = np.random.default_rng(seed).poisson(mean, (2, SIDE, SIDE))
    return torch.from_numpy(counts).double()


@given(st.integers(0, 400))
@settings(max_examples=40)
def test_the_modulus_is_the_mean_over_all_intensities_that_the_count_allows(count: int) -> None:
    """Poisson's law times Wilson's, normalised: Gamma(n + 1) of scale S / (S + 1), integrated."""
    posterior = gamma(count + 1, scale=count / (count + 1) if count else 1e-6 / (1e-6 + 1))
    low, high = posterior.ppf([1e-12, 1 - 1e-12])
    naive, _ = quad(lambda i: np.sqrt(i) * posterior.pdf(i), low, high, limit=200)
    modulus, trust = expected_modulus(even_pattern(count), EVERYWHERE)
    assert modulus.flatten().tolist() == pytest.approx([naive] * SIDE**2, rel=1e-5)
    known = naive**2 / posterior.mean()
    expected = (known - np.pi / 4) / (1 - np.pi / 4)
    assert trust.flatten().tolist() == pytest.approx([expected] * SIDE**2, abs=1e-5)


def test_many_electrons_are_their_square_root_and_exact() -> None:
    modulus, trust = expected_modulus(even_pattern(1e7), EVERYWHERE)
    assert float(modulus.mean()) == pytest.approx(1e7**0.5, rel=1e-6)
    assert float(trust.min()) == pytest.approx(1, abs=1e-5)


def test_the_float_of_a_real_pattern_is_enough_for_a_million_electrons() -> None:
    for count in (1e2, 1e4, 1e6):
        exact, trust = expected_modulus(even_pattern(count), EVERYWHERE)
        found, told = expected_modulus(even_pattern(count).float(), EVERYWHERE)
        torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=0)
        torch.testing.assert_close(told.double(), trust, rtol=0, atol=1e-4)


def test_a_ring_without_an_electron_tells_nothing() -> None:
    counts = random_pattern(0, 50.0)
    axis = torch.arange(SIDE) - SIDE // 2
    outside = axis[:, None] ** 2 + axis[None, :] ** 2 > 6**2
    modulus, trust = expected_modulus(torch.where(outside, 0.0, counts), EVERYWHERE)
    # The ring that the edge cuts through has electrons on its inner side.
    empty = axis[:, None] ** 2 + axis[None, :] ** 2 > 7**2
    assert float(modulus[:, empty].max()) < 1e-2
    assert float(trust[:, empty].max()) < 1e-12
    assert float(trust[:, ~outside].min()) > 0.5


def test_a_lone_zero_among_many_electrons_is_small_and_not_trusted() -> None:
    counts = even_pattern(100.0)
    counts[0, 3, 4] = 0
    modulus, trust = expected_modulus(counts, EVERYWHERE)
    assert 0.7 < float(modulus[0, 3, 4]) < 1  # sqrt(pi) / 2 of an electron
    assert float(trust[0, 3, 4]) < 1e-6


@given(seeds, st.floats(0.01, 100.0))
@settings(max_examples=30)
def test_nothing_comes_of_unmeasured_places_and_nothing_goes_from_them(
    seed: int, mean: float
) -> None:
    counts = random_pattern(seed, mean)
    measured: Mask = torch.from_numpy(np.random.default_rng(seed + 1).random((SIDE, SIDE)) < 0.7)
    garbage = torch.where(measured, counts, 1e6)
    found = expected_modulus(garbage, measured)
    for values, without in zip(found, expected_modulus(counts, measured), strict=True):
        assert torch.equal(values, without)
        assert float(values[:, ~measured].abs().sum()) == 0
        assert bool(values.isfinite().all())


@given(st.lists(st.integers(0, 2000), min_size=2, max_size=10, unique=True), st.floats(0.1, 1e3))
@settings(max_examples=30)
def test_more_electrons_are_a_larger_modulus_of_more_trust(counts: list[int], mean: float) -> None:
    """In rings of one mean."""
    ordered = torch.tensor(sorted(counts), dtype=torch.float64)
    ring = torch.full((len(counts), SIDE, SIDE), mean, dtype=torch.float64)
    ring[:, 0, 0] = ordered
    # The corner's ring is itself and its three sisters, which balance it.
    for y, x in ((0, SIDE - 1), (SIDE - 1, 0), (SIDE - 1, SIDE - 1)):
        ring[:, y, x] = (4 * 2001 - ordered) / 3
    modulus, trust = expected_modulus(ring, EVERYWHERE)
    assert bool((modulus[1:, 0, 0] > modulus[:-1, 0, 0]).all())
    assert bool((trust[1:, 0, 0] >= trust[:-1, 0, 0]).all())


@given(seeds, st.floats(0.05, 200.0))
@settings(max_examples=20)
def test_trust_is_a_share_and_the_power_of_a_ring_is_kept(seed: int, mean: float) -> None:
    """Over a whole pattern, E[I] = (n + 1) S / (S + 1) adds up to the electrons counted."""
    modulus, trust = expected_modulus(random_pattern(seed, mean), EVERYWHERE)
    assert 0 <= float(trust.min()) <= float(trust.max()) <= 1
    power = modulus**2 / (1 - (1 - torch.pi / 4) * (1 - trust))
    counted = random_pattern(seed, mean).sum((1, 2))
    torch.testing.assert_close(power.sum((1, 2)), counted, rtol=1e-3, atol=0.1)


def counted(
    exposure: float | None, probe: float | None = None, peak: float = 0.3
) -> tuple[Waves, Observations]:
    """Phase objects in a beam, their patterns counted at an exposure."""
    plain = experiment()
    beam = {"probe_diameter_angstrom": probe}
    setting = Experiment.model_validate(
        {**plain.model_dump(), "beam": beam, "detector": {"exposure_e_per_a2": exposure}}
    )
    waves, seen = observe(blobs(setting, peak), setting, 1.0)
    pattern = probe_pattern(waves, setting.wave_grid, setting.beam, setting.diffraction_pixels)
    if exposure is not None:
        incident = exposure * beam_area_angstrom2(setting.beam, setting.wave_grid)
        counts = np.random.default_rng(0).poisson(pattern.double().numpy() * incident)
        pattern = torch.from_numpy(counts / incident).float()
    return waves, replace(seen, diffraction=torch.where(seen.measured, pattern, 0.0))


def beside_the_spot(moduli: MeasuredModuli) -> Mask:
    """Measured places that the far field of a probe with an edge of 5 Å does not reach."""
    rings = ring_index(tuple(moduli.known.shape))
    return moduli.known & (rings > 6)


def misfit(moduli: MeasuredModuli, waves: Waves) -> float:
    places = beside_the_spot(moduli)
    true, found = fft2(decentred(waves)).abs()[:, places], moduli.modulus[:, places]
    return float(torch.linalg.norm(found - true) / torch.linalg.norm(true))


def weight(moduli: MeasuredModuli) -> Tensor:
    """Mean trust of the measured moduli, each as heavy as its power."""
    assert moduli.trust is not None
    power = moduli.modulus**2 * beside_the_spot(moduli)
    return (moduli.trust * power).sum() / power.sum()


@pytest.mark.parametrize("probe", [None, 70.0])
def test_counted_moduli_become_those_without_noise_as_the_exposure_rises(
    probe: float | None,
) -> None:
    errors, trusts = [], []
    for exposure in (1e1, 1e3, 1e5, 1e9):
        waves, seen = counted(exposure, probe)
        moduli = measured_moduli(seen)
        errors.append(misfit(moduli, waves))
        trusts.append(float(weight(moduli)))
    assert errors == sorted(errors, reverse=True)
    assert trusts == sorted(trusts)
    assert errors[-1] < 0.01
    assert trusts[-1] > 0.99
    assert trusts[0] < 0.9


@pytest.mark.parametrize("exposure", [None, 1e7])
def test_moduli_in_a_probe_are_those_in_a_plane_wave(exposure: float | None) -> None:
    """A pattern is a fraction of all electrons, of which a wide probe sends most past the box."""
    plane, probe = (measured_moduli(counted(exposure, width)[1]) for width in (None, 70.0))
    places = beside_the_spot(plane)
    first, second = (moduli.modulus[:, places] for moduli in (plane, probe))
    assert float(torch.linalg.norm(first - second) / torch.linalg.norm(first)) < 0.02


def test_another_grid_of_the_box_has_the_same_waves() -> None:
    """Moduli on 96 pixels are (96 / 64)^2 times those on 64, for the transform has no factor."""
    _, seen = counted(1e4)
    coarse, fine = measured_moduli(seen), measured_moduli(seen, 96)
    assert coarse.trust is not None
    assert fine.trust is not None
    torch.testing.assert_close(fine.modulus[:, :20, :20], 2.25 * coarse.modulus[:, :20, :20])
    assert torch.equal(fine.trust[:, :20, :20], coarse.trust[:, :20, :20])
    assert torch.equal(fine.known[:20, :20], coarse.known[:20, :20])


@pytest.mark.parametrize("count", [0, 3, 40])
def test_a_background_is_told_from_the_molecule(count: int) -> None:
    """Poisson's law of intensity and background, times Wilson's, integrated."""
    behind = 5.0
    counts = even_pattern(count)
    modulus, trust = expected_modulus(counts, EVERYWHERE, torch.full_like(counts, behind))
    power = max(count - behind, 1e-6)

    def density(intensity: float) -> float:
        total = intensity + behind
        return float(np.exp(count * np.log(total / (count + behind)) - intensity * (1 + 1 / power)))

    high = 10 * (count + 10) if power > 1 else 20 * power
    whole, mean, square = (
        quad(lambda i, p=p: i**p * density(i), 0, high, limit=400)[0] for p in (0, 0.5, 1)
    )
    assert modulus.flatten().tolist() == pytest.approx([mean / whole] * SIDE**2, rel=0.02)
    known = (mean**2 / whole / square - np.pi / 4) / (1 - np.pi / 4)
    assert float(trust.mean()) == pytest.approx(max(known, 0), abs=0.01)


def test_no_background_is_the_same_as_one_of_zero() -> None:
    counts = random_pattern(3, 6.0)
    without, trust = expected_modulus(counts, EVERYWHERE)
    zero, its_trust = expected_modulus(counts, EVERYWHERE, torch.zeros_like(counts))
    assert torch.allclose(zero, without, rtol=2e-3)
    assert torch.allclose(its_trust, trust, atol=0.01)
