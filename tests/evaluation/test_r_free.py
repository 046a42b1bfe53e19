from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.cli.main import run
from diffragan.errors import InputError
from diffragan.evaluation.metrics import r_factor
from diffragan.evaluation.protocol import evaluate
from diffragan.evaluation.r_free import free_set_of, r_factors
from diffragan.evaluation.wrong_diffraction import phaser_of
from diffragan.fourier import centred, decentred, fourier, inverse_fourier, resize_centred
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.free_set import FreeSet, WithholdingPhaser
from diffragan.physics.forward import diffraction_pattern, measured_region

SIDE = 41
seeds = st.integers(0, 10_000)
few = settings(max_examples=20)


def waves(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.05 * torch.randn(2, 48, 48, generator=generator, dtype=torch.complex64)


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


@pytest.fixture(scope="module")
def withheld(villin_data: Path, tmp_path_factory: pytest.TempPathFactory) -> PhasedStore:
    out = tmp_path_factory.mktemp("free") / "er.zarr"
    options = ["--method", "er", "--iterations", "120", "--views", "2", "--device", "cpu"]
    assert (
        run(["phase", str(villin_data), "--out", str(out), *options, "--free-fraction", "0.1"]) == 0
    )
    return PhasedStore(out)


def test_the_command_keeps_pixels_out_and_says_which(
    data: TripletStore, withheld: PhasedStore
) -> None:
    free = free_set_of(withheld)
    assert free == FreeSet(0.1, 0)
    waves = torch.from_numpy(withheld.read("wave"))
    patterns = torch.from_numpy(data.patterns([0, 1]))
    measured = torch.from_numpy(data.read("measured"))
    found = r_factors(waves, patterns, measured, free.mask(measured))
    assert (found.free > 2 * found.work).all()


def test_controls_keep_the_same_pixels_out(
    withheld: PhasedStore, low_resolution: PhasedStore
) -> None:
    phaser = phaser_of(withheld)
    assert isinstance(phaser, WithholdingPhaser)
    assert phaser.free == FreeSet(0.1, 0)
    assert free_set_of(low_resolution) is None
    assert not isinstance(phaser_of(low_resolution), WithholdingPhaser)


def test_r_free_is_in_the_metrics_of_a_method_that_was_not_shown_all(
    data: TripletStore, withheld: PhasedStore, low_resolution: PhasedStore, tmp_path: Path
) -> None:
    stores = [withheld, low_resolution]
    metrics = evaluate(data, stores, tmp_path, control_views=0, protocol="paper")
    scores = metrics["methods"]["er"]
    assert scores["free_fraction"] == 0.1
    assert scores["r_free"] > 2 * scores["r_factor"]
    assert len(scores["r_free_per_view"]) == 2
    assert metrics["methods"]["low-resolution"]["r_free"] is None
    assert "free_fraction" not in metrics["methods"]["low-resolution"]
