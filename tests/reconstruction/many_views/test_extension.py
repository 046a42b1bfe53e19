"""Phases extended from 5 Å to the end of the data, and all the files that come of it."""

import json
from pathlib import Path

import pytest
import torch
from made_up_patterns import (
    ATOMS,
    BOX,
    DALTONS_PER_ATOM,
    LIMIT,
    counted,
    grid,
    molecule,
    of_values,
    patterns,
    truth,
)

from diffragan.errors import ConfigError, InputError
from diffragan.io.mrc import read_mrc
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.many_views.agreement import Judge
from diffragan.reconstruction.many_views.control import control
from diffragan.reconstruction.many_views.pipeline import (
    ManyViewsSettings,
    PhasedTogether,
    Starts,
    grid_of,
    merge_halves,
    phase_together,
)
from diffragan.reconstruction.many_views.results import write_results
from diffragan.reconstruction.many_views.settings import ExtensionSettings
from diffragan.reconstruction.many_views.starts import coarse_map
from diffragan.reconstruction.many_views.structure import structure_in
from diffragan.typing import Tensor

MASS_KDA = ATOMS * DALTONS_PER_ATOM / 1e3
EXTENSION = ExtensionSettings(
    stages=3, cycles=3, cycle=15, error_reduction_steps=6, starts=2, likelihood_rounds=6
)
SETTINGS = ManyViewsSettings(extension=EXTENSION)


def _start(seed: int = 5) -> Tensor:
    return coarse_map(truth(seed), grid(), 5.0, noise=0.5, seed=1)


def _fsc(volume: Tensor) -> Tensor:
    return fourier_shell_correlation(volume, truth(), grid())[1]


@pytest.fixture(scope="module")
def result() -> PhasedTogether:
    halves = merge_halves(patterns(), grid(), LIMIT)
    return phase_together(halves, Starts.shared(_start()), MASS_KDA, SETTINGS)


def test_phases_reach_the_end_of_the_data(result: PhasedTogether) -> None:
    last, reached = int(LIMIT * BOX), int(BOX / 5)
    before, after = _fsc(_start()), _fsc(result.full.volume)
    assert before[reached + 2 : last].abs().max() < 0.1
    assert after[2:last].min() > 0.3
    assert after[2:last].mean() > 0.7


def test_free_reflections_are_foretold(result: PhasedTogether) -> None:
    run = result.full.runs[0]
    chosen = run.records[run.chosen].r_factors
    assert chosen.work < chosen.free < 0.35
    assert chosen.free_gain > 0.1


def test_the_files(result: PhasedTogether, tmp_path: Path) -> None:
    agreement = write_results(result, tmp_path, torch.fft.fftshift(truth()))
    assert agreement.fsc_truth is not None
    volume, pixel, _ = read_mrc(tmp_path / "map.mrc")
    assert volume.shape == (grid().pixels,) * 3
    assert pixel == pytest.approx(grid().pixel_angstrom, rel=1e-5)
    prtf = json.loads((tmp_path / "prtf.json").read_text())
    assert len(prtf["prtf"]) == len(prtf["frequency_per_angstrom"])
    assert prtf["prtf"][4] > 0.9
    factors = json.loads((tmp_path / "r_factors.json").read_text())
    assert [len(factors[name]) for name in ("map", "half1", "half2")] == [2, 2, 2]
    assert factors["structure"]["found"]
    assert factors["structure"]["r_free"] < 0.8 * factors["structure"]["r_free_by_chance"]
    assert factors["map"][0]["cycles"][-1]["r_free"] < 0.5


def test_the_same_again(result: PhasedTogether) -> None:
    once = SETTINGS.model_copy(
        update={"extension": EXTENSION.model_copy(update={"stages": 1, "cycles": 1, "starts": 1})}
    )
    halves = merge_halves(patterns(), grid(), LIMIT)
    first, second = (
        phase_together(halves, Starts.shared(_start()), MASS_KDA, once) for _ in range(2)
    )
    assert torch.equal(first.full.volume, second.full.volume)
    assert result.merged.views == 40


def test_another_molecule_fails_clearly(result: PhasedTogether) -> None:
    volume = MASS_KDA * 1e3 * 1.21
    right = control(_start(), result.merged, result.free, volume, EXTENSION)
    wrong = control(_start(8), result.merged, result.free, volume, EXTENSION)
    assert right.fits
    assert not wrong.fits
    assert wrong.alike < right.alike / 2


def test_counts_of_noise_give_no_structure() -> None:
    some = counted(1e3, 20)
    noise = torch.poisson(torch.full((20, len(some.pixels.points)), 2.0))
    halves = merge_halves(of_values(noise, some, counted=True), grid(), LIMIT)
    told = phase_together(halves, Starts.shared(_start()), MASS_KDA, SETTINGS)
    verdict = structure_in(told.full.volume, Judge(told.merged, told.free))
    assert not verdict.found
    assert verdict.r_free > 0.9 * verdict.r_free_by_chance
    assert _fsc(told.full.volume)[int(BOX / 4) : int(LIMIT * BOX)].abs().mean() < 0.3


def test_what_cannot_be_phased() -> None:
    halves = merge_halves(patterns(4), grid(), LIMIT)
    small = torch.zeros(8, 8, 8)
    with pytest.raises(InputError, match="resample it"):
        phase_together(halves, Starts.shared(small), MASS_KDA, SETTINGS)
    with pytest.raises(ConfigError, match="mass"):
        phase_together(halves, Starts.shared(_start()), 0.0, SETTINGS)
    with pytest.raises(InputError, match="cannot be merged"):
        grid_of(BOX, 30.0, LIMIT)
    assert molecule().positions.shape[1] == 3
