"""The command that makes maps: whose, of which views, and against which truth."""

import json
from pathlib import Path

import pytest
import torch

from diffragan.cli.main import run
from diffragan.io.mrc import read_mrc
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from tiny_data import tiny_data, tiny_phased

MAPS = {"map.mrc", "half1.mrc", "half2.mrc"}
FILES = {
    *MAPS,
    "mask.mrc",
    "fsc.json",
    "fsc.star",
    "particles.mrcs",
    "particles.star",
    "validation.json",
    "chimerax.cxc",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    return tiny_data(tmp_path_factory.mktemp("maps") / "two.zarr", ("alpha", "beta"))


@pytest.fixture(scope="module")
def phased(data: TripletStore, tmp_path_factory: pytest.TempPathFactory) -> PhasedStore:
    return tiny_phased(data, tmp_path_factory.mktemp("maps") / "phased.zarr")


def reconstructed(phased: PhasedStore, out: Path, *options: str) -> dict[str, object]:
    assert (
        run(["reconstruct", str(phased.store.path), "--out", str(out), "--no-page", *options]) == 0
    )
    found: dict[str, object] = json.loads((out / "fsc.json").read_text())
    return found


def test_several_molecules_get_a_folder_each(
    data: TripletStore, phased: PhasedStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "maps"
    assert run(["reconstruct", str(phased.store.path), "--out", str(out), "--no-page"]) == 0
    said = capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == ["alpha", "beta"]
    for name in ("alpha", "beta"):
        assert {path.name for path in (out / name).iterdir()} == FILES
        assert f"{name}: halves agree (FSC 0.143) to " in said
        fsc = json.loads((out / name / "fsc.json").read_text())
        assert fsc["views"] == 4
        assert len(fsc["fsc_truth"]) == len(fsc["frequency_per_angstrom"])
        assert fsc["provenance"]["settings"]["molecule"] == name
    # Each is held against its own atoms: with the other's the correlation would be lost.
    volumes = [torch.from_numpy(read_mrc(out / n / "map.mrc")[0]) for n in ("alpha", "beta")]
    assert torch.corrcoef(torch.stack([v.flatten() for v in volumes]))[0, 1] < 0.9


def test_the_molecule_alone_gives_the_map_it_gives_among_others(
    data: TripletStore, phased: PhasedStore, tmp_path: Path
) -> None:
    alone = tiny_phased(data, tmp_path / "beta.zarr", items=range(4, 8))
    fsc = reconstructed(alone, tmp_path / "alone")
    assert fsc["views"] == 4
    assert (
        run(["reconstruct", str(phased.store.path), "--out", str(tmp_path / "both"), "--no-page"])
        == 0
    )
    for name in sorted(MAPS):
        same = (tmp_path / "both" / "beta" / name).read_bytes()
        assert (tmp_path / "alone" / name).read_bytes() == same


@pytest.mark.parametrize(("half", "views"), [("half1", [0, 2]), ("half2", [1, 3])])
def test_halves_are_the_maps_of_the_even_and_of_the_odd_views(
    data: TripletStore, tmp_path: Path, half: str, views: list[int]
) -> None:
    reconstructed(tiny_phased(data, tmp_path / "all.zarr", items=range(4)), tmp_path / "all")
    reconstructed(tiny_phased(data, tmp_path / "some.zarr", items=views), tmp_path / "some")
    found, expected = (
        torch.from_numpy(read_mrc(path)[0])
        for path in (tmp_path / "all" / f"{half}.mrc", tmp_path / "some" / "map.mrc")
    )
    torch.testing.assert_close(found, expected, atol=1e-4 * float(expected.abs().max()), rtol=0)


def test_without_its_data_set_a_map_has_no_truth_until_it_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = tiny_data(tmp_path / "first.zarr", orientations=2)
    phased = tiny_phased(first, tmp_path / "phased.zarr")
    (tmp_path / "first.zarr").rename(tmp_path / "moved.zarr")
    lost = reconstructed(phased, tmp_path / "lost")
    said = capsys.readouterr()
    assert "first.zarr is gone: no correlation with the truth" in said.err
    assert "true potential" not in said.out
    assert lost["fsc_truth"] is None
    found = reconstructed(phased, tmp_path / "found", "--data", str(tmp_path / "moved.zarr"))
    assert found["fsc_truth"] is not None
    assert found["fsc_half_maps"] == lost["fsc_half_maps"]
    assert "map and true potential (FSC 0.5) to " in capsys.readouterr().out


def test_other_data_are_refused_before_anything_is_written(
    phased: PhasedStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tiny_data(tmp_path / "other.zarr", ("alpha", "beta"), orientations=1)
    command = ["reconstruct", str(phased.store.path), "--out", str(tmp_path / "map")]
    capsys.readouterr()
    assert run([*command, "--data", str(other.store.path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "was phased from other data than" in line
    assert "name the right data set with `--data`" in line
    assert not (tmp_path / "map").exists()


@pytest.mark.parametrize(("items", "name"), [([0, 1, 4], "beta"), ([2, 4, 5], "alpha")])
def test_a_molecule_with_one_view_is_named_before_any_map_is_made(
    data: TripletStore,
    tmp_path: Path,
    items: list[int],
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    phased = tiny_phased(data, tmp_path / "few.zarr", items=items)
    capsys.readouterr()
    out = tmp_path / "map"
    assert run(["reconstruct", str(phased.store.path), "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"has one view of '{name}'" in line
    assert not out.exists()
