"""One step of each algorithm: its formula written out, its fixed points and its symmetries."""

import cmath

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.fourier import fft2
from diffragan.phasing.algorithms import STEPS
from diffragan.phasing.iterative import IterativeSettings, iterate
from diffragan.phasing.projections import MeasuredModuli
from diffragan.typing import Bool, Tensor, Waves

seeds = st.integers(0, 2**31)
betas = st.floats(0.05, 1.0)
sides = st.sampled_from([4, 5])
names = st.sampled_from(sorted(STEPS))
Case = tuple[Waves, Waves, MeasuredModuli, Bool[Tensor, "item y x"]]


def case(seed: int, side: int) -> Case:
    """A random wave; a positive object, its moduli and its support."""
    generator = torch.Generator().manual_seed(seed)
    support = torch.rand(2, side, side, generator=generator) < 0.6
    draw = torch.rand(2, 2, side, side, generator=generator, dtype=torch.float64)
    truth = torch.complex(draw[0] - 0.5, draw[1] + 0.01) * support
    known = torch.ones(side, side, dtype=torch.bool)
    wave = torch.randn(2, side, side, dtype=torch.complex128, generator=generator)
    return wave, truth, MeasuredModuli(fft2(truth).abs(), known, known), support


def naive_modulus(wave: Waves, modulus: Tensor) -> list[list[complex]]:
    """Sums over every pixel instead of fast transforms."""
    n = len(wave)
    places = [(y, x) for y in range(n) for x in range(n)]

    def turn(a: tuple[int, int], b: tuple[int, int], sign: int) -> complex:
        return cmath.exp(sign * 2j * cmath.pi * (a[0] * b[0] + a[1] * b[1]) / n)

    value = {p: complex(wave[p]) for p in places}
    spectrum = {q: sum(value[p] * turn(p, q, -1) for p in places) for q in places}
    kept = {q: float(modulus[q]) * s / abs(s) for q, s in spectrum.items()}
    return [
        [sum(kept[q] * turn((y, x), q, 1) for q in places) / n**2 for x in range(n)]
        for y in range(n)
    ]


def naive_step(
    name: str, wave: Waves, modulus: Tensor, support: Tensor, positive: bool, beta: float
) -> Waves:
    """The rule of each paper for one pixel after another."""
    projected = naive_modulus(wave, modulus)
    made = torch.zeros_like(wave)

    def admitted(value: complex, inside: bool) -> complex:
        if not inside:
            return 0
        return complex(value.real, max(value.imag, 0)) if positive else value

    for y, row in enumerate(projected):
        for x, p in enumerate(row):
            before, inside = complex(wave[y, x]), bool(support[y, x])
            if name == "er":
                after = admitted(p, inside)
            elif name == "hio":
                meets = inside and (p.imag > 0 or not positive)
                after = p if meets else before - beta * p
            else:
                mirrored = 2 * p - before
                averaged = (2 * admitted(mirrored, inside) - mirrored + before) / 2
                after = beta * averaged + (1 - beta) * p
            made[y, x] = after
    return made


@given(names, seeds, sides, st.booleans(), betas | st.just(1.0))
@settings(max_examples=40)
def test_a_step_is_its_formula(
    name: str, seed: int, side: int, positive: bool, beta: float
) -> None:
    wave, _, moduli, support = case(seed, side)
    made = STEPS[name](wave, moduli, support, positive, beta)
    expected = naive_step(name, wave[1], moduli.modulus[1], support[1], positive, beta)
    torch.testing.assert_close(made[1], expected)


@given(names, seeds, sides, st.booleans(), betas)
def test_a_solution_stays_where_it_is(
    name: str, seed: int, side: int, positive: bool, beta: float
) -> None:
    _, truth, moduli, support = case(seed, side)
    made = STEPS[name](truth, moduli, support, positive, beta)
    torch.testing.assert_close(made, truth)


@given(names, seeds, sides, betas, st.floats(1e-3, 1e3))
def test_a_brighter_pattern_and_wave_only_make_a_brighter_wave(
    name: str, seed: int, side: int, beta: float, strength: float
) -> None:
    wave, _, moduli, support = case(seed, side)
    brighter = MeasuredModuli(strength * moduli.modulus, moduli.known, moduli.recorded)
    made = STEPS[name](strength * wave, brighter, support, True, beta)
    torch.testing.assert_close(made / strength, STEPS[name](wave, moduli, support, True, beta))


@given(names, seeds, sides, betas, st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_a_moved_wave_in_a_moved_support_is_moved(
    name: str, seed: int, side: int, beta: float, by: tuple[int, int]
) -> None:
    """No modulus knows where the molecule is."""
    wave, _, moduli, support = case(seed, side)
    there = STEPS[name](wave.roll(by, (1, 2)), moduli, support.roll(by, (1, 2)), True, beta)
    here = STEPS[name](wave, moduli, support, True, beta)
    torch.testing.assert_close(there, here.roll(by, (1, 2)))


@pytest.mark.parametrize("name", sorted(STEPS))
def test_iterations_that_start_at_the_solution_return_it(name: str) -> None:
    _, truth, moduli, support = case(3, 16)
    settings = IterativeSettings(algorithm=name, iterations=30, cycle=10)
    found, error = iterate(truth, moduli, support, settings)
    torch.testing.assert_close(found, truth)
    assert float(error.max()) < 1e-20


def test_iterations_of_one_item_do_not_see_the_others() -> None:
    """Each keeps its own best iterate, though their errors differ."""
    wave, _, moduli, support = case(5, 16)
    settings = IterativeSettings(iterations=60, cycle=7, error_reduction_steps=2)
    together, errors = iterate(wave, moduli, support, settings)
    for item in (slice(0, 1), slice(1, 2)):
        own = MeasuredModuli(moduli.modulus[item], moduli.known, moduli.recorded)
        alone, error = iterate(wave[item], own, support[item], settings)
        torch.testing.assert_close(alone, together[item], rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(error, errors[item], rtol=1e-6, atol=1e-12)
