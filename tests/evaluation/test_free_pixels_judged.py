"""R-free is told for results that kept pixels out of phasing, and for no others."""

from pathlib import Path

import pytest

from diffragan.evaluation.protocol import evaluate
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.dataset import phase_dataset
from diffragan.phasing.free_set import FreeSet, WithholdingPhaser
from diffragan.phasing.registry import make_phaser, recorded_settings


def test_r_free_is_told_where_pixels_were_kept_out(
    tiny: TripletStore, tiny_er: PhasedStore, tmp_path: Path
) -> None:
    settings, free = {"iterations": 20}, FreeSet(0.1)
    phaser = make_phaser("er", settings)
    store = phase_dataset(
        tiny,
        WithholdingPhaser(phaser, free),
        tmp_path / "free.zarr",
        method="er",
        settings={**recorded_settings(phaser, settings, None), **free.recorded},
        items=[1, 6],
    )
    metrics = evaluate(tiny, [PhasedStore(store), tiny_er], tmp_path / "out", 0, protocol="paper")
    methods = metrics["methods"]
    # Measured moduli are taken over, so only what was not shown tells how wrong a wave is.
    assert methods["free"]["r_factor"] < 0.1 < methods["free"]["r_free"] < 1.5
    assert methods["er"]["r_free"] is None
    assert metrics["controls"]["true_moduli_random_phases"]["r_free"] is None
    assert methods["free"]["r_factor_mean"] == pytest.approx(methods["free"]["r_factor"])
