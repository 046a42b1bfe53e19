from math import pi

import numpy as np
import pytest
import torch

from diffragan.config.specimen import SpecimenSettings
from diffragan.errors import ConfigError
from diffragan.simulation.specimen import (
    displacement_angstrom,
    frozen_phonon,
    with_thermal_motion,
)
from diffragan.structures.atomic_model import AtomicModel

B = torch.tensor([5.0, 20.0, 80.0], dtype=torch.float64)


def atoms(count: int, b_factors: torch.Tensor | None) -> AtomicModel:
    generator = torch.Generator().manual_seed(0)
    places = 20 * torch.rand(count, 3, generator=generator, dtype=torch.float64)
    return AtomicModel(places, torch.full((count,), 6), b_factors)


def test_displacements_have_the_variance_of_the_b_factors() -> None:
    count = 30_000
    model = atoms(3 * count, B.repeat(count))
    moved = frozen_phonon(model, np.random.default_rng(1))
    step = (moved.positions - model.positions).reshape(count, 3, 3)
    variance = (step**2).mean((0, 2))
    assert 8 * pi**2 * variance == pytest.approx(B.numpy(), rel=0.02)
    assert step.mean((0, 2)).abs().max() < 0.02
    assert moved.b_factors is None
    assert torch.equal(moved.atomic_numbers, model.atomic_numbers)


def test_atoms_and_axes_move_independently() -> None:
    count = 30_000
    model = atoms(count, torch.full((count,), 8 * pi**2, dtype=torch.float64))
    step = (frozen_phonon(model, np.random.default_rng(2)).positions - model.positions).numpy()
    assert np.corrcoef(step.T) == pytest.approx(np.eye(3), abs=0.02)
    assert abs((step[:-1] * step[1:]).mean()) < 0.02


def test_the_mean_structure_factor_tends_to_debye_and_waller_s() -> None:
    """Law: the mean over frozen phonons is the sum of exp(-B q^2 / 4) exp(2 pi i q.x)."""
    model, draws = atoms(3, B), 20_000
    q = torch.tensor([[0.1, 0.0, 0.0], [0.2, -0.1, 0.1], [0.3, 0.3, 0.0]], dtype=torch.float64)
    generator = np.random.default_rng(3)
    many = AtomicModel(
        model.positions.repeat(draws, 1), model.atomic_numbers.repeat(draws), B.repeat(draws)
    )
    moved = frozen_phonon(many, generator).positions.reshape(draws, 3, 3)
    mean = torch.exp(2j * pi * (moved @ q.T)).mean(0)  # (atoms, frequencies)
    at_rest = torch.exp(2j * pi * (model.positions @ q.T))
    damped = torch.exp(-B[:, None] * q.norm(dim=1) ** 2 / 4) * at_rest
    assert (mean - damped).abs().max() < 4 / draws**0.5


def test_the_intensity_splits_into_a_damped_and_a_diffuse_part() -> None:
    """Law: <|F|^2> = |<F>|^2 + sum over atoms of 1 - exp(-B q^2 / 2), in Einstein's model."""
    count, draws, q = 40, 4000, 0.25
    model = atoms(count, torch.full((count,), 12.0, dtype=torch.float64))
    generator = np.random.default_rng(4)
    x = torch.stack([frozen_phonon(model, generator).positions[:, 0] for _ in range(draws)])
    intensity = (torch.exp(2j * pi * q * x).sum(1).abs() ** 2).mean()
    damping = float(torch.exp(torch.tensor(-12 * q**2 / 2)))
    coherent = float(torch.exp(2j * pi * q * model.positions[:, 0]).sum().abs() ** 2) * damping
    expected = coherent + count * (1 - damping)
    assert float(intensity) == pytest.approx(expected, rel=0.06)


def test_the_displacement_of_a_known_b_factor() -> None:
    assert float(displacement_angstrom(torch.tensor([78.957]))[0]) == pytest.approx(1, abs=1e-4)


def test_without_motion_b_factors_are_dropped() -> None:
    assert with_thermal_motion(atoms(3, B), SpecimenSettings()).b_factors is None


@pytest.mark.parametrize("motion", ["b_factors", "frozen_phonons"])
def test_each_atom_s_own_or_one_for_all(motion: str) -> None:
    own = SpecimenSettings.model_validate({"thermal_motion": motion})
    assert with_thermal_motion(atoms(3, B), own).b_factors is B
    one = SpecimenSettings.model_validate({"thermal_motion": motion, "b_factor_a2": 7})
    for model in (atoms(3, B), atoms(3, None)):
        assert with_thermal_motion(model, one).b_factors.tolist() == [7, 7, 7]


def test_no_b_factors_where_each_atom_s_own_are_wanted() -> None:
    settings = SpecimenSettings(thermal_motion="b_factors")
    with pytest.raises(ConfigError, match=r"villin: has no B-factors of its own; give one"):
        with_thermal_motion(atoms(3, None), settings, "villin")


def test_atoms_at_rest_stay() -> None:
    model = atoms(3, None)
    assert frozen_phonon(model, np.random.default_rng(0)) is model
    still = atoms(3, torch.zeros(3, dtype=torch.float64))
    assert torch.equal(frozen_phonon(still, np.random.default_rng(0)).positions, still.positions)
