"""A broken step, loop, checkpoint or phaser cannot learn four views by heart."""

from pathlib import Path

import pytest
import torch

from diffragan.cli.main import run as command
from diffragan.config.load import load_experiment
from diffragan.fourier import fourier
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.low_resolution import LowResolutionPhaser
from diffragan.phasing.protocol import read_observations
from diffragan.rings import ring_correlation, ring_index
from diffragan.simulation.dataset import simulate_dataset
from diffragan.structures.prepared import PreparedStructure
from diffragan.typing import Float, Tensor

TO_FOUR_ANGSTROM = slice(1, 18)
"""Rings of a 70 Å box, from 70 to 4.1 Å."""
CONFIG = """
kind: training
preset: paper-small
generator: {pixels: 40, width: 24, depth: 3}  # to 3.5 Å
learning_rate: 0.004
augment: false
steps: 500
validate_every: 500
"""


def frc(images: Tensor, truth: Tensor) -> Float[Tensor, "item ring"]:
    rings = ring_index((truth.shape[-1], truth.shape[-1]))
    found = ring_correlation(fourier(images - 1), fourier(truth - 1), rings, truth.shape[-1] // 2)
    return found[:, TO_FOUR_ANGSTROM]


@pytest.mark.slow
def test_four_views_are_overfitted_to_four_angstrom(
    villin: PreparedStructure, tmp_path: Path
) -> None:
    data, out, phased = (tmp_path / name for name in ("four.zarr", "run", "phased.zarr"))
    experiment = load_experiment("quick", overrides={"orientations": 4})
    simulate_dataset([villin], experiment, seed=0, out=data, workers=1)
    config = tmp_path / "four.yaml"
    config.write_text(CONFIG)
    learned = ["--config", str(config), "--validation", str(data), "--device", "cpu"]
    assert command(["train", str(data), *learned, "--out", str(out)]) == 0
    network = ["--method", "cgan", "--weights", str(out), "--device", "cpu"]
    assert command(["phase", str(data), *network, "--out", str(phased)]) == 0

    store = TripletStore(data)
    truth = torch.from_numpy(store.read("high_resolution"))
    floor = LowResolutionPhaser().phase(read_observations(store, range(4))).images
    drawn = frc(torch.from_numpy(PhasedStore(phased).read("image")), truth)
    assert frc(floor, truth)[:, 6:].mean() < 0.5  # there is something to learn, beyond 10 Å
    assert drawn.mean(0).min() > 0.9  # in every ring
    assert drawn.mean(1).min() > 0.9  # in every view
