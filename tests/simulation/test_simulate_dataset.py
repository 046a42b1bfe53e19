"""A data set is the same bytes whatever the workers, the order and the interruptions."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.errors import ConfigError, InputError, OutputError
from diffragan.io.journal import JOURNAL
from diffragan.io.store import partial_path
from diffragan.io.triplets import TripletStore
from diffragan.rotations import matrix_from_quaternion
from diffragan.simulation import dataset
from diffragan.simulation.dataset import make_item, simulate_dataset
from diffragan.simulation.orientations import (
    check_fits,
    item_generator,
    posed,
    random_pose,
    size_in_poses,
)
from diffragan.simulation.plan import Plan
from diffragan.simulation.workers import memory_bytes, worker_count
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.prepared import PreparedStructure

SEED = 0
MANY = 24
"""Orientations of a run that is killed halfway."""


def quick(orientations: int, **overrides: float) -> Experiment:
    return load_experiment("quick", overrides={"orientations": orientations, **overrides})


def files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def command(structure: Path, out: Path, orientations: int, *more: str) -> list[str]:
    program = [sys.executable, "-m", "diffragan", "simulate", str(structure), "--out", str(out)]
    options = ["--preset", "quick", "--orientations", str(orientations), "--device", "cpu"]
    return [*program, *options, "--seed", str(SEED), *more]


def items_done(out: Path) -> int:
    journal = partial_path(out) / JOURNAL
    return journal.read_text().count("\n") if journal.exists() else 0


def interrupted(arguments: Sequence[str], out: Path, with_signal: int) -> tuple[int, str]:
    """Run until some items are done, send a signal; return exit code and standard error."""
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while items_done(out) < 2 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(with_signal)
    _, told = process.communicate(timeout=120)
    return process.returncode, told.decode()


def test_two_workers_write_the_same_bytes_as_one(
    villin: PreparedStructure, villin_data: Path, tmp_path: Path
) -> None:
    out = simulate_dataset([villin], quick(8), SEED, tmp_path / "two.zarr", workers=2)
    assert files(out) == files(villin_data)


@pytest.fixture(scope="module")
def undisturbed(villin: PreparedStructure, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "whole.zarr"
    return simulate_dataset([villin], quick(MANY), SEED, out, workers=1)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_killed_run_that_is_run_again_writes_the_same_bytes(
    villin: PreparedStructure, undisturbed: Path, tmp_path: Path, workers: str
) -> None:
    out = tmp_path / "killed.zarr"
    arguments = command(villin.path, out, MANY, "--workers", workers)
    code, _ = interrupted(arguments, out, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert 2 <= items_done(out) < MANY
    assert not out.exists()
    again = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=200)
    assert "going on with an unfinished run" in again.stderr
    assert files(out) == files(undisturbed)
    assert [path.name for path in tmp_path.iterdir()] == ["killed.zarr"]


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_says_how_to_go_on(
    villin: PreparedStructure, tmp_path: Path, with_signal: int
) -> None:
    out = tmp_path / "data.zarr"
    code, told = interrupted(command(villin.path, out, 400, "--workers", "1"), out, with_signal)
    assert code == 130
    assert told.splitlines()[-1].startswith("diffragan: interrupted; run the same command again")
    assert "Traceback" not in told
    assert not out.exists()
    assert 2 <= items_done(out) < 400


def test_an_item_does_not_depend_on_how_many_there_are(
    villin: PreparedStructure, villin_data: Path, tmp_path: Path
) -> None:
    few = TripletStore(simulate_dataset([villin], quick(3), SEED, tmp_path / "few.zarr", workers=1))
    many = TripletStore(villin_data)
    for name in ("diffraction", "low_resolution", "exit_wave", "orientation"):
        np.testing.assert_array_equal(few.read(name), many.read(name, range(3)))


def test_a_molecule_s_items_do_not_depend_on_the_others(
    villin: PreparedStructure, villin_data: Path, tmp_path: Path
) -> None:
    other = replace(villin, name="other", sha256="ab" * 32)
    out = simulate_dataset([other, villin], quick(2), SEED, tmp_path / "both.zarr", workers=1)
    both, alone = TripletStore(out), TripletStore(villin_data)
    assert both.read("structure").tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(
        both.read("low_resolution", [2, 3]), alone.read("low_resolution", [0, 1])
    )
    assert not np.allclose(both.read("orientation", [0]), both.read("orientation", [2]))


def test_another_seed_gives_other_orientations_and_noise(
    villin: PreparedStructure, villin_data: Path, tmp_path: Path
) -> None:
    out = simulate_dataset([villin], quick(1), SEED + 1, tmp_path / "other.zarr", workers=1)
    for name in ("orientation", "low_resolution"):
        assert not np.array_equal(
            TripletStore(out).read(name), TripletStore(villin_data).read(name, [0])
        )


def test_rotated_structures_asked_for_late_are_all_written(
    villin: PreparedStructure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, turned = tmp_path / "data.zarr", tmp_path / "turned"

    def make_two(plan: Plan, item: int, partial: Path) -> None:
        if item == 2:
            raise KeyboardInterrupt
        make_item(plan, item, partial)

    monkeypatch.setattr(dataset, "make_item", make_two)
    with pytest.raises(KeyboardInterrupt):
        simulate_dataset([villin], quick(4), SEED, out, workers=1)
    monkeypatch.undo()
    assert items_done(out) == 2
    simulate_dataset([villin], quick(4), SEED, out, workers=1, rotated_folder=turned)
    assert sorted(path.name for path in turned.iterdir()) == [
        f"test_{item:05d}.pdb" for item in range(4)
    ]


def test_a_molecule_larger_than_the_box_says_by_how_much_and_which_box_would_do(
    villin: PreparedStructure, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        simulate_dataset([villin], quick(4, box_angstrom=24), SEED, tmp_path / "small.zarr")
    words = str(caught.value).split()
    across, excess = float(words[1]), float(words[4])
    assert across == pytest.approx(24 + excess, abs=0.11)
    assert not list(tmp_path.iterdir())
    advised = float(words[words.index("use") + 4])
    experiment = quick(4, box_angstrom=advised)
    simulate_dataset([villin], experiment, SEED, tmp_path / "advised.zarr", workers=1)


def test_the_advice_for_a_long_molecule_works_with_the_preset_s_pixels() -> None:
    rod = AtomicModel(torch.tensor([[0.0, 0, -45], [0, 0, 45]]), torch.tensor([6, 6]))
    base = quick(64)

    def check(box: float) -> None:
        poses = (random_pose(rod, item_generator(0, "ab" * 32, n)) for n in range(64))
        check_fits([size_in_poses("rod", [posed(rod, pose) for pose in poses])], box, None)

    with pytest.raises(InputError, match=r"rod: 8.* across, .* more than the box of 70") as caught:
        check(70)
    advised = float(str(caught.value).split("use a box of ")[1].split()[0])
    check(advised)
    larger = load_experiment("quick", overrides=base.in_box(advised))
    assert larger.simulation_grid.pixel_angstrom <= base.simulation_grid.pixel_angstrom


def test_a_molecule_that_fits_in_any_orientation_is_not_turned_to_find_out(
    villin: PreparedStructure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_needed(*_: object) -> None:
        raise AssertionError("no orientation needs to be looked at")

    monkeypatch.setattr(dataset, "size_in_poses", not_needed)
    simulate_dataset([villin], quick(1), SEED, tmp_path / "one.zarr", workers=1)


def test_orientations_are_uniform_on_so3(villin: PreparedStructure) -> None:
    quaternions = np.array(
        [
            random_pose(villin.model, item_generator(7, villin.sha256, n)).quaternion
            for n in range(4000)
        ]
    )
    np.testing.assert_allclose(np.linalg.norm(quaternions, axis=1), 1)
    matrices = matrix_from_quaternion(quaternions)
    # Haar measure: entries have mean 0 and variance 1/3, and each axis is uniform on the sphere,
    # so that every coordinate is uniform on [-1, 1] (Archimedes).
    assert np.abs(matrices.mean(0)).max() < 4 * np.sqrt(1 / 3 / 4000)
    np.testing.assert_allclose(matrices.var(0), 1 / 3, atol=0.03)
    for entry in matrices.reshape(-1, 9).T:
        cumulative = np.arange(1, 4001) / 4000
        assert np.abs(np.sort((entry + 1) / 2) - cumulative).max() < 1.95 / np.sqrt(4000)
    # The angle of rotation w has density (1 - cos w) / pi.
    angle = np.sort(np.arccos(np.clip((np.trace(matrices, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    expected = (angle - np.sin(angle)) / np.pi
    assert np.abs(expected - np.arange(1, 4001) / 4000).max() < 1.95 / np.sqrt(4000)


def test_a_turned_molecule_s_bounding_box_is_centred(villin: PreparedStructure) -> None:
    for n in range(5):
        pose = random_pose(villin.model, item_generator(0, villin.sha256, n))
        positions = posed(villin.model, pose).positions
        torch.testing.assert_close(positions.amax(0), -positions.amin(0), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("seed", "workers", "words"),
    [(-1, 1, "the seed is -1"), (0, 0, "workers is 0"), (0, -2, "workers is -2")],
)
def test_impossible_numbers_are_refused_before_anything_is_written(
    villin: PreparedStructure, tmp_path: Path, seed: int, workers: int, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        simulate_dataset([villin], quick(1), seed, tmp_path / "data.zarr", workers=workers)
    assert not list(tmp_path.iterdir())


def test_no_structures_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no structures to simulate"):
        simulate_dataset([], quick(1), SEED, tmp_path / "data.zarr")


def test_ten_million_orientations_are_refused_in_seconds(
    villin: PreparedStructure, tmp_path: Path
) -> None:
    began = time.monotonic()
    with pytest.raises(OutputError, match="GB are free"):
        simulate_dataset([villin], quick(10_000_000), SEED, tmp_path / "data.zarr", workers=1)
    assert time.monotonic() - began < 5
    assert not list(tmp_path.iterdir())


def test_more_memory_than_there_is_is_refused() -> None:
    pixels = {"numerics": {"pixels": 4096}}
    huge = load_experiment("paper", overrides=pixels)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    too_many = int(machine / memory_bytes(huge)) + 1
    with pytest.raises(ConfigError, match="GB of memory, and this machine has"):
        worker_count(too_many, 10**6, huge)
    assert worker_count(None, 10**6, huge) < too_many


def test_no_more_workers_than_there_is_work_for() -> None:
    assert worker_count(8, 8, quick(8)) == 2
    assert worker_count(None, 8, quick(8)) == 1
