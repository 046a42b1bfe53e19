"""Images brought to another sampling: exact for whatever both grids can hold."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.evaluation.regrid import regrid
from diffragan.fourier import resample
from diffragan.grid import Grid

SIGMA_ANGSTROM = 2.0
STILL = torch.zeros(1, 2)


def blob(grid: Grid, y: float, x: float) -> torch.Tensor:
    """A Gaussian at a place [Å], all but band-limited and well inside any of the boxes."""
    axis = (torch.arange(grid.pixels).double() - grid.pixels // 2) * grid.pixel_angstrom
    apart = (axis[:, None] - y) ** 2 + (axis[None, :] - x) ** 2
    return torch.exp(-apart / (2 * SIGMA_ANGSTROM**2))[None]


@given(
    source_pixels=st.integers(60, 90),
    target_pixels=st.integers(60, 90),
    source_box=st.floats(40, 60),
    target_box=st.floats(40, 60),
    y=st.floats(-4, 4),
    x=st.floats(-4, 4),
)
def test_a_smooth_blob_is_the_same_blob_on_any_grid(
    source_pixels: int, target_pixels: int, source_box: float, target_box: float, y: float, x: float
) -> None:
    source, target = Grid(source_pixels, source_box), Grid(target_pixels, target_box)
    moved = regrid(blob(source, 0.5, -1.5), source, target, torch.tensor([[y, x]]))
    assert torch.allclose(moved, blob(target, 0.5 + y, -1.5 + x), atol=1e-6)


@pytest.mark.parametrize(("source", "target"), [(48, 40), (48, 64), (49, 64), (48, 33), (33, 48)])
def test_in_one_box_it_is_the_cropped_or_padded_transform(source: int, target: int) -> None:
    generator = torch.Generator().manual_seed(0)
    images = resample(torch.randn(2, 30, 30, generator=generator, dtype=torch.float64), source).real
    # Below the frequency at which the two treat half a sample differently.
    smooth = resample(resample(images, 21), source).real
    found = regrid(smooth, Grid(source, 24.0), Grid(target, 24.0), torch.zeros(2, 2))
    assert torch.allclose(found, resample(smooth, target).real, atol=1e-9)


def test_nothing_is_made_up_outside_the_old_box() -> None:
    small, large = Grid(40, 20.0), Grid(80, 40.0)
    found = regrid(torch.ones(1, 40, 40), small, large, STILL)
    assert torch.allclose(found[:, 21:59, 21:59], torch.ones(1), atol=1e-5)
    assert not found[:, :19].any()
    assert not found[:, :, 62:].any()


def test_what_the_new_grid_cannot_hold_is_left_out() -> None:
    fine, coarse = Grid(64, 32.0), Grid(16, 32.0)
    axis = torch.arange(64).double()
    stripes = torch.cos(2 * torch.pi * 12 * axis / 64).expand(64, 64)[None]
    assert float(regrid(stripes, fine, coarse, STILL).abs().max()) < 1e-9
