"""Poses found by the embedded engine through the command's adapter: stopped, gone on, the same."""

from pathlib import Path

import pytest
import torch
from phantom import atoms, orientations, projections, shifts

from diffragan.errors import OutputError
from diffragan.grid import Grid
from diffragan.io.star import ParticleOptics
from diffragan.reconstruction import refined
from diffragan.reconstruction.refinement import State
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.request import Request
from diffragan.reconstruction.sources.particle_set import ParticleSet

GRID = Grid(24, 72.0)
COUNT = 32
SHORT = Request(poses="refine", iterations=3, diameter_angstrom=60.0, max_shift_angstrom=3.0)


@pytest.fixture(scope="module")
def particles() -> ParticleSet:
    poses = Poses(orientations(COUNT), shifts(COUNT, 2.0)[:, :2])
    moves = torch.nn.functional.pad(poses.shifts_angstrom, (0, 1))
    images = projections(atoms(20.0, count=60), poses.rotations, moves, GRID).float()
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    images = images + 0.5 * images.std() * noise
    optics = ParticleOptics(200.0, 0.0, 0.0, GRID.pixel_angstrom, GRID.pixels)
    return ParticleSet("p", COUNT, GRID, lambda n: images[list(n)], optics, {}, poses=poses)


class KilledError(Exception):
    """As if the process had been killed."""


def test_a_killed_run_goes_on_to_the_same_bytes_and_halves_share_nothing(
    particles: ParticleSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = refined.refine_poses(particles, SHORT, tmp_path / "whole", "cpu", 1)
    assert not (tmp_path / "whole" / refined.FOLDER).exists()
    write = refined.write_state

    def killed(folder: Path, state: State) -> None:
        write(folder, state)
        raise KilledError

    monkeypatch.setattr(refined, "write_state", killed)
    with pytest.raises(KilledError):
        refined.refine_poses(particles, SHORT, tmp_path / "killed", "cpu", 1)
    monkeypatch.setattr(refined, "write_state", write)
    other = SHORT.model_copy(update={"seed": 5})
    with pytest.raises(OutputError, match="a run with other settings or images"):
        refined.refine_poses(particles, other, tmp_path / "killed", "cpu", 1)
    again = refined.refine_poses(particles, SHORT, tmp_path / "killed", "cpu", 1)
    for first, second in (
        (whole.maps.full, again.maps.full),
        (whole.maps.half1, again.maps.half1),
        (whole.poses.rotations, again.poses.rotations),
    ):
        assert torch.equal(first, second)
    assert sorted(torch.bincount(whole.half_sets).tolist()) == [COUNT // 2, COUNT // 2]
    assert len(again.history) == len(whole.history)
