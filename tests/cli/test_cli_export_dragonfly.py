"""`diffragan export --format dragonfly`: a folder that its program can be started in."""

from pathlib import Path

import pytest

from diffragan.cli.main import run
from diffragan.io.dragonfly import read_photons
from diffragan.io.triplets import TripletStore
from tiny_data import tiny_data

FILES = {"photons.emc", "detector.h5", "start.h5", "config.ini"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    folder = tmp_path_factory.mktemp("export")
    counts = {"exposure_e_per_a2": 1e4}
    return tiny_data(folder / "counts.zarr", ("alpha", "beta"), detector=counts)


def test_each_molecule_has_a_folder(
    data: TripletStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["export", str(data.store.path), "--format", "dragonfly"]
    assert run([*arguments, "--out", str(tmp_path / "emc")]) == 0
    assert "wrote 4 patterns with" in capsys.readouterr().out
    for name in ("alpha", "beta"):
        assert {path.name for path in (tmp_path / "emc" / name).iterdir()} == FILES
    only = [*arguments, "--molecule", "beta", "--limit-per-angstrom", "0.3", "--divisions", "5"]
    assert run([*only, "--out", str(tmp_path / "beta")]) == 0
    photons = read_photons(tmp_path / "beta" / "photons.emc")
    whole = read_photons(tmp_path / "emc" / "beta" / "photons.emc")
    assert (len(photons), len(whole)) == (4, 4)
    assert 0 < photons.pixels < whole.pixels
    assert "num_div = 5" in (tmp_path / "beta" / "config.ini").read_text()
    capsys.readouterr()
    assert run(["info", str(tmp_path / "beta" / "photons.emc")]) == 0
    shown = capsys.readouterr().out
    assert f"4 patterns of {photons.pixels} pixels" in shown
    assert f"{sum(int(photons.frame(n).sum()) for n in range(4)):,} counts" in shown
    assert run(["info", str(tmp_path / "beta" / "detector.h5")]) == 0
    assert f"{photons.pixels} pixels, {photons.pixels} of them good" in capsys.readouterr().out
    assert run(["info", str(tmp_path / "beta" / "start.h5")]) == 2
    assert "damaged or not Dragonfly's" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "dragonfly"], "--format and --out go together"),
        (["--format", "dragonfly", "--npy", "x"], "name one thing to write"),
        (["--npy", "x", "--out", "y"], "--format and --out go together"),
        (["--format", "dragonfly", "--out", "y", "--molecule", "alfa"], "did you mean 'alpha'?"),
        (["--format", "dragonfly", "--out", "y", "--divisions", "0"], "--divisions is 0"),
        (
            ["--format", "dragonfly", "--out", "y", "--limit-per-angstrom", "1e-3"],
            "use a higher limit",
        ),
    ],
)
def test_a_wrong_request_is_one_line(
    data: TripletStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["export", str(data.store.path), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_exact_patterns_are_no_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exact = tiny_data(tmp_path / "exact.zarr")
    out = tmp_path / "emc"
    assert run(["export", str(exact.store.path), "--format", "dragonfly", "--out", str(out)]) == 2
    assert "simulate them with an exposure" in capsys.readouterr().err
    assert not out.exists()
