"""The network as a phaser: its wave on the grid of the experiment, whatever that is."""

from pathlib import Path

import pytest
import torch

from diffragan.fourier import centred, fourier
from diffragan.io.triplets import TripletStore
from diffragan.phasing import rows
from diffragan.phasing.network_alone import NetworkPhaser, mean_of_looks
from diffragan.phasing.network_view import network_view
from diffragan.phasing.protocol import Observations, read_observations
from diffragan.phasing.registry import make_phaser
from diffragan.phasing.weights import make_network, read_unrolled
from diffragan.rings import ring_correlation, ring_index
from diffragan.symmetries import SYMMETRIES
from diffragan.typing import Tensor, Waves

VIEWS = [0, 3, 5]


@pytest.fixture(scope="module")
def network(villin_network: Path) -> NetworkPhaser:
    return NetworkPhaser(read_unrolled(villin_network))


@pytest.fixture(scope="module")
def observations(villin_data: Path) -> Observations:
    return read_observations(TripletStore(villin_data), VIEWS)


@pytest.fixture(scope="module")
def truth(villin_data: Path) -> Waves:
    return torch.from_numpy(TripletStore(villin_data).read("exit_wave", VIEWS))


def test_waves_and_images_lie_on_the_experiment_s_grids(
    network: NetworkPhaser, observations: Observations
) -> None:
    phased = network.phase(observations)
    experiment = observations.experiment
    assert phased.waves.shape == (3, experiment.wave_pixels, experiment.wave_pixels)
    assert phased.images.shape == (3, experiment.image_pixels, experiment.image_pixels)
    assert phased.energy_outside_support.isnan().all()
    assert phased.prediction is None


def test_it_finds_the_molecule_and_waves_beyond_its_start(
    network: NetworkPhaser, observations: Observations, truth: Waves
) -> None:
    guess = network.guess(observations)
    assert 0 <= float(guess.probability.min()) <= float(guess.probability.max()) <= 1
    inside = centred(guess.probability) > 0.5
    energy = (truth.abs() ** 2 * inside).sum((-2, -1)) / (truth.abs() ** 2).sum((-2, -1))
    assert float(energy.min()) > 0.8
    assert float(inside.float().mean()) < 0.2
    side = truth.shape[-1]
    found = ring_correlation(
        fourier(centred(guess.waves)), fourier(truth), ring_index((side, side)), 24
    )
    assert float(found[:, 3:14].mean()) > 0.8


def test_nothing_is_made_up_beyond_the_network_s_pixels(
    network: NetworkPhaser, observations: Observations
) -> None:
    side, own = observations.experiment.wave_pixels, 50  # 70 Å of 1.4 Å
    spectrum = fourier(centred(network.guess(observations).waves))
    axis = torch.fft.fftfreq(side, 1 / side).abs()
    beyond = torch.maximum(axis[:, None], axis) > own // 2
    assert float(spectrum[:, beyond].abs().max()) < 1e-3 * float(spectrum.abs().max())


def test_an_item_depends_neither_on_the_others_nor_on_the_cores(
    network: NetworkPhaser, observations: Observations, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for cores in (1, 2):
        monkeypatch.setattr(rows, "thread_count", lambda _wanted, cores=cores: cores)
        found.append(network.guess(observations))
    assert torch.equal(found[0].waves, found[1].waves)
    alone = network.guess(observations.rows([1]))
    torch.testing.assert_close(alone.waves, found[0].waves[1:2], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(alone.probability, found[0].probability[1:2], rtol=1e-4, atol=1e-6)


def test_the_mean_of_all_looks_does_not_depend_on_how_a_view_lies(
    villin_network: Path, observations: Observations
) -> None:
    # By views laid anew, not observations: where an image knows nothing, the network's first phases
    # are what rounding left, which differs between an image and its mirror image.
    weights = read_unrolled(villin_network)
    view = network_view(observations, weights.settings.network.pixel_angstrom)
    turn, network = SYMMETRIES[5], make_network(weights)

    def told(looks: int) -> tuple[Tensor, Tensor]:
        waves, _ = mean_of_looks(network, view, looks)
        turned, _ = mean_of_looks(network, view.laid(turn), looks)
        return turned, turn.laid(waves)

    torch.testing.assert_close(*told(len(SYMMETRIES)), rtol=1e-4, atol=1e-6)
    one, other = told(1)
    assert float((one - other).abs().max()) > 1e-3


def test_the_registry_makes_it_with_other_weights(
    network: NetworkPhaser, observations: Observations, villin_network: Path
) -> None:
    made = make_phaser("network", weights=villin_network)
    assert isinstance(made, NetworkPhaser)
    assert torch.equal(made.phase(observations).waves, network.phase(observations).waves)
