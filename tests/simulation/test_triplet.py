from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.errors import ConfigError
from diffragan.io.structures import read_structure
from diffragan.io.triplets import TripletStore
from diffragan.physics.forward import diffraction_pattern, image
from diffragan.rotations import matrix_from_quaternion
from diffragan.simulation.dataset import simulate_dataset
from diffragan.simulation.orientations import item_generator, posed, random_pose
from diffragan.simulation.triplet import Triplet, simulate_triplet
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.prepared import PreparedStructure

QUICK = load_experiment("quick")


@pytest.fixture(scope="module")
def standing(villin: PreparedStructure) -> AtomicModel:
    return posed(villin.model, random_pose(villin.model, item_generator(0, villin.sha256, 0)))


@pytest.fixture(scope="module")
def triplet(standing: AtomicModel) -> Triplet:
    return simulate_triplet(standing, QUICK, np.random.default_rng(0))


def with_snr(snr: float, **band: tuple[float, float]) -> Experiment:
    return load_experiment("quick", overrides={"low_resolution": {"snr": snr, **band}})


@pytest.mark.parametrize("snr", [0.8, 5.0])
def test_the_dose_found_gives_the_signal_to_noise_ratio_asked_for(
    standing: AtomicModel, snr: float
) -> None:
    found = [
        simulate_triplet(standing, with_snr(snr), np.random.default_rng(seed)).low_resolution_snr
        for seed in range(12)
    ]
    # 187 independent coefficients in the band: 7 % for one image, 2 % for the mean of twelve.
    assert 1 / np.mean(1 / np.array(found)) == pytest.approx(snr, rel=0.06)


def test_the_multislice_may_be_narrower_than_the_pixels(standing: AtomicModel) -> None:
    made = [
        simulate_triplet(
            standing,
            load_experiment("quick", overrides={"numerics": {"pixels": 400, **states}}),
            np.random.default_rng(0),
        ).exit_wave
        for states in ({}, {"multiple_scattering_per_angstrom": 1.2})
    ]
    full, narrow = made
    assert 0 < float(torch.linalg.norm(narrow - full) / torch.linalg.norm(full)) < 0.005


def test_the_dose_goes_with_the_signal_to_noise_ratio(standing: AtomicModel) -> None:
    low, high = (
        simulate_triplet(standing, with_snr(snr), np.random.default_rng(0)) for snr in (0.5, 2)
    )
    ratio = high.low_resolution_dose_e_per_a2 / low.low_resolution_dose_e_per_a2
    assert ratio == pytest.approx(4)


def test_counts_are_whole_numbers_about_dose_times_area(triplet: Triplet) -> None:
    counts = triplet.low_resolution
    assert not counts.is_floating_point()
    assert int(counts.min()) >= 0
    expected = triplet.low_resolution_dose_e_per_a2 * QUICK.image_grid.pixel_angstrom**2
    # The aperture takes a few per mille out of the beam.
    tolerance = 4 / np.sqrt(float(counts.sum())) + 0.01
    assert float(counts.double().mean()) == pytest.approx(expected, rel=tolerance)


def test_counts_vary_as_poisson_counts_do(standing: AtomicModel) -> None:
    images = torch.stack(
        [
            simulate_triplet(standing, QUICK, np.random.default_rng(seed)).low_resolution
            for seed in range(6)
        ]
    ).double()
    ratio = float((images.var(0) / images.mean(0).clamp(min=1)).mean())
    assert ratio == pytest.approx(1, rel=0.05)


def test_the_noise_is_the_seed_s(standing: AtomicModel, triplet: Triplet) -> None:
    again = simulate_triplet(standing, QUICK, np.random.default_rng(0))
    other = simulate_triplet(standing, QUICK, np.random.default_rng(1))
    assert torch.equal(again.low_resolution, triplet.low_resolution)
    assert not torch.equal(other.low_resolution, triplet.low_resolution)
    assert torch.equal(other.high_resolution, triplet.high_resolution)


def test_the_stored_wave_alone_gives_the_high_resolution_image(standing: AtomicModel) -> None:
    """The wave is band-limited to its grid; the recorded square lies wholly inside it."""
    aperture = {"high_resolution": {"aperture_mrad": 20}}
    experiment = load_experiment("quick", overrides=aperture)
    made = simulate_triplet(standing, experiment, np.random.default_rng(0))
    again = image(
        made.exit_wave,
        experiment.wave_grid,
        experiment.high_resolution,
        experiment.electron,
        experiment.image_pixels,
    )
    torch.testing.assert_close(again, made.high_resolution, rtol=0, atol=2e-5)


def test_the_stored_wave_alone_gives_the_pattern(triplet: Triplet) -> None:
    again = diffraction_pattern(triplet.exit_wave, QUICK.diffraction_pixels)
    scale = float(triplet.diffraction.sort().values.flatten()[:-1].max())
    torch.testing.assert_close(again, triplet.diffraction, rtol=1e-4, atol=1e-6 * scale)


@pytest.mark.parametrize(("snr", "band"), [(1e300, (8.0, 5.0)), (0.8, (0.2, 0.1))])
def test_a_signal_that_no_count_can_give_is_refused(
    standing: AtomicModel, snr: float, band: tuple[float, float]
) -> None:
    with pytest.raises(ConfigError, match=r"low_resolution\.snr: .*lower it, or set"):
        simulate_triplet(standing, with_snr(snr, snr_band_angstrom=band), np.random.default_rng(0))


def test_a_saved_structure_stands_as_its_orientation_says(
    villin: PreparedStructure, tmp_path: Path
) -> None:
    experiment = load_experiment("quick", overrides={"orientations": 2})
    out, folder = tmp_path / "data.zarr", tmp_path / "turned"
    simulate_dataset([villin], experiment, 5, out, workers=1, rotated_folder=folder)
    data = TripletStore(out)
    for item, (quaternion, shift) in enumerate(
        zip(data.read("orientation"), data.read("shift"), strict=True)
    ):
        structure: gemmi.Structure = read_structure(folder / f"test_{item:05d}.pdb")
        found = np.array([site.atom.pos.tolist() for site in structure[0].all()])
        before = data.structures()[0].positions
        expected = before @ matrix_from_quaternion(quaternion).T + shift
        np.testing.assert_allclose(found, expected, atol=1.1e-3)  # PDB keeps three decimals
