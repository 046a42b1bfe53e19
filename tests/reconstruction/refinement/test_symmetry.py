"""Point groups: closed, of the right order, and refused when unknown."""

import pytest
import torch

from diffragan.errors import ConfigError
from diffragan.reconstruction.refinement.symmetry import symmetry_turns


@pytest.mark.parametrize(
    ("name", "order"), [("C1", 1), ("c3", 3), ("C7", 7), ("D2", 4), ("D5", 10)]
)
def test_a_group_is_closed_and_has_its_order(name: str, order: int) -> None:
    turns = symmetry_turns(name)
    assert len(turns) == order
    assert torch.allclose(torch.linalg.det(turns), torch.ones(order, dtype=torch.float64))
    assert torch.allclose(turns[0], torch.eye(3, dtype=torch.float64))
    for first in turns:
        for second in turns:
            distance = (turns - first @ second).flatten(1).norm(dim=1)
            assert (distance < 1e-9).sum() == 1


@pytest.mark.parametrize("name", ["", "T", "C0", "D", "C-1", "C100", "O"])
def test_an_unknown_group_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"symmetry '{name}'"):
        symmetry_turns(name)
