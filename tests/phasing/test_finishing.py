"""Waves that converged are finished; others are left to what reduced their error."""

from dataclasses import replace

import pytest
import torch

from diffragan.fourier import fft2, ifft2
from diffragan.phasing.algorithms import hybrid_input_output
from diffragan.phasing.finishing import Ending, finish
from diffragan.phasing.projections import MeasuredModuli, energy_outside
from diffragan.rings import ring_correlation, ring_index
from diffragan.typing import Bool, Float, Tensor, Waves

SIDE, MEASURED = 64, 23
"""Pixels of the wave, and half the side of the measured square."""
ENDING = Ending(
    starts=1, iterations=300, corner_gain=1.0, error_reduction_steps=5, seed=1,
    step=hybrid_input_output, beta=0.6, positive=True,
)  # fmt: skip


def truth_and_support() -> tuple[Waves, Bool[Tensor, "item y x"]]:
    """Positive phases of a few atoms inside a disc, whose wave reaches beyond the square."""
    random = torch.Generator().manual_seed(3)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    phase = torch.zeros(SIDE, SIDE)
    for _ in range(60):
        radius, turn = 12 * torch.rand(1, generator=random).sqrt(), torch.rand(1, generator=random)
        centre = 32 + radius * torch.cos(6.28 * turn), 32 + radius * torch.sin(6.28 * turn)
        phase += 0.2 * torch.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / 1.6)
    support = (y - 32) ** 2 + (x - 32) ** 2 < 16**2
    return torch.complex(torch.zeros_like(phase), phase)[None], support[None]


def moduli_of(wave: Waves) -> MeasuredModuli:
    frequency = torch.fft.fftfreq(SIDE, 1 / SIDE).abs()
    known = (frequency[:, None] <= MEASURED) & (frequency <= MEASURED)
    known[0, 0] = False
    return MeasuredModuli(fft2(wave).abs(), known, torch.ones_like(known))


def corners(known: Bool[Tensor, "y x"]) -> Bool[Tensor, "y x"]:
    return known & (ring_index((SIDE, SIDE), known.device) > MEASURED)


def with_wrong_corners(wave: Waves, known: Bool[Tensor, "y x"]) -> Waves:
    angle = 6.28 * torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(5))
    turned = fft2(wave) * torch.polar(torch.ones_like(angle), angle)
    return ifft2(torch.where(corners(known), turned, fft2(wave)))


def right(found: Waves, true: Waves, known: Bool[Tensor, "y x"]) -> Float[Tensor, " item"]:
    first, second = (torch.where(corners(known), fft2(wave), 0) for wave in (found, true))
    everything = torch.zeros(SIDE, SIDE, dtype=torch.long)
    return ring_correlation(first, second, everything, 1)[:, 0]


@pytest.mark.parametrize("corner_gain", [1.0, 1.3])
def test_phases_in_the_corners_are_found(corner_gain: float) -> None:
    true, support = truth_and_support()
    moduli = moduli_of(true)
    wrong = with_wrong_corners(true, moduli.known)
    reduced = finish(wrong, moduli, support, replace(ENDING, iterations=0), [0])
    finished = finish(wrong, moduli, support, replace(ENDING, corner_gain=corner_gain), [0])
    assert right(finished, true, moduli.known) > 0.9
    assert right(finished, true, moduli.known) > right(reduced, true, moduli.known) + 0.1
    after, before = (energy_outside(wave, support, True) for wave in (finished, reduced))
    assert after < 0.1 * before


def test_a_wave_that_did_not_converge_has_its_error_reduced_and_no_more() -> None:
    true, support = truth_and_support()
    moduli = moduli_of(true)
    noise = torch.randn(1, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    start = true * (1 + noise)
    reduced = finish(start, moduli, support, replace(ENDING, iterations=0), [0])
    assert torch.equal(finish(start, moduli, support, ENDING, [0]), reduced)


@pytest.mark.parametrize("starts", [1, 3])
def test_it_depends_on_the_number_of_an_item_and_not_on_its_company(starts: int) -> None:
    true, support = truth_and_support()
    moduli = moduli_of(true)
    wrong = with_wrong_corners(true, moduli.known)
    ending = replace(ENDING, starts=starts, iterations=20)
    alone = finish(wrong, moduli, support, ending, [7])
    pair = MeasuredModuli.joined([moduli, moduli])
    both = finish(wrong.repeat(2, 1, 1), pair, support.repeat(2, 1, 1), ending, [4, 7])
    torch.testing.assert_close(both[1:], alone, rtol=1e-4, atol=1e-5)
    assert torch.equal(both[0], both[1]) is (starts == 1)


def test_what_is_finished_breaks_its_support_no_more_than_before() -> None:
    true, support = truth_and_support()
    moduli = moduli_of(true)
    reduced = finish(true, moduli, support, replace(ENDING, iterations=0), [0])
    finished = finish(true, moduli, support, replace(ENDING, iterations=3, starts=3), [0])
    assert energy_outside(finished, support, True) <= energy_outside(reduced, support, True)
