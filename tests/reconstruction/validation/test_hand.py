"""The mirrored map at mirrored orientations has the same images."""

import pytest
import torch
from made_maps import gaussian_shape
from scipy.spatial.transform import Rotation

from diffragan.grid import Grid
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.hand import MIRROR, mirror_volume, mirrored_rotations
from diffragan.structures.atomic_model import AtomicModel

PLACES = torch.tensor([[4.0, 1.0, 2.0], [0.0, 3.0, -5.0], [-2.0, -1.0, 6.0]], dtype=torch.float64)
NUMBERS = torch.tensor([6, 6, 6])


@pytest.mark.parametrize("pixels", [32, 31])
def test_a_mirrored_map_is_the_map_of_mirrored_atoms(pixels: int) -> None:
    grid, shape = Grid(pixels, 32.0), gaussian_shape(1.5)
    volume = true_potential_map(AtomicModel(PLACES, NUMBERS), grid, shape)
    mirrored = AtomicModel(PLACES * torch.tensor(MIRROR), NUMBERS)
    found = mirror_volume(volume)
    torch.testing.assert_close(found, true_potential_map(mirrored, grid, shape), atol=1e-5, rtol=0)
    torch.testing.assert_close(mirror_volume(found), volume)


def test_images_of_the_mirrored_molecule_at_mirrored_orientations_are_the_same() -> None:
    rotations = torch.from_numpy(Rotation.random(5, random_state=0).as_matrix())
    mirror = torch.tensor(MIRROR, dtype=torch.float64)
    seen = torch.einsum("vij,aj->vai", rotations, PLACES)
    again = torch.einsum("vij,aj->vai", mirrored_rotations(rotations), PLACES * mirror)
    torch.testing.assert_close(again[..., :2], seen[..., :2])  # x and y; z is not seen
    torch.testing.assert_close(
        torch.linalg.det(mirrored_rotations(rotations)), torch.ones(5).double()
    )
