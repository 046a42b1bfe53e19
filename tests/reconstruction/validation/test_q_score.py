"""Q-scores against what they mean, and against the definition written out."""

import numpy as np
import pytest
import torch
from made_maps import gaussian_shape, map_of, noise

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.q_score import (
    DIRECTION_VECTORS,
    POINTS,
    RADII_ANGSTROM,
    SIGMA_ANGSTROM,
    by_residue,
    q_scores,
)
from diffragan.reconstruction.validation.residue_model import ResidueModel
from diffragan.reconstruction.validation.splines import spline_at, spline_of
from diffragan.structures.atomic_model import AtomicModel

GRID = Grid(64, 38.4)
PLACES = np.array([[0.3, -0.2, 0.1], [5.0, 4.1, -3.3], [-6.2, 2.2, 4.4]])


def gaussians(places: np.ndarray, sigma: float):
    model = AtomicModel(torch.from_numpy(places), torch.full((len(places),), 6))
    return true_potential_map(model, GRID, gaussian_shape(sigma))


def test_gaussians_of_the_reference_width_score_one() -> None:
    assert q_scores(gaussians(PLACES, SIGMA_ANGSTROM), GRID, PLACES).min() > 0.995


def test_wider_atoms_score_less_and_wrong_places_nothing() -> None:
    wide, wider = (q_scores(gaussians(PLACES, s), GRID, PLACES).mean() for s in (1.2, 2.0))
    assert 0.3 < wider < wide < 0.95
    wrong = q_scores(gaussians(PLACES, SIGMA_ANGSTROM), GRID, PLACES + np.array([1.4, 1.0, -1.0]))
    assert wrong.max() < 0.1
    assert abs(q_scores(noise(64, 0), GRID, PLACES).mean()) < 0.5


def test_scale_and_offset_of_the_map_do_not_matter() -> None:
    volume = gaussians(PLACES, 0.9)
    np.testing.assert_allclose(
        q_scores(volume, GRID, PLACES), q_scores(7 * volume - 3, GRID, PLACES), atol=1e-6
    )


def test_it_is_the_definition_written_out(villin_model: ResidueModel) -> None:
    grid = Grid(64, 70.4)
    volume = map_of(villin_model, grid, 3.0)
    positions = villin_model.positions[villin_model.heavy]
    found = q_scores(volume, grid, positions)
    spline = spline_of(volume.double().numpy())
    for atom in (0, 7, 100, len(positions) - 1):
        values, wanted = [], []
        for radius in RADII_ANGSTROM:
            taken = 0
            for direction in DIRECTION_VECTORS:
                point = positions[atom] + radius * direction
                others = np.linalg.norm(np.delete(positions, atom, 0) - point, axis=1)
                if taken < POINTS and radius < others.min():
                    taken += 1
                    values.append(spline_at(spline, point[None], grid.pixel_angstrom)[0])
                    wanted.append(np.exp(-(radius**2) / (2 * SIGMA_ANGSTROM**2)))
        assert found[atom] == pytest.approx(np.corrcoef(values, wanted)[0, 1], abs=1e-9)


def test_finer_maps_score_higher(villin_model: ResidueModel) -> None:
    grid = Grid(72, 50.4)
    positions = villin_model.positions[villin_model.heavy]
    scores = [q_scores(map_of(villin_model, grid, d), grid, positions).mean() for d in (1.6, 3, 5)]
    assert scores[0] > 0.9
    assert scores[0] > scores[1] > scores[2]


def test_residues_average_what_is_known() -> None:
    values = np.array([1.0, 0.0, np.nan, 0.4])
    found = by_residue(values, np.array([0, 0, 1, 2]), 4)
    np.testing.assert_allclose(found, [0.5, np.nan, 0.4, np.nan])


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="no atoms to score"):
        q_scores(noise(64, 0), GRID, np.zeros((0, 3)))
    with pytest.raises(InputError, match="3 of 3 atoms lie outside the map; dock"):
        q_scores(noise(64, 0), GRID, PLACES + 40)
    found = q_scores(noise(64, 0), GRID, PLACES + np.array([0, 0, 15.0]))
    assert np.isnan(found).tolist() == [False, False, True]
    broken = noise(64, 0)
    broken[0, 0, 0] = torch.inf
    with pytest.raises(InputError, match="not finite"):
        q_scores(broken, GRID, PLACES)
