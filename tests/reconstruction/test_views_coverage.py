"""How much of a map's Fourier space its views reach."""

import pytest
import torch
from phantom import orientations

from diffragan.errors import InputError, OutputError
from diffragan.grid import Grid
from diffragan.reconstruction.coverage import check_views_differ, coverage
from diffragan.reconstruction.refinement.symmetry import symmetry_turns
from diffragan.reconstruction.unfinished import claim_folder, release_folder
from diffragan.rotations import matrix_from_relion_angles

GRID = Grid(64, 64.0)


def in_plane(count: int) -> torch.Tensor:
    psi = torch.linspace(0, 350, count).double()
    angles = torch.stack([torch.full_like(psi, 40), torch.full_like(psi, 30), psi], dim=1)
    return torch.from_numpy(matrix_from_relion_angles(angles.numpy()))


def test_one_slice_reaches_what_a_slice_can() -> None:
    # |cos| < 1 / (2 k) of a sphere is 1 / (2 k) of its surface.
    assert coverage(orientations(1), 8.0) == pytest.approx(1 / 16, abs=0.004)
    assert coverage(orientations(300), 8.0) > 0.99
    assert coverage(in_plane(50), 8.0) == coverage(in_plane(1), 8.0)


def test_symmetry_adds_views() -> None:
    alone = coverage(orientations(1), 8.0)
    assert coverage(orientations(1), 8.0, symmetry_turns("C4")) > 3 * alone


def test_the_same_view_is_told_with_its_coverage() -> None:
    with pytest.raises(InputError, match=r"all 50 images .* undetermined: they reach 3% .* 4.0 Å"):
        check_views_differ(in_plane(50), GRID, "p")
    check_views_differ(torch.cat([in_plane(50), orientations(1)]), GRID, "p")
    check_views_differ(in_plane(50), GRID, "p", symmetry_turns("D3"))


def test_unfinished_work_is_taken_up_by_the_same_request_only(tmp_path) -> None:  # type: ignore[no-untyped-def]
    folder = claim_folder(tmp_path / "work", {"seed": 1})
    (folder / "state").write_text("half")
    assert claim_folder(tmp_path / "work", {"seed": 1}) == folder
    with pytest.raises(OutputError, match="a run with other settings or images; remove it"):
        claim_folder(tmp_path / "work", {"seed": 2})
    release_folder(folder)
    assert not folder.exists()
