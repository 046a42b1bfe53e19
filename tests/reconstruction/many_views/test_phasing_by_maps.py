"""The command that phases views by maps: whose map, how it lies, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.cli.main import run
from diffragan.evaluation.verdict import NOT_TESTED
from diffragan.grid import Grid
from diffragan.io.files import read_json, write_json
from diffragan.io.mrc import write_volume
from diffragan.io.phased import PhasedStore
from diffragan.io.star import ParticleOptics, write_particles
from diffragan.io.triplets import TripletStore
from diffragan.reconstruction.many_views import pipeline
from diffragan.reconstruction.truth import true_potential_map
from diffragan.rotations import matrix_from_quaternion, uniform_quaternion
from diffragan.structures.atomic_model import AtomicModel
from tiny_data import tiny_data

GRID = Grid(64, 24.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    return tiny_data(tmp_path_factory.mktemp("views") / "two.zarr", ("alpha", "beta"))


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    return tiny_data(tmp_path_factory.mktemp("views") / "one.zarr", orientations=3)


def write_map(folder: Path, data: TripletStore, molecule: int = 0, **record: object) -> Path:
    """Write the true map of a molecule, turned by nothing."""
    entry = data.structures()[molecule]
    model = AtomicModel(torch.from_numpy(entry.positions), torch.from_numpy(entry.atomic_numbers))
    return write_folder(folder, model, **record)


def write_folder(folder: Path, model: AtomicModel, **record: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    volume = true_potential_map(model, GRID)
    write_volume(folder / "map.mrc", volume.numpy(), GRID.pixel_angstrom)
    write_json(folder / "fsc.json", record)
    return folder


def phase(data: TripletStore, maps: Path, out: Path, *options: str) -> PhasedStore:
    command = ["phase", str(data.store.path), "--method", "many-views", "--map", str(maps)]
    assert run([*command, "--out", str(out), "--iterations", "5", "--device", "cpu", *options]) == 0
    return PhasedStore(out)


def likeness(store: PhasedStore, data: TripletStore) -> np.ndarray:
    """Correlation of each wave with its truth."""
    true = data.read("exit_wave", store.read("source_item").tolist())
    found = store.read("wave")
    cross = (found * true.conj()).sum((1, 2)).real
    return cross / np.sqrt((abs(found) ** 2).sum((1, 2)) * (abs(true) ** 2).sum((1, 2)))


def test_each_molecule_is_phased_by_the_map_in_the_folder_of_its_name(
    data: TripletStore, tmp_path: Path
) -> None:
    for number, name in enumerate(("alpha", "beta")):
        write_map(tmp_path / "maps" / name, data, number, poses="known")
    store = phase(data, tmp_path / "maps", tmp_path / "phased.zarr")
    assert store.method == "many-views"
    assert likeness(store, data).min() > 0.98
    settings = store.store.attributes["provenance"]["settings"]
    assert settings["map"] == str(tmp_path / "maps")
    assert sorted(settings["map_sha256"]) == ["alpha/map.mrc", "beta/map.mrc"]
    assert settings["in_force"]["iterations"] == 5


def test_a_map_with_a_frame_of_its_own_is_seen_as_its_particles_say(
    single: TripletStore, tmp_path: Path
) -> None:
    turn = matrix_from_quaternion(uniform_quaternion(np.random.default_rng(4)))
    (entry,) = single.structures()
    turned = AtomicModel(
        torch.from_numpy(entry.positions @ turn.T), torch.from_numpy(entry.atomic_numbers)
    )
    maps = write_folder(tmp_path / "maps", turned, poses="unknown")
    order = [2, 0, 1]
    write_particles(
        maps / "particles.star",
        "particles.mrcs",
        ParticleOptics(200, 0, 0, 0.6, 40),
        3,
        rotations=matrix_from_quaternion(single.read("orientation", order)) @ turn.T,
        origins_angstrom=-single.read("shift", order)[:, :2],
        image_names=[f"{number + 1:06d}@particles.mrcs" for number in order],
    )
    store = phase(single, maps, tmp_path / "phased.zarr")
    # Along the beam nothing says where the molecule is, so its wave is a little out of focus.
    assert likeness(store, single).min() > 0.9


def test_a_map_is_seen_to_where_its_halves_part(single: TripletStore, tmp_path: Path) -> None:
    maps = write_map(tmp_path / "maps", single, poses="known", resolution_fsc_0p143_angstrom=4.0)
    store = phase(single, maps, tmp_path / "phased.zarr", "--iterations", "0")
    frequency = np.fft.fftfreq(40, 24 / 40)
    beyond = np.hypot(frequency[:, None], frequency) > 1.5 / 4
    power = abs(np.fft.fft2(store.read("wave"))) ** 2
    assert power[:, beyond].sum() < 1e-3 * power.sum()


def test_evaluate_takes_such_a_store_and_says_why_its_controls_were_not_run(
    single: TripletStore, tmp_path: Path
) -> None:
    maps = write_map(tmp_path / "maps", single, poses="known")
    store = phase(single, maps, tmp_path / "phased.zarr")
    out = tmp_path / "evaluation"
    command = ["evaluate", str(single.store.path), str(store.store.path), "--out", str(out)]
    assert run([*command, "--protocol", "paper", "--no-paper-figures", "--device", "cpu"]) == 0
    found = read_json(out / "metrics.json")["methods"]["many-views"]
    assert found["verdict"] == NOT_TESTED
    assert "made of all patterns" in str(found)


def test_without_a_map_it_makes_one_beside_the_store_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coarse = {"max_angle_mrad": 10}
    views = tiny_data(tmp_path / "views.zarr", orientations=20, diffraction=coarse)
    # Thirty atoms of a protein's mass would fill more than the cube they were drawn in.
    monkeypatch.setattr(pipeline, "PROTEIN_ANGSTROM3_PER_DALTON", 0.8)
    command = ["phase", str(views.store.path), "--method", "many-views", "--device", "cpu"]
    brief, found = ["--views", "2", "--iterations", "2"], []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        if found:
            (tmp_path / "first" / "phased-maps").rename(tmp_path / "second" / "phased-maps")
            capsys.readouterr()
        assert run([*command, *brief, "--out", str(tmp_path / name / "phased.zarr")]) == 0
        found.append(PhasedStore(tmp_path / name / "phased.zarr").read("wave"))
    assert "there is a map of these views already" in capsys.readouterr().err
    assert np.array_equal(*found)
    record = read_json(tmp_path / "second" / "phased-maps" / "alpha" / "fsc.json")
    corner = views.experiment.corner_limit_per_angstrom
    assert record["limit_per_angstrom"] == pytest.approx(corner)


def _nothing(folder: Path, data: TripletStore) -> None:
    del folder, data


def _no_frame(folder: Path, data: TripletStore) -> None:
    write_map(folder, data)


def _one_of_two(folder: Path, data: TripletStore) -> None:
    write_map(folder / "alpha", data, poses="known")


def _not_of_each(folder: Path, data: TripletStore) -> None:
    write_map(folder, data, poses="known")


def _too_few(folder: Path, data: TripletStore) -> None:
    for number, name in enumerate(("alpha", "beta")):
        own = write_map(folder / name, data, number, poses="refine")
        write_particles(
            own / "particles.star", "particles.mrcs", ParticleOptics(200, 0, 0, 0.6, 40), 2,
            rotations=np.stack([np.eye(3)] * 2),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (_nothing, "there is no such folder"),
        (_no_frame, "holds one map, and the data set 2 molecules"),
        (_one_of_two, "holds no map.mrc of beta"),
        (_not_of_each, "holds one map, and the data set 2 molecules"),
        (_too_few, "has no orientation of view 2 of the 4 views"),
    ],
)
def test_maps_that_cannot_serve_are_refused_before_anything_is_written(
    data: TripletStore,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    write: Callable[[Path, TripletStore], None],
    words: str,
) -> None:
    write(tmp_path / "maps", data)
    command = ["phase", str(data.store.path), "--method", "many-views"]
    out = ["--map", str(tmp_path / "maps"), "--out", str(tmp_path / "phased.zarr")]
    assert run([*command, *out]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not list(tmp_path.glob("phased*"))
