"""A mask that the user gives: taken as it is, or refused in one line."""

from pathlib import Path

import numpy as np
import pytest
import torch
from made_maps import map_of
from test_validation_folder import write_maps

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.mrc import read_mrc, write_stack, write_volume
from diffragan.reconstruction.validation.folder import validate_folder
from diffragan.reconstruction.validation.gold_standard import gold_standard
from diffragan.reconstruction.validation.hand import mirror_volume
from diffragan.reconstruction.validation.mask_file import read_mask
from diffragan.reconstruction.validation.masks import sphere_mask
from diffragan.reconstruction.validation.residue_model import ResidueModel

GRID = Grid(40, 56.0)


def test_the_mask_given_is_the_mask_of_the_correlations(
    scrambled: ResidueModel, tmp_path: Path
) -> None:
    write_maps(tmp_path, map_of(scrambled, GRID, 4.0))
    made = validate_folder(tmp_path, local=False)
    mask = sphere_mask(GRID, 20.0)
    write_volume(tmp_path / "ball.mrc", mask.numpy(), GRID.pixel_angstrom)
    found = validate_folder(tmp_path, mask_file=tmp_path / "ball.mrc", local=False)
    assert found["gold_standard"]["fsc_unmasked"] == made["gold_standard"]["fsc_unmasked"]
    assert found["gold_standard"]["fsc_masked"] != made["gold_standard"]["fsc_masked"]
    assert "in the mask ball.mrc, corrected" in found["words"][0]
    np.testing.assert_array_equal(read_mrc(tmp_path / "mask.mrc")[0], mask.numpy())
    # The mask of the run before may be given again, in the folder whose files are replaced.
    again = validate_folder(tmp_path, mask_file=tmp_path / "mask.mrc", local=False)
    assert again["gold_standard"] == found["gold_standard"]


def test_where_docking_mirrors_the_map_the_mask_given_is_of_the_mirrored_one(
    scrambled: ResidueModel, prepared_villin_file: Path, tmp_path: Path
) -> None:
    write_maps(tmp_path, mirror_volume(map_of(scrambled, GRID, 3.5)), noisy=0.1)
    # Off the plane of the mirror, so that the two hands need different masks.
    mask = sphere_mask(GRID, 16.0).roll(8, 0)
    write_volume(tmp_path / "given.mrc", mask.numpy(), GRID.pixel_angstrom)
    found = validate_folder(
        tmp_path,
        prepared_villin_file,
        mask_file=tmp_path / "given.mrc",
        in_place=True,
        local=False,
    )
    assert found["docking"]["hand"] == "mirrored"
    assert found["files"]["half1"] == "half1.mrc"
    np.testing.assert_array_equal(read_mrc(tmp_path / "mask.mrc")[0], mask.numpy())
    halves = (torch.from_numpy(read_mrc(tmp_path / f"half{n}.mrc")[0]) for n in (1, 2))
    masked = gold_standard(*halves, GRID, mask).masked
    np.testing.assert_allclose(found["gold_standard"]["fsc_masked"], masked, atol=1e-5)


def test_masks_that_are_none_are_named(tmp_path: Path) -> None:
    path, ones = tmp_path / "m.mrc", np.ones((40, 40, 40), np.float32)
    with pytest.raises(InputError, match="there is no such file"):
        read_mask(path, GRID)
    for values, pixel, words in (
        (ones[:24, :24, :24], 1.4, "24 x 24 x 24; the mask of this map has 40 x 40 x 40"),
        (ones, 1.5, r"voxels of 1\.5 Å, and the map of 1\.4 Å; resample"),
        (2 * ones, 1.4, "values from 2 to 2, and a mask has them from 0 to 1"),
        (0.2 * ones, 1.4, "is empty"),
    ):
        write_volume(path, values, pixel)
        with pytest.raises(InputError, match=words):
            read_mask(path, GRID)
    write_stack(tmp_path / "s.mrcs", ones[:3], 1.4)
    with pytest.raises(InputError, match="a stack of 3 x 40 x 40"):
        read_mask(tmp_path / "s.mrcs", GRID)
