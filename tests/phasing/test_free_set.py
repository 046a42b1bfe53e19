from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.cli.main import run
from diffragan.errors import ConfigError
from diffragan.io.triplets import TripletStore
from diffragan.phasing.free_set import FreeSet, WithholdingPhaser, recorded_free_set
from diffragan.phasing.protocol import read_observations
from diffragan.phasing.registry import make_phaser
from diffragan.physics.forward import measured_region

seeds = st.integers(0, 10_000)
few = settings(max_examples=20)


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


def test_a_free_set_is_read_as_it_was_recorded() -> None:
    free = FreeSet(0.05, 7)
    assert recorded_free_set(free.recorded) == free
    assert recorded_free_set({"settings": {}}) is None


@pytest.mark.parametrize("method", ["er", "hio", "low-resolution"])
def test_no_method_can_tell_what_the_free_pixels_held(method: str, villin_data: Path) -> None:
    observed = read_observations(TripletStore(villin_data), [0])
    free = FreeSet(0.1)
    iterations = {} if method == "low-resolution" else {"iterations": 50}
    phaser = WithholdingPhaser(make_phaser(method, iterations), free)
    noise = torch.rand(observed.diffraction.shape, generator=torch.Generator().manual_seed(0))
    other = torch.where(free.mask(observed.measured), noise, observed.diffraction)
    given_other = phaser.phase(replace(observed, diffraction=other))
    assert torch.equal(phaser.phase(observed).waves, given_other.waves)


@pytest.mark.parametrize("fraction", [0, -0.1, 0.6, float("nan")])
def test_a_free_fraction_out_of_range_is_refused(
    fraction: float, villin_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match="free fraction"):
        FreeSet(fraction)
    options = ["--device", "cpu", f"--free-fraction={fraction}"]
    assert run(["phase", str(villin_data), "--out", str(tmp_path / "new.zarr"), *options]) == 2
    assert "the free fraction is" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
