"""The real program takes our STAR files, and its poses come back. Skipped where it is absent."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from phantom import atoms, gaussian_factor, orientations, projections, shifts

from diffragan.cli.main import run
from diffragan.grid import Grid
from diffragan.io.star import ParticleOptics, read_particles
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.maps import Maps, reconstruct_halves
from diffragan.reconstruction.particle_files import (
    write_particle_stack,
    write_particle_table,
)
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.relion.commands import RelionSettings
from diffragan.reconstruction.relion.engine import LOG, ByRelion, reconstruct_with_relion
from diffragan.reconstruction.relion.program import find_relion
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.reconstruction.truth import true_potential_map

pytestmark = pytest.mark.skipif(
    shutil.which("relion_refine_mpi") is None or shutil.which("mpirun") is None,
    reason="RELION is not installed",
)
GRID = Grid(32, 96.0)
COUNT = 60
SHORT = RelionSettings(
    diameter_angstrom=80.0,
    max_shift_pixels=2,
    initial_iterations=3,
    batch=30,
    most_iterations=2,
    order=1,
    initial_order=0,
    oversampling=0,
    initial_resolution_angstrom=40.0,
    final_resolution_angstrom=30.0,
)


@pytest.fixture(scope="module")
def particles() -> ParticleSet:
    model = atoms(28.0, count=60)
    poses = Poses(orientations(COUNT), shifts(COUNT, 4.0)[:, :2])
    moves = torch.nn.functional.pad(poses.shifts_angstrom, (0, 1))
    images = projections(model, poses.rotations, moves, GRID).float()
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    images = images + 0.5 * images.std() * noise
    return ParticleSet(
        "phantom",
        COUNT,
        GRID,
        lambda numbers: images[list(numbers)],
        ParticleOptics(200.0, 0.0, 0.0, GRID.pixel_angstrom, GRID.pixels),
        {},
        poses=poses,
    )


@pytest.fixture(scope="module")
def halves() -> torch.Tensor:
    return torch.arange(COUNT) % 2


def fsc_with_truth(maps: Maps) -> torch.Tensor:
    truth = true_potential_map(atoms(28.0, count=60), GRID, gaussian_factor)
    return fourier_shell_correlation(maps.full, truth, GRID)[1]


def test_known_poses_give_the_map_that_we_make(
    particles: ParticleSet, halves: torch.Tensor, tmp_path: Path
) -> None:
    stack = write_particle_stack(particles, tmp_path)
    made = reconstruct_with_relion(
        find_relion(), particles, "known", halves, tmp_path / "relion", SHORT, stack
    )
    assert particles.poses is not None
    ours = reconstruct_halves(particles.batches(particles.poses), GRID, half_sets=halves)
    theirs, own = fsc_with_truth(made.maps), fsc_with_truth(ours)
    # A wrong sign, axis or origin would leave the first shells alone alike.
    assert theirs[1:11].min() > 0.9
    # Ours are least squares, and nearer the truth by up to 0.05; much more would be another map.
    assert (own[1:] - theirs[1:]).min() > -0.02
    assert (own[1:] - theirs[1:]).max() < 0.1
    for mine, other in ((ours.half1, made.maps.half1), (ours.half2, made.maps.half2)):
        assert fourier_shell_correlation(mine, other, GRID)[1][1:9].min() > 0.95


@pytest.fixture(scope="module")
def found(
    particles: ParticleSet, halves: torch.Tensor, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ByRelion, Path]:
    folder = tmp_path_factory.mktemp("unknown")
    stack = write_particle_stack(particles, folder)
    made = reconstruct_with_relion(
        find_relion(), particles, "unknown", halves, folder / "relion", SHORT, stack
    )
    return made, folder / "relion"


def test_nothing_known_goes_through_an_initial_model_and_a_refinement(
    found: tuple[ByRelion, Path], halves: torch.Tensor
) -> None:
    made, folder = found
    assert made.maps.half1.shape == (32, 32, 32)
    assert float(made.maps.half1.std()) > 0
    torch.testing.assert_close(made.half_sets, halves)  # it keeps ours
    assert not made.converged
    products = made.poses.rotations @ made.poses.rotations.mT
    torch.testing.assert_close(products, torch.eye(3).double().expand_as(products))
    given = read_particles(folder / "input.star")
    assert given.rotations is None


def test_known_poses_are_refined_near_where_they_were(
    particles: ParticleSet, halves: torch.Tensor, tmp_path: Path
) -> None:
    stack = write_particle_stack(particles, tmp_path)
    short = replace(SHORT, most_iterations=1, final_resolution_angstrom=12.0)
    made = reconstruct_with_relion(
        find_relion(), particles, "refine", halves, tmp_path / "relion", short, stack
    )
    assert particles.poses is not None
    turned = particles.poses.rotations.mT @ made.poses.rotations
    cosine = (turned.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2
    assert float(torch.rad2deg(torch.arccos(cosine.clamp(-1, 1))).max()) < 12
    moved = (made.poses.shifts_angstrom - particles.poses.shifts_angstrom).norm(dim=1)
    assert float(moved.median()) < GRID.pixel_angstrom


def test_a_run_that_was_stopped_goes_on_and_a_finished_one_is_not_done_again(
    found: tuple[ByRelion, Path], particles: ParticleSet, halves: torch.Tensor
) -> None:
    made, folder = found
    before = (folder / LOG).read_text()
    again = reconstruct_with_relion(
        find_relion(), particles, "unknown", halves, folder, SHORT, folder.parent / "particles.mrcs"
    )
    torch.testing.assert_close(again.poses.rotations, made.poses.rotations)
    assert (folder / LOG).read_text() == before
    for path in folder.glob("refine/run_it002_*"):
        path.unlink()  # as if it had been killed in its second iteration
    reconstruct_with_relion(
        find_relion(), particles, "unknown", halves, folder, SHORT, folder.parent / "particles.mrcs"
    )
    added = (folder / LOG).read_text().removeprefix(before)
    assert "--continue refine/run_it001_optimiser.star" in added
    assert "Expectation iteration 2" in added
    assert "--denovo_3dref" not in added


def test_the_command_makes_a_map_by_relion_and_post_processes_it(
    particles: ParticleSet, halves: torch.Tensor, tmp_path: Path
) -> None:
    stack = write_particle_stack(particles, tmp_path)
    star = write_particle_table(
        particles, tmp_path / "p.star", particles.poses, halves, stack=stack
    )
    out = tmp_path / "map"
    command = ["reconstruct", str(star), "--engine", "relion", "--out", str(out), "--no-page"]
    assert run([*command, "--device", "cpu"]) == 0
    log = (out / "relion" / LOG).read_text()
    assert [line.split()[1] for line in log.splitlines() if line.startswith("$ ")] == [
        "relion_reconstruct", "relion_reconstruct", "relion_reconstruct", "relion_postprocess",
    ]  # fmt: skip
    # The images are normalised already and stay in their own stack.
    assert "@../particles.mrcs" in (out / "particles.star").read_text()
    assert not (out / "relion" / "particles.mrcs").exists()
    assert json.loads((out / "fsc.json").read_text())["relion_version"]
