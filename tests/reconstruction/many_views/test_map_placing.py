"""A map that drifted is found and put back by the coarse map it began with."""

import torch
from made_up_patterns import grid, truth

from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.many_views.starts import coarse_map
from diffragan.reconstruction.placing import drift, moved, placed_on

COARSE = 5.0
AWAY = torch.tensor([0.3, -0.7, 0.15], dtype=torch.float64)


def test_a_drift_is_found_from_a_noisy_coarse_map() -> None:
    coarse = coarse_map(truth(), grid(), COARSE, noise=0.5, seed=1)
    found = drift(moved(truth(), AWAY, grid()), coarse, grid(), COARSE)
    torch.testing.assert_close(found, AWAY, atol=0.1, rtol=0)


def test_a_map_is_put_back_to_where_the_coarse_map_lies() -> None:
    coarse = coarse_map(truth(), grid(), COARSE)
    back = placed_on(moved(truth(), AWAY, grid()), coarse, grid(), COARSE)
    _, before = fourier_shell_correlation(moved(truth(), AWAY, grid()), truth(), grid())
    _, after = fourier_shell_correlation(back, truth(), grid())
    assert before[14] < 0.6
    assert after[1:17].min() > 0.99


def test_whole_voxels_are_a_roll() -> None:
    shift = torch.tensor([2.0, 0.0, -1.0], dtype=torch.float64) * grid().pixel_angstrom
    rolled = torch.roll(truth(), (-1, 0, 2), (0, 1, 2))
    difference = (moved(truth(), shift, grid()) - rolled).norm() / rolled.norm()
    assert difference < 0.02  # what lies at the grid's Nyquist frequency


def test_empty_maps_stay() -> None:
    nothing = torch.zeros_like(truth())
    assert torch.equal(drift(truth(), nothing, grid(), COARSE), torch.zeros(3).double())
