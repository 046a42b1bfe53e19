"""Counts are exposure times area times scattered fraction, and molecules scatter as published."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.electron import Electron
from diffragan.fourier import decentred, fourier, inverse_fourier, resample
from diffragan.grid import Grid
from diffragan.physics.cross_sections import elastic_cross_section, squared_velocity
from diffragan.physics.form_factors import electron_form_factor
from diffragan.physics.forward import diffraction_pattern, measured_region
from diffragan.physics.illumination import beam_area_angstrom2
from diffragan.physics.multislice import mid_plane_wave
from diffragan.simulation.orientations import item_generator, posed, random_pose
from diffragan.simulation.triplet import Triplet, simulate_triplet
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import PreparedStructure, read_prepared

EXPOSURE = 100.0
SEEDS = 6
PROBE = {"probe_diameter_angstrom": 200.0, "probe_edge_angstrom": 5.0}


def at_rest(model: AtomicModel) -> AtomicModel:
    return AtomicModel(model.positions, model.atomic_numbers, None)


def in_pose(model: AtomicModel, name: str, number: int) -> AtomicModel:
    return posed(model, random_pose(model, item_generator(0, name, number)))


def counted(model: AtomicModel, experiment: Experiment, seed: int) -> Triplet:
    return simulate_triplet(model, experiment, np.random.default_rng(seed))


def scattered_fraction(wave: torch.Tensor, experiment: Experiment, hidden_pixels: float) -> float:
    """Share of the beam in the recorded square outside the direct beam, from the wave in real
    space: the integral of |psi_s|^2, filtered, over the area of the beam (Parseval)."""
    side = experiment.diffraction_pixels
    seen = decentred(measured_region(side, hidden_pixels))
    kept = inverse_fourier(fourier(resample(wave, side)) * seen)
    pixel_area = (experiment.box_angstrom / side) ** 2
    area = beam_area_angstrom2(experiment.beam, experiment.simulation_grid)
    return float((kept.abs().double() ** 2).sum()) * pixel_area / area


# The rim of a probe of 200 Å still scatters in the pixels next to the direct beam.
@pytest.mark.parametrize(("beam", "hidden_pixels"), [({}, 0.5), (PROBE, 6.5)])
def test_counts_are_exposure_times_area_times_scattered_fraction(
    villin: PreparedStructure, beam: Mapping[str, Any], hidden_pixels: float
) -> None:
    overrides = {"beam": dict(beam), "detector": {"exposure_e_per_a2": EXPOSURE}}
    experiment = load_experiment("quick", overrides=overrides)
    model = in_pose(villin.model, villin.sha256, 0)
    area = beam_area_angstrom2(experiment.beam, experiment.simulation_grid)
    region = measured_region(experiment.diffraction_pixels, hidden_pixels)
    for seed in range(SEEDS):
        triplet = counted(model, experiment, seed)
        fraction = scattered_fraction(triplet.exit_wave, experiment, hidden_pixels)
        expected = EXPOSURE * area * fraction
        assert float(triplet.diffraction[region].sum()) == pytest.approx(
            expected, abs=4 * expected**0.5
        )


def test_the_probe_s_size_does_not_change_what_the_molecule_scatters(
    villin: PreparedStructure,
) -> None:
    """Counts away from the direct beam go with the exposure, not with the beam's area."""
    model, totals = in_pose(villin.model, villin.sha256, 0), []
    for diameter in (150.0, 300.0):
        beam = {**PROBE, "probe_diameter_angstrom": diameter}
        overrides = {"beam": beam, "detector": {"exposure_e_per_a2": 1e6}}
        experiment = load_experiment("quick", overrides=overrides)
        region = measured_region(experiment.diffraction_pixels, 10.5)
        totals.append(float(counted(model, experiment, 0).diffraction[region].sum()))
    assert totals[0] == pytest.approx(totals[1], rel=0.01)


ELECTRON = Electron(200.0)
GRID = Grid(384, 90.0)
BAND_LIMIT = 2 / 3 * GRID.nyquist_per_angstrom


def cross_section(model: AtomicModel, name: str, low: float, orientations: int) -> float:
    """What a molecule scatters between a frequency and the band limit [Å2]."""
    q = GRID.squared_frequencies().sqrt()
    inside = (q > low) & (q <= BAND_LIMIT)
    found = []
    for number in range(orientations):
        wave = mid_plane_wave(in_pose(model, name, number), GRID, ELECTRON, 6.0)
        pattern = decentred(diffraction_pattern(wave, GRID.pixels))
        found.append(float(pattern[inside].double().sum()) * GRID.box_angstrom**2)
    return float(np.mean(found))


def independent_atoms(model: AtomicModel, low: float) -> float:
    """The same for the sum of its atoms, without interference: first Born, by quadrature [Å2]."""
    numbers, counts = torch.unique(model.atomic_numbers, return_counts=True)
    q = torch.linspace(low, BAND_LIMIT, 2001, dtype=torch.float64)
    squared = sum(
        count * electron_form_factor(z, q) ** 2
        for z, count in zip(numbers.tolist(), counts.tolist(), strict=True)
    )
    integral = float(torch.trapezoid(squared * 2 * torch.pi * q, q))
    return (ELECTRON.lorentz_factor * ELECTRON.wavelength_angstrom) ** 2 * integral


def elastic_total(model: AtomicModel) -> float:
    numbers = model.atomic_numbers.tolist()
    return sum(elastic_cross_section(z, ELECTRON) for z in numbers)


def langmore_smith_total(model: AtomicModel) -> float:
    """All atoms but hydrogen; J. P. Langmore and M. F. Smith, Ultramicroscopy 46 (1992) 349."""
    beta2 = squared_velocity(ELECTRON)
    heavy = [z for z in model.atomic_numbers.tolist() if z > 1]
    return sum(1.4e-4 * z**1.5 / beta2 * (1 - 0.26 * z / (137 * beta2**0.5)) for z in heavy)


def check_against_the_literature(model: AtomicModel, name: str, orientations: int) -> None:
    """Finer than 10 Å interference only moves electrons about: atoms add up as if alone.

    Coarser, the molecule as a whole scatters forwards, many times what its atoms would alone.
    """
    model = at_rest(model)
    ratio = cross_section(model, name, 0.1, orientations) / independent_atoms(model, 0.1)
    assert ratio == pytest.approx(1.0, abs=0.06)
    whole = cross_section(model, name, 0.0, 1) / independent_atoms(model, 0.0)
    assert whole > 2
    hydrogens = int((model.atomic_numbers == 1).sum())
    heavy = elastic_total(model) - hydrogens * elastic_cross_section(1, ELECTRON)
    assert heavy / langmore_smith_total(model) == pytest.approx(1.1, abs=0.1)


def test_villin_scatters_as_published_cross_sections_say(villin: PreparedStructure) -> None:
    check_against_the_literature(villin.model, villin.sha256, 6)


def test_a_protein_of_29_kda_scatters_as_published_cross_sections_say(
    shared_structures: Path, tmp_path: Path
) -> None:
    """Proteinase K, 2PKC."""
    preparation = prepare_structure(shared_structures / "2pkc.pdb.gz")
    proteinase = read_prepared(write_preparation(preparation, tmp_path))
    assert 28 < proteinase.mass_kda < 30
    check_against_the_literature(proteinase.model, proteinase.sha256, 4)


def test_a_30_kda_protein_scatters_in_proportion_to_its_mass(villin: PreparedStructure) -> None:
    """Proteins have nearly the same composition: villin scaled up equals so many mean residues."""
    residue = {6: 4.9, 7: 1.35, 8: 1.5, 16: 0.04, 1: 7.8}
    mass_kda = sum(n * {6: 12.011, 7: 14.007, 8: 15.999, 16: 32.06, 1: 1.008}[z]
                   for z, n in residue.items()) / 1000  # fmt: skip
    mean = sum(n * elastic_cross_section(z, ELECTRON) for z, n in residue.items())
    scaled = 30 * elastic_total(villin.model) / villin.mass_kda
    assert scaled == pytest.approx(30 / mass_kda * mean, rel=0.05)
