"""Several draws of a learned phaser: their mean and spread, and nothing random without asking."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.cli.main import run as command
from diffragan.config.networks import GeneratorSettings
from diffragan.config.training import TrainingSettings
from diffragan.errors import ConfigError, InputError
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.learned import ConditionalGanPhaser, sample_keys, wave_from_image
from diffragan.phasing.protocol import read_observations
from diffragan.phasing.registry import make_phaser, recorded_settings
from diffragan.phasing.samples import RunningSpread, SampleSettings
from diffragan.training.loop import train


def trained(data: Path, run: Path, dropout: float) -> Path:
    settings = TrainingSettings(
        generator=GeneratorSettings(pixels=32, width=4, depth=3, dropout=dropout), steps=2, batch=2
    )
    return train(data, settings, run).run


@pytest.fixture(scope="module")
def run(villin_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(villin_data, tmp_path_factory.mktemp("samples") / "run", 0.5)


def phaser(run: Path, samples: int = 4, seed: int = 0) -> ConditionalGanPhaser:
    return ConditionalGanPhaser(run, sampling=SampleSettings(samples=samples, seed=seed))


@given(st.integers(2, 9), st.booleans(), st.integers(0, 2**31))
def test_the_running_spread_is_that_of_all_draws_together(
    count: int, is_complex: bool, seed: int
) -> None:
    kind = torch.complex128 if is_complex else torch.float64
    draws = torch.randn(count, 3, 5, dtype=kind, generator=torch.Generator().manual_seed(seed))
    running = RunningSpread()
    for draw in draws:
        running.add(draw + 100)
    mean, spread = running.result()
    torch.testing.assert_close(mean, draws.mean(0) + 100)
    torch.testing.assert_close(spread, draws.std(0))


def test_the_answer_is_the_mean_of_the_draws_and_their_spread(run: Path, villin_data: Path) -> None:
    observations = read_observations(TripletStore(villin_data), [0, 3])
    found = phaser(run, 3)
    phased = found.phase(observations)
    observed = found._encoded(observations)
    draws = torch.stack(
        [
            found._draw(observed, observations.experiment, sample_keys(0, (0, 3), number))
            for number in range(3)
        ]
    )
    waves = torch.stack([wave_from_image(images, observations.experiment) for images in draws])
    assert phased.spread is not None
    torch.testing.assert_close(phased.images, draws.mean(0))
    torch.testing.assert_close(phased.spread.images, draws.std(0), rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(phased.waves, waves.mean(0), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(phased.spread.waves, waves.std(0), rtol=1e-3, atol=1e-6)
    assert phased.spread.images.mean() > 0


def test_a_draw_comes_from_seed_item_and_number_alone(run: Path, villin_data: Path) -> None:
    data = TripletStore(villin_data)
    together = phaser(run).phase(read_observations(data, [0, 3, 5]))
    torch.manual_seed(99)
    alone = phaser(run).phase(read_observations(data, [3]))
    torch.testing.assert_close(together.images[1:2], alone.images, rtol=1e-4, atol=1e-5)
    other = phaser(run, seed=1).phase(read_observations(data, [3]))
    assert not torch.allclose(other.images, alone.images, rtol=1e-6, atol=1e-7)


def test_without_samples_nothing_is_random(run: Path, villin_data: Path) -> None:
    observations = read_observations(TripletStore(villin_data), [0, 3])
    first, second = (ConditionalGanPhaser(run).phase(observations) for _ in range(2))
    assert torch.equal(first.images, second.images)
    assert first.spread is None


def test_a_network_without_dropout_draws_nothing_at_random(
    villin_data: Path, tmp_path: Path
) -> None:
    plain = trained(villin_data, tmp_path / "run", 0.0)
    with pytest.raises(InputError, match="without dropout, so it draws nothing at random") as told:
        phaser(plain)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("method", ["hio", "low-resolution"])
def test_a_phaser_without_randomness_takes_no_samples(method: str) -> None:
    with pytest.raises(ConfigError, match="draws nothing at random; leave samples out"):
        make_phaser(method, {"samples": 4})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"samples": 1}, r"setting 'samples': .*got 1"),
        ({"samples": 0}, r"setting 'samples': .*got 0"),
        ({"samples": 3, "seed": -1}, "setting 'seed'"),
        ({"seed": 3}, "setting 'samples': Field required"),
    ],
)
def test_impossible_samples_are_named(run: Path, settings: dict[str, int], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_phaser("cgan", settings, run)


def test_what_is_recorded_draws_the_same_again(run: Path, villin_data: Path) -> None:
    settings = {"samples": 3, "seed": 5}
    first = make_phaser("cgan", settings, run)
    record = recorded_settings(first, settings, run)
    assert record["in_force"] == settings
    again = make_phaser("cgan", record["settings"], run)
    observations = read_observations(TripletStore(villin_data), [2])
    assert torch.equal(first.phase(observations).images, again.phase(observations).images)


def test_the_command_keeps_mean_and_spread(
    run: Path, villin_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "drawn.zarr"
    words = ["phase", str(villin_data), "--method", "cgan", "--weights", str(run)]
    assert command([*words, "--samples", "3", "--views", "2", "--out", str(out)]) == 0
    assert "means of 3 samples with their spread" in capsys.readouterr().out
    store = PhasedStore(out)
    expected = phaser(run, 3).phase(read_observations(TripletStore(villin_data), [0, 1]))
    assert expected.spread is not None
    np.testing.assert_allclose(store.read("image"), expected.images.numpy(), rtol=1e-4, atol=1e-5)
    for name, spread in (
        ("image_spread", expected.spread.images),
        ("wave_spread", expected.spread.waves),
    ):
        np.testing.assert_allclose(store.read(name), spread.numpy(), rtol=1e-2, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--method", "hio", "--samples", "4"], "draws nothing at random"),
        (["--method", "hio", "--seed", "4"], "add --samples"),
        (["--method", "cgan", "--samples", "1"], "setting 'samples'"),
    ],
)
def test_a_mistake_is_one_line(
    run: Path,
    villin_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    told: str,
) -> None:
    weights = ["--weights", str(run)] if "cgan" in options else []
    out = ["--out", str(tmp_path / "drawn.zarr")]
    assert command(["phase", str(villin_data), *options, *weights, *out]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert told in lines[0]
