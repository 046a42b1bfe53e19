import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from phantom import atoms, gaussian_factor, orientations, projections, shifts

from diffragan.errors import InputError, OutputError
from diffragan.grid import Grid
from diffragan.io.mrc import read_mrc
from diffragan.reconstruction.reconstruct import reconstruct_phased
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.views import Batch

GRID = Grid(32, 48.0)


def batches(noise: float = 0.0) -> Iterator[Batch]:
    rotations, moves = orientations(60), shifts(60, 2.0)
    images = projections(atoms(14.0), rotations, moves, GRID)
    generator = torch.Generator().manual_seed(0)
    random = torch.randn(images.shape, generator=generator, dtype=images.dtype)
    images = images + noise * images.std() * random
    for start in range(0, 60, 25):
        part = slice(start, start + 25)
        yield images[part], rotations[part], moves[part, :2]


def test_maps_and_curves_are_written(tmp_path: Path) -> None:
    truth = true_potential_map(atoms(14.0), GRID, gaussian_factor)
    folder = tmp_path / "new" / "map"
    maps, agreement = reconstruct_phased(
        batches(noise=4.0), GRID, folder, truth=truth, provenance={"seed": 1}
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        "fsc.json",
        "half1.mrc",
        "half2.mrc",
        "map.mrc",
    ]
    array, pixel, kind = read_mrc(folder / "map.mrc")
    torch.testing.assert_close(torch.from_numpy(array), maps.full)
    assert (pixel, kind) == (1.5, "volume")
    report = json.loads((folder / "fsc.json").read_text())
    assert set(report) == {
        "frequency_per_angstrom",
        "fsc_half_maps",
        "fsc_truth",
        "pixel_angstrom",
        "provenance",
        "resolution_fsc_0p143_angstrom",
        "resolution_fsc_truth_0p5_angstrom",
        "views",
    }
    assert report["views"] == 60
    assert report["provenance"] == {"seed": 1}
    assert len(report["frequency_per_angstrom"]) == len(report["fsc_half_maps"]) == 16
    halves, against_truth = (
        report["resolution_fsc_0p143_angstrom"],
        report["resolution_fsc_truth_0p5_angstrom"],
    )
    assert halves == agreement.resolution_fsc_0p143_angstrom
    # Rosenthal and Henderson: halves at 0.143 and the full map with the truth at 0.5 say the same.
    assert halves == pytest.approx(against_truth, rel=0.35)


def test_twice_gives_the_same_bytes_and_replaces_the_old(tmp_path: Path) -> None:
    names = ("map.mrc", "half1.mrc", "half2.mrc", "fsc.json")
    reconstruct_phased(batches(0.5), GRID, tmp_path)
    first = [(tmp_path / name).read_bytes() for name in names]
    reconstruct_phased(batches(0.5), GRID, tmp_path)
    assert [(tmp_path / name).read_bytes() for name in names] == first
    report = json.loads((tmp_path / "fsc.json").read_text())
    assert report["fsc_truth"] is None


def test_a_file_in_the_way_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    views = batches()
    with pytest.raises(OutputError, match="a file stands"):
        reconstruct_phased(views, GRID, tmp_path / "file")
    assert len(next(views)[0]) == 25


def test_no_views_are_refused_and_leave_no_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two views or more"):
        reconstruct_phased([], GRID, tmp_path / "map")
    assert not list((tmp_path / "map").iterdir())
