"""Correlation by residue against the naive formula, and what it tells of the periphery."""

import numpy as np
import pytest
import torch
from made_maps import map_of, radii

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.map_model import map_model_correlation
from diffragan.reconstruction.validation.model_in_map import measure_model
from diffragan.reconstruction.validation.residue_correlation import (
    by_distance,
    correlation_in,
    distances_from_centre,
    radius_at,
    residue_correlations,
    residue_sigmas,
    voxels_near,
)
from diffragan.reconstruction.validation.residue_model import ResidueModel, residue_model

GRID = Grid(48, 52.8)
FINE = Grid(24, 12.0)


def test_voxels_near_atoms_are_those_within_the_radius_in_the_box() -> None:
    atoms = np.array([[1.3, -4.0, 2.2], [2.4, -3.1, 2.0], [25.9, 0.0, -26.0]])
    found = voxels_near(atoms, GRID, 2.95)
    axis = (np.arange(48) - 24) * GRID.pixel_angstrom
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    places = np.stack([x, y, z], -1)
    nearest = np.linalg.norm(places[..., None, :] - atoms, axis=-1).min(-1)
    np.testing.assert_array_equal(found[np.lexsort(found.T[::-1])], np.argwhere(nearest <= 2.95))


def test_voxels_near_an_atom_fill_its_ball() -> None:
    where = np.array([[1.1, -2.0, 0.3]])
    voxels = voxels_near(where, FINE, 1.5)
    places = (voxels - FINE.pixels // 2)[:, ::-1] * FINE.pixel_angstrom
    assert np.linalg.norm(places - where, axis=1).max() <= 1.5
    ball = 4 / 3 * np.pi * 1.5**3 / FINE.pixel_angstrom**3
    assert len(voxels) == pytest.approx(ball, rel=0.1)
    assert len(voxels_near(where.repeat(3, 0), FINE, 1.5)) == len(voxels)


def test_a_scaled_copy_correlates_by_one_and_noise_by_nothing() -> None:
    random = np.random.default_rng(0)
    volume = random.normal(size=(24, 24, 24))
    places = [voxels_near(random.uniform(-4, 4, (5, 3)), FINE, 1.5) for _ in range(40)]
    assert residue_correlations(3 * volume + 1, volume, places) == pytest.approx(np.ones(40))
    noise = residue_correlations(random.normal(size=volume.shape), volume, places)
    distinct = len(np.unique(np.concatenate(places), axis=0))
    assert abs(noise.mean()) < 4 / np.sqrt(distinct)
    assert residue_correlations(np.ones_like(volume), volume, places).tolist() == [0] * 40
    assert residue_sigmas(5 * volume + 2, places) == pytest.approx(residue_sigmas(volume, places))


def test_a_map_fits_its_own_model(villin_model: ResidueModel) -> None:
    fit = measure_model(
        map_of(villin_model, GRID, 3.0), GRID, villin_model, resolution_angstrom=3.0
    )
    assert fit.correlation.min() > 0.99
    assert fit.correlation_in_mask > 0.99
    assert len(fit.labels) == len(fit.q_score) == 35
    assert fit.shells.resolution_angstrom is None or fit.shells.resolution_angstrom < 3.1
    assert fit.radius_angstrom == radius_at(3.0) == 1.5


def test_density_that_fades_outwards_is_seen_as_such(villin_model: ResidueModel) -> None:
    whole = map_of(villin_model, GRID, 2.5)
    fading = whole * torch.exp(-((radii(GRID) / 9) ** 4)).float()
    noise = torch.randn(whole.shape, generator=torch.Generator().manual_seed(0))
    fit = measure_model(fading + 0.3 * whole.std() * noise, GRID, villin_model)
    found = fit.summary()["residue_correlation"]
    assert found["periphery_minus_centre"] < -0.1
    assert found["sigmas_at_distance"][0] > 2 * found["sigmas_at_distance"][-1]


def test_correlation_is_pearsons_and_a_flat_part_has_none() -> None:
    first, second = (np.random.default_rng(n).normal(size=(6, 6, 6)) for n in (0, 1))
    voxels = np.argwhere(first > 0)
    expected = np.corrcoef(first[first > 0], second[first > 0])[0, 1]
    assert correlation_in(first, second, voxels) == pytest.approx(expected)
    assert correlation_in(np.ones((6, 6, 6)), second, voxels) == 0


def test_groups_go_outwards_and_leave_out_what_is_unknown() -> None:
    distance = np.array([5.0, 1.0, 3.0, 2.0, 9.0])
    middles, means = by_distance(distance, np.array([0.5, 0.9, np.nan, 0.7, 0.1]), parts=2)
    np.testing.assert_allclose(middles, [1.5, 7.0])
    np.testing.assert_allclose(means, [0.8, 0.3])


def test_distances_are_those_of_residues_from_the_centre_of_atoms() -> None:
    atoms = np.array([[0.0, 0, 0], [2, 0, 0], [10, 0, 0]])
    np.testing.assert_allclose(distances_from_centre(atoms, np.array([0, 0, 1]), 2), [3, 6])
    with pytest.raises(InputError, match="no atoms"):
        distances_from_centre(np.zeros((0, 3)), np.zeros(0, dtype=np.int64), 0)


def test_map_model_correlation_ends_where_the_map_does(villin_model: ResidueModel) -> None:
    grid = Grid(64, 64.0)
    found = map_model_correlation(map_of(villin_model, grid, 4.0), grid, villin_model.atoms())
    assert found.resolution_angstrom is not None
    assert found.resolution_angstrom == pytest.approx(4.0, abs=0.35)
    own = true_potential_map(villin_model.atoms(), grid)
    same = map_model_correlation(own, grid, own, (radii(grid) < 20).float())
    assert same.masked is not None
    torch.testing.assert_close(same.masked, torch.ones_like(same.masked))


def test_a_model_of_hydrogen_alone_is_refused(villin_model: ResidueModel) -> None:
    structure = villin_model.structure.clone()
    for chain in structure[0]:
        for residue in chain:
            for place in reversed(range(len(residue))):
                if residue[place].element.name != "H":
                    del residue[place]
    with pytest.raises(InputError, match="no atoms beside hydrogen"):
        measure_model(map_of(villin_model, GRID, 3.0), GRID, residue_model(structure, "h"))
