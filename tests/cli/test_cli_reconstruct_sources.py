"""What `reconstruct` takes beside phased stores, and what it writes of each."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diffragan.cli.main import run
from diffragan.io.mrc import read_mrc, write_stack
from diffragan.io.phased import PhasedStore
from diffragan.io.star import ParticleOptics, read_particles, write_particles
from diffragan.io.triplets import TripletStore
from diffragan.rotations import matrix_from_relion_angles
from tiny_data import tiny_data, tiny_phased


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    names = ("alpha", "beta")
    return tiny_data(tmp_path_factory.mktemp("sources") / "two.zarr", names, orientations=16)


@pytest.fixture(scope="module")
def phased(data: TripletStore, tmp_path_factory: pytest.TempPathFactory) -> PhasedStore:
    return tiny_phased(data, tmp_path_factory.mktemp("sources") / "phased.zarr")


def made(source: Path, out: Path, *options: str, page: bool = False) -> dict[str, Any]:
    shown = [] if page else ["--no-page"]
    assert run(["reconstruct", str(source), "--out", str(out), *options, *shown]) == 0
    found: dict[str, Any] = json.loads((out / "fsc.json").read_text())
    return found


def complaint(source: Path, out: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    capsys.readouterr()
    assert run(["reconstruct", str(source), "--out", str(out), *options]) == 2
    told = capsys.readouterr().err.splitlines()
    (line,) = (line for line in told if line.startswith("diffragan: "))
    assert not list(out.glob("*.mrc"))
    return line


def same(first: Path, second: Path) -> float:
    volumes = [torch.from_numpy(read_mrc(path)[0]).flatten() for path in (first, second)]
    return float(torch.corrcoef(torch.stack(volumes))[0, 1])


def test_true_images_are_the_upper_bound(
    data: TripletStore, phased: PhasedStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    true = made(data.store.path, tmp_path / "true", "--images", "truth", "--molecule", "beta")
    ours = made(phased.store.path, tmp_path / "ours", "--molecule", "beta", page=True)
    assert (tmp_path / "ours" / "reconstruction.html").is_file()
    assert true["views"] == ours["views"] == 16
    assert np.mean(true["fsc_truth"]) > np.mean(ours["fsc_truth"])
    assert true["coverage"]["share_of_fourier_space"] > 0.3
    assert true["resolution_fsc_0p5_angstrom"] == true["resolution_fsc_truth_0p5_angstrom"]
    said = capsys.readouterr()
    assert "beta: 16 images of 40 pixels; takes about" in said.err
    assert "on the disk" in said.err


def test_its_particles_make_the_map_again(phased: PhasedStore, tmp_path: Path) -> None:
    made(phased.store.path, tmp_path / "first", "--molecule", "alpha", "--half-sets", "random")
    first = tmp_path / "first" / "particles.star"
    again = made(first, tmp_path / "again")
    assert again["half_set_sizes"] == [8, 8]
    halves = [read_particles(tmp_path / n / "particles.star").extra for n in ("first", "again")]
    assert halves[0]["rlnRandomSubset"] == halves[1]["rlnRandomSubset"]
    for name in ("map.mrc", "half1.mrc", "half2.mrc"):
        # Normalising gave every image a scale of its own.
        assert same(tmp_path / "first" / name, tmp_path / "again" / name) > 0.9
    assert not (tmp_path / "again" / "particles.mrcs").exists()
    assert "@../first/particles.mrcs" in (tmp_path / "again" / "particles.star").read_text()


def test_the_stack_of_phase_is_taken_and_its_molecules_told_apart(
    phased: PhasedStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from diffragan.phasing.particles import write_particle_stack

    _, star = write_particle_stack(phased)
    found = made(star, tmp_path / "one", "--molecule", "beta")
    assert found["views"] == 16
    direct = made(phased.store.path, tmp_path / "direct", "--molecule", "beta")
    assert direct["views"] == 16
    assert same(tmp_path / "one" / "map.mrc", tmp_path / "direct" / "map.mrc") > 0.9
    line = complaint(star, tmp_path / "none", capsys, "--molecule", "betta")
    assert "did you mean 'beta'?" in line


def test_the_same_seed_gives_the_same_map_and_another_seed_other_halves(
    phased: PhasedStore, tmp_path: Path
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        made(
            phased.store.path, tmp_path / name, "--molecule", "alpha", "--half-sets", "random",
            "--seed", str(seed),
        )  # fmt: skip
    a, b, c = ([(tmp_path / n / f).read_bytes() for f in ("map.mrc", "half1.mrc")] for n in "abc")
    assert a == b
    assert a[1] != c[1]


def test_shifts_of_enough_phased_images_are_refined_unless_poses_are_said_to_be_known(
    data: TripletStore, phased: PhasedStore, tmp_path: Path
) -> None:
    few = tiny_data(tmp_path / "few.zarr", ("alpha",), orientations=4)
    sources = {
        "phased": (phased.store.path,),
        "said": (phased.store.path, "--poses", "known"),
        "true": (data.store.path, "--images", "truth"),
        "few": (tiny_phased(few, tmp_path / "few-phased.zarr").store.path,),
    }
    poses = {
        name: made(source, tmp_path / name, "--molecule", "alpha", *options)["poses"]
        for name, (source, *options) in sources.items()
    }
    assert poses == {"phased": "shifts", "said": "known", "true": "known", "few": "known"}


def test_shifts_are_refined_where_only_orientations_are_trusted(
    data: TripletStore, tmp_path: Path
) -> None:
    made(data.store.path, tmp_path / "known", "--images", "truth", "--molecule", "alpha")
    options = ("--images", "truth", "--molecule", "alpha", "--poses", "shifts")
    found = made(data.store.path, tmp_path / "shifts", *options)
    assert found["shifts_moved_angstrom"] < 0.05  # right ones stay
    assert max(map(abs, found["map_off_truth_angstrom"])) < 0.05
    assert same(tmp_path / "known" / "map.mrc", tmp_path / "shifts" / "map.mrc") > 0.99
    few = made(data.store.path, tmp_path / "few", *options, "--iterations", "2")
    assert len(few["history"]) == 2


def stack(folder: Path, images: np.ndarray, psi_only: bool = False) -> Path:
    count, size = len(images), images.shape[-1]
    write_stack(folder / "p.mrcs", images.astype(np.float32), 1.0)
    angles = np.random.default_rng(1).uniform(0, 180, (count, 3))
    if psi_only:
        angles[:, :2] = 30.0
    optics = ParticleOptics(200.0, 0.0, 0.0, 1.0, size)
    write_particles(
        folder / "p.star", "p.mrcs", optics, count, rotations=matrix_from_relion_angles(angles)
    )
    return folder / "p.star"


def test_bad_stacks_are_one_line_and_leave_no_maps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0).normal(size=(20, 15, 15))
    out = tmp_path / "out"
    star = stack(tmp_path, noise, psi_only=True)
    assert "undetermined: they reach" in complaint(star, out, capsys)
    assert "RELION takes even boxes only" in complaint(star, out, capsys, "--engine", "relion")
    star = stack(tmp_path, np.pad(noise, ((0, 0), (0, 2), (0, 2))))
    assert "in even boxes only" in complaint(star, out, capsys, "--poses", "unknown")
    assert "there is no such file" in complaint(star, out, capsys, "--mask", str(tmp_path / "m"))
    star = stack(tmp_path, noise[:, :6, :6])
    assert "poses known 8 or more are needed" in complaint(star, out, capsys)
    noise[3] = 0
    star = stack(tmp_path, noise)
    assert "p: image 4 of 20 is empty" in complaint(star, out, capsys)
    star = stack(tmp_path, np.pad(noise, ((0, 0), (0, 1), (0, 1))))
    assert "p: image 4 of 20 is empty" in complaint(star, out, capsys, "--poses", "unknown")
    assert not list(out.iterdir())
    star = stack(tmp_path, noise[:1])
    assert "has one view of 'p'" in complaint(star, out, capsys)
    star = stack(tmp_path, noise[:10])
    assert "need 16 or more" in complaint(star, out, capsys, "--poses", "unknown")
    star.write_text(star.read_text().replace("_rlnAngle", "_rlnFormerAngle"))
    assert "use --poses unknown" in complaint(star, out, capsys)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "is not on the path; install RELION" in complaint(
        star, out, capsys, "--engine", "relion", "--poses", "unknown"
    )


def test_a_full_disk_is_told_before_the_work(
    phased: PhasedStore,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0))  # type: ignore[attr-defined]
    line = complaint(phased.store.path, tmp_path / "out", capsys)
    assert "are free; choose another disk or fewer images" in line
    assert not (tmp_path / "out").exists()
