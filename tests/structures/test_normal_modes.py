import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from diffragan.errors import InputError
from diffragan.simulation.conformations import bent
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.normal_modes import (
    RIGID_MOTIONS,
    NormalModes,
    displaced_along,
    follow,
    network_hessian,
    normal_modes,
)
from diffragan.structures.prepared import PreparedStructure, read_prepared

COUNT = 5


@pytest.fixture(scope="module")
def villin_double(prepared_villin_file) -> PreparedStructure:  # type: ignore[no-untyped-def]
    return read_prepared(prepared_villin_file, torch.float64)


@pytest.fixture(scope="module")
def modes(villin_double: PreparedStructure) -> NormalModes:
    return normal_modes(villin_double.model, np.array(villin_double.alpha_carbons), COUNT)


def test_alpha_carbons_are_known(villin_double: PreparedStructure) -> None:
    assert len(villin_double.alpha_carbons) == 35
    numbers = villin_double.model.atomic_numbers[list(villin_double.alpha_carbons)]
    assert set(numbers.tolist()) == {6}


def test_only_rigid_motions_cost_nothing(villin_double: PreparedStructure) -> None:
    nodes = villin_double.model.positions.numpy()[list(villin_double.alpha_carbons)]
    hessian = network_hessian(nodes).toarray()
    assert hessian == pytest.approx(hessian.T)
    stiffness = np.linalg.eigvalsh(hessian)
    assert np.abs(stiffness[:RIGID_MOTIONS]).max() < 1e-9
    assert stiffness[RIGID_MOTIONS] > 1e-3


def test_the_stiffness_is_the_energy_s_curvature(villin_double: PreparedStructure) -> None:
    """Reference: the springs' energy itself, for a small displacement along any direction."""
    nodes = villin_double.model.positions.numpy()[list(villin_double.alpha_carbons)]
    shift = 1e-4 * np.random.default_rng(0).standard_normal(nodes.shape)
    pairs = cKDTree(nodes).query_pairs(15.0, output_type="ndarray")

    def lengths(at: np.ndarray) -> np.ndarray:
        return np.linalg.norm(at[pairs[:, 0]] - at[pairs[:, 1]], axis=1)

    energy = ((lengths(nodes + shift) - lengths(nodes)) ** 2).sum()
    quadratic = shift.ravel() @ network_hessian(nodes) @ shift.ravel()
    assert energy == pytest.approx(quadratic, rel=1e-3)


def test_modes_are_orthogonal_without_rigid_motion(
    villin_double: PreparedStructure, modes: NormalModes
) -> None:
    atoms = len(villin_double.model.positions)
    flat = modes.directions.reshape(COUNT, -1)
    assert flat @ flat.T / atoms == pytest.approx(np.eye(COUNT), abs=1e-9)
    places = villin_double.model.positions.numpy()
    arm = places - places.mean(0)
    assert modes.directions.mean(1) == pytest.approx(0, abs=1e-9)
    assert np.cross(arm, modes.directions).mean(1) == pytest.approx(0, abs=1e-6)
    assert (np.diff(modes.stiffness) >= 0).all()


def test_points_follow_a_rigid_motion_exactly() -> None:
    generator = np.random.default_rng(1)
    nodes, points = generator.uniform(0, 20, (30, 3)), generator.uniform(0, 20, (50, 3))
    shift, turn = generator.standard_normal(3), generator.standard_normal(3)
    followed = follow(points, nodes, (shift + np.cross(turn, nodes))[None])
    assert followed[0] == pytest.approx(shift + np.cross(turn, points))


def test_the_amplitude_is_the_one_asked_for(
    villin_double: PreparedStructure, modes: NormalModes
) -> None:
    generator, model = np.random.default_rng(2), villin_double.model
    squares = [
        float(((bent(model, modes, 1.5, generator).positions - model.positions) ** 2).sum(1).mean())
        for _ in range(3000)
    ]
    assert np.sqrt(np.mean(squares)) == pytest.approx(1.5, rel=0.04)


def test_soft_modes_move_more(modes: NormalModes) -> None:
    shares = modes.shares()
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) <= 0).all()


def test_no_amplitude_changes_nothing(villin: PreparedStructure, modes: NormalModes) -> None:
    same = bent(villin.model, modes, 0.0, np.random.default_rng(0))
    assert torch.equal(same.positions, villin.model.positions)
    assert same.positions.dtype == villin.model.positions.dtype


def test_bonds_nearly_keep_their_lengths(
    villin_double: PreparedStructure, modes: NormalModes
) -> None:
    model = villin_double.model
    places = model.positions.numpy()
    bonds = cKDTree(places).query_pairs(1.65, output_type="ndarray")
    amplitudes = np.zeros(COUNT)
    amplitudes[0] = 1.0
    moved = displaced_along(model, modes, amplitudes).positions.numpy()

    def lengths(at: np.ndarray) -> np.ndarray:
        return np.linalg.norm(at[bonds[:, 0]] - at[bonds[:, 1]], axis=1)

    change = lengths(moved) - lengths(places)
    assert np.sqrt((change**2).mean()) < 0.05
    assert np.abs(change).max() < 0.3


def test_the_same_modes_every_time(villin_double: PreparedStructure, modes: NormalModes) -> None:
    again = normal_modes(villin_double.model, np.array(villin_double.alpha_carbons), COUNT)
    assert np.array_equal(again.directions, modes.directions)


def test_too_few_residues() -> None:
    model = AtomicModel(torch.rand(3, 3), torch.full((3,), 6))
    with pytest.raises(InputError, match=r"3 residues have no 5 normal modes; use at most 2"):
        normal_modes(model, np.arange(3), 5)


def test_parts_that_do_not_touch(villin_double: PreparedStructure) -> None:
    model = villin_double.model
    far = torch.cat([model.positions, model.positions + 200])
    carbons = np.array(villin_double.alpha_carbons)
    both = np.concatenate([carbons, carbons + len(model.positions)])
    with pytest.raises(InputError, match="pair: is in parts that do not touch"):
        normal_modes(AtomicModel(far, model.atomic_numbers.repeat(2)), both, 3, "pair")
