"""Dragonfly as an engine: its folder, its runs and failures, and its result in our frame.

A program stands in for it where only the bridge is tested; the last test runs the real one.
"""

import configparser
import os
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from made_up_patterns import LIMIT, counted, grid, orientations, patterns, truth

from diffragan.errors import InputError, MissingExtraError, OutputError, ProgramError
from diffragan.io.dragonfly import read_photons
from diffragan.io.dragonfly_hdf5 import read_detector
from diffragan.reconstruction.dragonfly.cube import cube_of_half, half_of_cube
from diffragan.reconstruction.dragonfly.engine import iterations_done, merge_with_dragonfly
from diffragan.reconstruction.dragonfly.folder import CONFIG, DETECTOR, PHOTONS, START, write_folder
from diffragan.reconstruction.dragonfly.messages import EMC, read_progress, reason
from diffragan.reconstruction.dragonfly.program import find_dragonfly
from diffragan.reconstruction.dragonfly.settings import DragonflySettings
from diffragan.reconstruction.many_views.frames import HALF_TURN, shared_frame
from diffragan.reconstruction.many_views.geometry import turned
from diffragan.reconstruction.many_views.intensity_correlation import intensity_correlation
from diffragan.reconstruction.many_views.lattice import frequency
from diffragan.reconstruction.many_views.patterns import PatternSet

SHORT = DragonflySettings(iterations=3, divisions=2)
DOSE = 2e4

STANDS_IN = """#!{python}
import os, sys
if "--help" in sys.argv:
    sys.exit(0)
import h5py, numpy as np
with h5py.File("start.h5") as file:
    cube = file["intens"][()]
done = len(os.listdir("iterations")) if "-r" in sys.argv else 0
os.makedirs("iterations", exist_ok=True)
for number in range(done + 1, done + int(sys.argv[1]) + 1):
    if number == int(os.environ.get("STOP_AT", "99")):
        raise ValueError("it fell over.")
    with h5py.File(f"iterations/output_{{number:03d}}.h5", "w") as file:
        file["intens"], file["inter_weight"] = cube, np.ones_like(cube)
        file["orientations"] = np.zeros({frames}, int)
        file["quaternions"] = np.array([[1.0, 0, 0, 0, 1]])
        file["mutual_info"] = np.zeros({frames})
    with open("EMC.log", "a") as log:
        if number == 1:
            log.write("Iter\\ttime\\n")
        log.write(f"{{number}}\\t0.1\\n")
    print(f"Finished iteration {{number}} (1.0e-3)", flush=True)
"""


@pytest.fixture
def some() -> PatternSet:
    return counted(DOSE)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / EMC
    path.write_text(STANDS_IN.format(python=sys.executable, frames=40))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return find_dragonfly()


def exact_intensity() -> torch.Tensor:
    return torch.fft.rfftn(truth()).abs().square() * grid().pixel_angstrom ** 6


def test_the_folder_holds_counts_detector_and_configuration(
    some: PatternSet, tmp_path: Path
) -> None:
    box = grid().box_angstrom
    written = write_folder(some, box, SHORT, tmp_path / "emc")
    photons, detector = (
        read_photons(tmp_path / "emc" / PHOTONS),
        read_detector(tmp_path / "emc" / DETECTOR),
    )
    assert (len(photons), photons.pixels) == (40, len(some.pixels.points))
    assert np.array_equal(photons.frame(7), some.read([7])[0].numpy())
    assert written.counts == int(some.read(some.kept).sum())
    points = some.pixels.points.numpy() * box
    assert np.allclose(detector.points_voxels, points)
    # Pixels lie on the sphere that touches the origin from the side of negative z.
    height = detector.points_voxels + np.array([0, 0, detector.ewald_radius_voxels])
    assert np.allclose(
        np.linalg.norm(height, axis=1), detector.ewald_radius_voxels, rtol=1e-5, atol=0
    )
    config = configparser.ConfigParser()
    config.read(tmp_path / "emc" / CONFIG)
    assert all((tmp_path / "emc" / config["emc"][f"in_{n}_file"]).exists() for n in (
        "photons", "detector"
    ))  # fmt: skip
    assert config["emc"]["num_div"] == "2"
    with h5py.File(tmp_path / "emc" / START) as file:
        mean = written.counts / 40 / photons.pixels
        assert file["intens"][()].mean() == pytest.approx(mean, rel=0.02)


def test_patterns_that_are_not_counts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Dragonfly takes counts; simulate them with an exposure"):
        write_folder(patterns(), grid().box_angstrom, SHORT, tmp_path / "emc")
    assert not (tmp_path / "emc").exists()


def test_cubes_and_half_transforms_hold_the_same() -> None:
    exact = exact_intensity()
    cube = cube_of_half(exact, grid(), 21)
    assert torch.allclose(cube, cube.flip(0, 1, 2), rtol=1e-4)
    near = frequency(grid()) * grid().box_angstrom <= 10
    assert torch.equal(half_of_cube(cube, grid())[near], exact[near])
    assert cube[10 + 3, 10 - 4, 10 + 2] == exact[3, -4, 2]


def test_a_run_comes_back_in_our_units_and_frame(
    program: str, some: PatternSet, tmp_path: Path
) -> None:
    exact = exact_intensity()
    found = merge_with_dragonfly(program, some, grid(), SHORT, tmp_path / "emc", start=exact)
    inner = found.known & (frequency(grid()) < LIMIT)
    bright = inner & (exact > exact[inner].mean())
    assert torch.allclose(found.intensity[bright], exact[bright], rtol=1e-4)
    assert torch.equal(found.rotations[5], torch.eye(3))


def test_a_stopped_run_goes_on_and_another_is_not_mixed_with_it(
    program: str, some: PatternSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "emc"
    monkeypatch.setenv("STOP_AT", "2")
    with pytest.raises(ProgramError) as caught:
        merge_with_dragonfly(program, some, grid(), SHORT, folder)
    log = folder / "dragonfly.log"
    assert str(caught.value) == f"dragonfly.emc failed: it fell over; its log is {log}"
    assert iterations_done(folder) == 1
    monkeypatch.delenv("STOP_AT")
    merge_with_dragonfly(program, some, grid(), SHORT, folder)
    assert iterations_done(folder) == 3
    assert log.read_text().count(" -r\n") == 1
    with pytest.raises(OutputError, match="other settings"):
        merge_with_dragonfly(program, some, grid(), DragonflySettings(divisions=3), folder)


def test_absent_or_broken_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"not on the path; install Dragonfly \(pip"):
        find_dragonfly()
    broken = tmp_path / EMC
    broken.write_text(f"#!{sys.executable}\nimport mpi4py_that_is_not_there\n")
    broken.chmod(0o755)
    with pytest.raises(MissingExtraError, match=r"does not start \(No module named 'mpi4py_that"):
        find_dragonfly()


def test_what_it_prints_is_understood() -> None:
    assert read_progress("Finished iteration 12 (3.2e-01)").iteration == 12
    assert read_progress("\t\tFinished r = 0/6300").iteration is None
    assert reason(["data_fname x.emc not found. Exiting."]) == "data_fname x.emc not found"
    assert reason(["Traceback", "  File", "h5py.Bad.KeyError: 'no qx'"]) == "'no qx'"
    assert reason(["Segmentation fault"]) == "Segmentation fault"
    assert reason([]) == "it said nothing"


@pytest.mark.skipif(shutil.which(EMC) is None, reason="Dragonfly is not installed")
def test_the_real_program_finds_orientations_on_the_true_intensity(tmp_path: Path) -> None:
    some, exact = counted(DOSE), exact_intensity()
    settings = DragonflySettings(iterations=1, divisions=5)
    found = merge_with_dragonfly(
        find_dragonfly(), some, grid(), settings, tmp_path / "emc", start=exact
    )
    frame = shared_frame(found.rotations, orientations(40))
    assert float(frame.degrees_or_half_turn.median()) < np.rad2deg(settings.step_rad)
    # It started in our frame, and stays there.
    assert torch.allclose(frame.turn, torch.eye(3, dtype=torch.float64), atol=0.1)
    alike = intensity_correlation(found.intensity, exact, found.known, grid())
    assert float(alike[2:8].mean()) > 0.8
    inner = found.known & (frequency(grid()) < LIMIT)
    ratio = float(found.intensity[inner].sum() / exact[inner].sum())
    # It gives few patterns on many orientations too little: its scale is only about right.
    assert 0.6 < ratio < 1.2


def test_a_half_turn_hardly_moves_the_pixels() -> None:
    points = patterns().pixels.points.double()
    away = turned(points, HALF_TURN[None])[0] + points
    assert float(away[:, :2].abs().max()) < 1e-7
    assert float(away[:, 2].abs().max()) == pytest.approx(2 * float(points[:, 2].abs().max()))
