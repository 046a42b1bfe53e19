"""Every effect that is switched on changes the triplets as it should, also in the store."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diffragan.cli.main import run
from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.fourier import centred, fourier
from diffragan.io.ice_block import packaged_ice_block
from diffragan.io.triplets import TripletStore
from diffragan.physics.forward import diffraction_pattern, image, measured_region
from diffragan.physics.illumination import beam_area_angstrom2
from diffragan.rotations import matrix_from_quaternion
from diffragan.simulation.dataset import simulate_dataset
from diffragan.simulation.far_field import inelastic_fraction
from diffragan.simulation.orientations import item_generator, posed, random_pose
from diffragan.simulation.triplet import Triplet, simulate_triplet
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.normal_modes import displaced_along, normal_modes
from diffragan.structures.prepared import PreparedStructure

COUNTING = {"detector": {"exposure_e_per_a2": 100.0}}
PROBE = {"probe_diameter_angstrom": 160.0, "probe_edge_angstrom": 5.0}


def experiment_with(**overrides: Any) -> Experiment:
    return load_experiment("quick", overrides=overrides)


@pytest.fixture(scope="module")
def standing(villin: PreparedStructure) -> AtomicModel:
    return posed(villin.model, random_pose(villin.model, item_generator(0, villin.sha256, 0)))


@pytest.fixture(scope="module")
def ideal(standing: AtomicModel) -> Triplet:
    return simulated(standing)


def simulated(model: AtomicModel, seed: int = 0, **overrides: Any) -> Triplet:
    return simulate_triplet(model, experiment_with(**overrides), np.random.default_rng(seed))


def frequencies() -> torch.Tensor:
    """Of the pixels of a pattern [1/Å]."""
    quick = experiment_with()
    axis = (
        torch.arange(quick.diffraction_pixels) - quick.diffraction_pixels // 2
    ) / quick.box_angstrom
    return torch.hypot(axis[:, None], axis[None, :])


def in_ring(pattern: torch.Tensor, low: float, high: float) -> float:
    q = frequencies()
    return float(pattern[(q > low) & (q <= high)].double().sum())


def dataset(
    structures: list[PreparedStructure], out: Path, orientations: int, **overrides: Any
) -> TripletStore:
    experiment = experiment_with(orientations=orientations, **overrides)
    return TripletStore(simulate_dataset(structures, experiment, 0, out, workers=1))


# The beam


def test_a_probe_scales_the_pattern_by_its_area(standing: AtomicModel, ideal: Triplet) -> None:
    probed = simulated(standing, beam=PROBE)
    experiment = experiment_with(beam=PROBE)
    area = beam_area_angstrom2(experiment.beam, experiment.simulation_grid)
    away = measured_region(experiment.diffraction_pixels, 12.5)
    expected = ideal.diffraction[away] * experiment.box_angstrom**2 / area
    found = probed.diffraction[away]
    assert float((found - expected).norm() / expected.norm()) < 2e-3


def test_convergence_smears_speckles_and_loses_no_electron(
    standing: AtomicModel, ideal: Triplet
) -> None:
    smeared = simulated(standing, beam={"convergence_mrad": 0.8})
    rings = [(0.3, 0.4), (0.5, 0.6)]
    q = frequencies()
    for low, high in rings:
        assert in_ring(smeared.diffraction, low, high) == pytest.approx(
            in_ring(ideal.diffraction, low, high), rel=0.15
        )
        ring = (q > low) & (q <= high)
        before, after = (t.diffraction[ring].std() for t in (ideal, smeared))
        assert after < 0.75 * before


def test_losses_take_electrons_and_a_filter_takes_their_background(
    standing: AtomicModel, ideal: Triplet
) -> None:
    filtered = {"enabled": True, "energy_filter": True, "cross_section_factor": 5.0}
    unfiltered = {**filtered, "energy_filter": False}
    lost = inelastic_fraction(standing, experiment_with(inelastic=filtered))
    assert 1e-3 < lost < 0.05
    torch.testing.assert_close(
        simulated(standing, inelastic=filtered).diffraction, ideal.diffraction * (1 - lost)
    )
    behind = simulated(standing, inelastic=unfiltered).diffraction
    assert float(behind.sum()) == pytest.approx(float(ideal.diffraction.sum()), rel=1e-4)
    # The background is brightest close to the beam, where it comes from.
    assert in_ring(behind, 0.02, 0.1) > in_ring(ideal.diffraction, 0.02, 0.1)


def test_images_keep_their_mean_but_lose_contrast_without_a_filter(
    standing: AtomicModel, ideal: Triplet
) -> None:
    losses = {"enabled": True, "cross_section_factor": 5.0}
    lost = inelastic_fraction(standing, experiment_with(inelastic=losses))
    veiled = simulated(standing, inelastic=losses).high_resolution
    assert float(veiled.mean()) == pytest.approx(float(ideal.high_resolution.mean()), rel=1e-6)
    ratio = float(veiled.std() / ideal.high_resolution.std())
    assert ratio == pytest.approx(1 - lost, rel=1e-4)


# The specimen


def test_b_factors_weaken_high_frequencies_by_debye_and_waller(
    standing: AtomicModel, ideal: Triplet
) -> None:
    b = 20.0
    moving = simulated(standing, specimen={"thermal_motion": "b_factors", "b_factor_a2": b})
    for low, high in ((0.15, 0.2), (0.4, 0.42)):
        ratio = in_ring(moving.diffraction, low, high) / in_ring(ideal.diffraction, low, high)
        middle = (low + high) / 2
        assert ratio == pytest.approx(np.exp(-b * middle**2 / 2), rel=0.12)


def test_frozen_phonons_keep_the_electrons_that_b_factors_lose(
    standing: AtomicModel, ideal: Triplet
) -> None:
    blurred = {"thermal_motion": "b_factors", "b_factor_a2": 20.0}
    frozen = {**blurred, "thermal_motion": "frozen_phonons", "phonon_configurations": 8}
    mean, displaced = simulated(standing, specimen=blurred), simulated(standing, specimen=frozen)
    outside = (0.5, 0.7)
    at_rest = in_ring(ideal.diffraction, *outside)
    assert in_ring(mean.diffraction, *outside) < 0.1 * at_rest
    assert in_ring(displaced.diffraction, *outside) == pytest.approx(at_rest, rel=0.2)
    # The mean of the waves is the coherent part, which is that of blurred potentials.
    coherent = diffraction_pattern(displaced.exit_wave, len(frequencies()))
    for low, high in ((0.02, 0.1), (0.15, 0.2)):
        assert in_ring(coherent, low, high) == pytest.approx(
            in_ring(mean.diffraction, low, high), rel=0.1
        )


def test_ice_scatters_into_its_ring(standing: AtomicModel, ideal: Triplet) -> None:
    in_ice = simulated(standing, specimen={"ice_thickness_angstrom": 40.0})
    near, beyond = ((1 / 4.2, 1 / 3.3), (1 / 2.9, 1 / 2.5))
    ring, background = (
        in_ring(in_ice.diffraction, low, high) / (high**2 - low**2) for low, high in (near, beyond)
    )
    assert ring > 2 * background
    assert in_ring(in_ice.diffraction, *near) > 5 * in_ring(ideal.diffraction, *near)


def test_the_ice_is_named_in_the_provenance(villin: PreparedStructure, tmp_path: Path) -> None:
    ice = {"ice_thickness_angstrom": 40.0}
    data = dataset([villin], tmp_path / "ice.zarr", 1, specimen=ice)
    inputs = data.store.attributes["provenance"]["inputs"]
    assert inputs["block of vitreous ice"] == packaged_ice_block().sha256
    assert villin.sha256 in inputs.values()


def test_molecules_lie_on_the_side_they_prefer(villin: PreparedStructure, tmp_path: Path) -> None:
    axis = (1.0, 2.0, 2.0)
    preferring = {"orientations": {"preferred_axis": axis, "spread_degrees": 10.0}}
    data = dataset([villin], tmp_path / "lying.zarr", 12, specimen=preferring)
    beams = np.array([matrix_from_quaternion(q)[2] for q in data.read("orientation")])
    tilts = np.rad2deg(np.arccos(np.clip(beams @ np.array(axis) / 3, -1, 1)))
    assert tilts.max() < 50
    assert np.sqrt(np.mean(tilts**2) / 2) == pytest.approx(10, rel=0.5)


def test_conformations_are_drawn_and_recorded(villin: PreparedStructure, tmp_path: Path) -> None:
    modes = normal_modes(villin.model, np.array(villin.alpha_carbons), 1)
    bent = PreparedStructure(
        "bent", displaced_along(villin.model, modes, np.array([3.0])), villin.mass_kda,
        "ab" * 32, villin.record, villin.path, villin.alpha_carbons,
    )  # fmt: skip
    shares = {"conformations": {"populations": (0.25, 0.75)}}
    data = dataset([villin, bent], tmp_path / "both.zarr", 40, specimen=shares)
    assert len(data) == 40
    drawn = data.read("structure")
    assert 0.5 < drawn.mean() < 0.95  # 0.75 within 3.6 standard deviations
    # The pattern is that of the conformation recorded: replay one item of each by its pose.
    for index in (0, 1):
        item = int(np.flatnonzero(drawn == index)[0])
        turn = torch.from_numpy(matrix_from_quaternion(data.read("orientation")[item]))
        positions = torch.from_numpy(data.structures()[index].positions)
        moved = positions @ turn.T + torch.from_numpy(data.read("shift")[item])
        model = AtomicModel(moved.float(), villin.model.atomic_numbers)
        again = simulated(model).diffraction.numpy()
        np.testing.assert_allclose(data.read("diffraction")[item], again, rtol=0.02, atol=1e-9)


def test_normal_modes_move_every_item_differently(
    villin: PreparedStructure, villin_data: Path, tmp_path: Path
) -> None:
    moving = {"conformations": {"mode_amplitude_angstrom": 1.5, "modes": 3}}
    data = dataset([villin], tmp_path / "bent.zarr", 2, specimen=moving)
    rest = TripletStore(villin_data)
    assert not np.allclose(data.read("diffraction"), rest.read("diffraction", [0, 1]), rtol=0.05)


# The lens


def test_the_image_is_the_lens_s(standing: AtomicModel) -> None:
    lens = {
        "aperture_mrad": 20.0,
        "defocus_angstrom": 3000.0,
        "spherical_aberration_mm": 2.7,
        "astigmatism_angstrom": 500.0,
        "astigmatism_angle_deg": 30.0,
        "focal_spread_angstrom": 40.0,
        "convergence_mrad": 0.05,
    }
    experiment = experiment_with(high_resolution=lens)
    made = simulated(standing, high_resolution=lens)
    again = image(
        made.exit_wave, experiment.wave_grid, experiment.high_resolution, experiment.electron,
        experiment.image_pixels,
    )  # fmt: skip
    torch.testing.assert_close(made.high_resolution, again, rtol=0, atol=5e-5)


def test_astigmatism_moves_the_rings_of_the_image(standing: AtomicModel) -> None:
    round_, oval = (
        simulated(
            standing, high_resolution={"defocus_angstrom": 3000.0, "astigmatism_angstrom": amount}
        ).high_resolution
        for amount in (0.0, 800.0)
    )
    rings, moved = (centred(fourier(image - image.mean())).abs() for image in (round_, oval))
    assert float((moved - rings).norm() / rings.norm()) > 0.1


def test_a_given_dose_is_the_dose_of_the_image(standing: AtomicModel) -> None:
    made = simulated(standing, low_resolution={"dose_e_per_a2": 20.0})
    assert made.low_resolution_dose_e_per_a2 == 20.0
    pixel = experiment_with().image_grid.pixel_angstrom
    expected = 20.0 * pixel**2
    assert float(made.low_resolution.double().mean()) == pytest.approx(expected, rel=0.02)


# The detector


def test_counts_are_whole_numbers_and_average_to_the_noise_free_pattern(
    villin: PreparedStructure, villin_data: Path, tmp_path: Path
) -> None:
    data = dataset([villin], tmp_path / "counted.zarr", 8, **COUNTING)
    counts = data.read("diffraction")
    assert counts.dtype == np.uint32
    incident = data.store.attributes["incident_electrons"]
    assert incident == pytest.approx(100 * 70.0**2)
    np.testing.assert_allclose(data.patterns(), counts / incident, rtol=1e-6)
    # Poses are drawn before anything is counted, so the items are the same molecules.
    clean = TripletStore(villin_data)
    np.testing.assert_array_equal(data.read("orientation"), clean.read("orientation"))
    measured = data.read("measured")
    found = data.patterns().astype(np.float64)[:, measured].sum(1)
    expected = clean.patterns().astype(np.float64)[:, measured].sum(1)
    assert (np.abs(found - expected) < 4 * np.sqrt(expected / incident)).all()


def test_read_noise_makes_counts_real_numbers(villin: PreparedStructure, tmp_path: Path) -> None:
    detector = {**COUNTING["detector"], "read_noise_electrons": 2.0}
    data = dataset([villin], tmp_path / "noisy.zarr", 1, detector=detector)
    counts = data.read("diffraction")[0]
    assert counts.dtype == np.float32
    faint = counts[frequencies().numpy() > 0.9]
    assert faint.std() == pytest.approx(2.0, rel=0.1)
    assert faint.min() < 0


def test_gaps_stop_and_dead_pixels_are_in_the_mask(
    villin: PreparedStructure, tmp_path: Path
) -> None:
    detector = {
        **COUNTING["detector"],
        "modules": (1, 2),
        "gap_pixels": 3,
        "beam_stop_mrad": 2.0,
        "beam_stop_arm_mrad": 1.0,
        "dead_pixel_fraction": 0.01,
    }
    data = dataset([villin], tmp_path / "masked.zarr", 2, detector=detector)
    measured, counts = data.read("measured"), data.read("diffraction")
    side = len(measured)
    middle = side // 2
    assert (~measured).all(0).sum() == 3
    assert not measured[middle:, middle].any()
    q = frequencies().numpy()
    assert not measured[q < experiment_with().electron.frequency_per_angstrom(2.0)].any()
    hidden = (~measured).sum() / side**2
    assert 0.03 < hidden < 0.12
    assert (counts[:, ~measured] == 0).all()
    assert counts[:, measured].sum() > 0


def test_the_point_spread_blurs_what_is_counted(standing: AtomicModel, ideal: Triplet) -> None:
    blurred = simulated(standing, detector={"point_spread_pixels": 1.0})
    neighbour = tuple(n // 2 + d for n, d in zip(blurred.diffraction.shape, (0, 1), strict=True))
    assert blurred.diffraction[neighbour] > 100 * ideal.diffraction[neighbour]
    assert float(blurred.diffraction.sum()) == pytest.approx(
        float(ideal.diffraction.sum()), rel=1e-4
    )


# What comes after


def test_counted_patterns_are_phased_and_described(
    prepared_villin_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "low.yaml"
    settings.write_text(
        "kind: experiment\npreset: quick\norientations: 2\n"
        "specimen: {thermal_motion: b_factors, b_factor_a2: 20}\n"
        "beam: {probe_diameter_angstrom: 120, convergence_mrad: 0.02}\n"
        "inelastic: {enabled: true}\n"
        "diffraction: {direct_beam_pixels: 1.5}\n"
        "detector: {exposure_e_per_a2: 100, point_spread_pixels: 0.5, dead_pixel_fraction: 0.001}\n"
        "low_resolution: {dose_e_per_a2: 20}\n"
    )
    data, phased = tmp_path / "low.zarr", tmp_path / "hio.zarr"
    simulate = ["simulate", str(prepared_villin_file), "--config", str(settings)]
    assert run([*simulate, "--out", str(data), "--workers", "1", "--device", "cpu"]) == 0
    phase = ["phase", str(data), "--method", "hio", "--iterations", "10", "--device", "cpu"]
    assert run([*phase, "--out", str(phased)]) == 0
    capsys.readouterr()
    assert run(["info", str(data)]) == 0
    told = capsys.readouterr().out
    assert "electrons counted in each pixel; attribute 'incident_electrons'" in told
    assert "uint32 [count]" in told
