from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from diffragan.config.specimen import ConformationSettings
from diffragan.errors import ConfigError, InputError
from diffragan.simulation.conformations import check_populations, draw_conformation
from diffragan.structures.prepared import PreparedStructure
from diffragan.structures.superposition import superposed


def test_conformations_come_by_their_populations() -> None:
    generator = np.random.default_rng(0)
    drawn = [draw_conformation((0.6, 0.0, 0.4), generator) for _ in range(10_000)]
    counts = np.bincount(drawn, minlength=3) / len(drawn)
    assert counts == pytest.approx([0.6, 0, 0.4], abs=0.02)
    assert counts[1] == 0


def test_rounded_populations_still_give_a_conformation() -> None:
    class Last(np.random.Generator):
        def uniform(self, *_: object, **__: object) -> float:
            return np.nextafter(1.0, 0.0)

    assert draw_conformation((0.333, 0.333, 0.333), Last(np.random.PCG64(0))) == 2


def test_every_structure_needs_its_population() -> None:
    check_populations(ConformationSettings(), 3)
    settings = ConformationSettings(populations=(0.5, 0.5))
    check_populations(settings, 2)
    with pytest.raises(ConfigError, match="2 shares for 3 structures"):
        check_populations(settings, 3)


def test_a_turned_copy_comes_back(villin: PreparedStructure) -> None:
    turn = torch.from_numpy(Rotation.from_rotvec([1, 2, -0.5]).as_matrix())
    moved = villin.model.rotated(turn).shifted(torch.tensor([3.0, -20.0, 8.0]))
    first, second = superposed([villin, replace(villin, name="moved", model=moved)])
    assert first is villin
    assert second.name == "moved"
    assert (second.model.positions - villin.model.positions).abs().max() < 1e-4


def test_other_residues_are_no_conformation(villin: PreparedStructure) -> None:
    shorter = replace(villin, name="shorter", alpha_carbons=villin.alpha_carbons[:-1])
    with pytest.raises(InputError, match="shorter: has 34 residues and test 35"):
        superposed([villin, shorter])
