"""The page of a reconstruction: with and without a validation, and what is refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.cli.main import run
from diffragan.errors import InputError
from diffragan.evaluation.reconstruction_page import write_reconstruction_page
from diffragan.evaluation.reconstruction_record import read_reconstruction_folder, shell_curves
from diffragan.evaluation.residue_figures import chain_starts, smoothed
from diffragan.evaluation.sections import Reconstruction
from diffragan.evaluation.volume import pack_resolution, pack_volume
from diffragan.grid import Grid
from diffragan.io.mrc import write_volume
from diffragan.io.structures import write_structure
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.folder import validate_folder
from diffragan.reconstruction.validation.residue_model import read_residue_model

GRID = Grid(36, 50.4)


@pytest.fixture(scope="module")
def folder(prepared_villin_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Villin at a known pose, with half maps, validated."""
    out = tmp_path_factory.mktemp("villin-map")
    model = read_residue_model(prepared_villin_file)
    model = model.moved(np.eye(3), -model.positions.mean(0))
    volume = true_potential_map(model.atoms(), GRID)
    for seed, name in enumerate(("half1", "half2", "map")):
        generator = torch.Generator().manual_seed(seed)
        noisy = volume + volume.std() * torch.randn(volume.shape, generator=generator)
        write_volume(out / f"{name}.mrc", noisy.numpy(), GRID.pixel_angstrom)
    write_structure(model.structure, out / "known.cif")
    validate_folder(out, out / "known.cif", known_shift_angstrom=(0, 0, 0))
    return out


def test_the_page_shows_map_curves_and_model(folder: Path) -> None:
    page = write_reconstruction_page(folder, "Villin <b>")
    text = page.read_text()
    assert "Villin &lt;b&gt;" in text
    assert 'id="shell-curves"' in text
    assert 'id="residue-chart"' in text
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL).group(1))
    assert {one["label"] for one in data["shells"]["series"]} >= {
        "half maps in the mask, corrected",
        "in the mask, random phases",
        "map and model, near it",
    }
    assert len(data["model"]["residues"]["label"]) == 35
    colours = data["map"]["resolution"]
    limits = json.loads((folder / "validation.json").read_text())["local_resolution"]
    assert colours["angstrom"] == pytest.approx(limits["percentiles_angstrom"][::4], abs=0.01)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours["palette"])
    for name in ("fsc", "planes", "local_resolution", "residues", "periphery"):
        for ending in ("png", "svg"):
            assert (folder / "figures" / f"{name}.{ending}").stat().st_size > 1000


def test_the_same_folder_gives_the_same_page(folder: Path) -> None:
    first = write_reconstruction_page(folder).read_bytes()
    assert run(["report", str(folder)]) == 0
    assert (folder / "reconstruction.html").read_bytes() == first


def test_a_map_alone_has_a_page(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "map.mrc").write_bytes((folder / "map.mrc").read_bytes())
    text = write_reconstruction_page(tmp_path).read_text()
    assert "was not validated" in text
    assert 'id="shell-curves"' not in text
    assert '"resolution": null' in text
    (tmp_path / "fsc.json").write_text("[]")
    with pytest.raises(InputError, match=r"fsc\.json or validation\.json is damaged"):
        write_reconstruction_page(tmp_path)


def test_colours_of_the_resolution_lie_where_the_map_does() -> None:
    axis = np.arange(24) - 12
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    ball = np.exp(-(x**2 + y**2 + z**2) / 30).astype(np.float32)
    found = Reconstruction("ball", ball, 1.0, {})
    resolved = np.where(x < 0, 3.0, 6.0).astype(np.float32)
    resolved[y > 4] = 0
    for most in (112, 8):
        shown, packed = pack_volume(found, most), pack_resolution(resolved, found, (3.0, 5.0), most)
        assert packed.steps.shape == shown.grey.shape
        side = len(packed.steps)
        assert (packed.steps[:, 0, : side // 2 - 1] == 1).all()
        assert (packed.steps[:, 0, side // 2 + 1 :] == 255).all()  # beyond the scale's end
        assert (packed.steps[:, -1] == 0).all()


def test_reports_of_reconstructions_take_no_other_maps(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", str(folder), "--map", str(folder / "map.mrc")]) == 2
    assert "shows its own map alone" in capsys.readouterr().err


def test_curves_come_from_either_record(folder: Path) -> None:
    fsc = {
        "frequency_per_angstrom": [0.0, 0.1, 0.2, 0.3],
        "fsc_half_maps": [1.0, 0.9, 0.4, 0.0],
        "resolution_fsc_0p143_angstrom": 3.74,
        "fsc_truth": [1.0, 0.9, 0.8, 0.7],
        "resolution_fsc_truth_0p5_angstrom": None,
    }
    half, truth = shell_curves(fsc, {})
    assert (half.label, half.resolution) == ("half maps", "3.74 Å")
    assert (truth.label, truth.resolution) == ("map and true potential, no mask", "≤ 3.33 Å")
    ours = read_reconstruction_folder(folder)
    assert [curve.strong for curve in ours.curves()] == [True, False, False, False, True]


def test_chains_and_numbers_are_found_in_labels() -> None:
    labels = [f"A ALA {n}" for n in range(1, 40)] + [f"B GLY {n}" for n in range(1, 31)]
    starts, ticks = chain_starts(labels)
    assert starts == [0, 39]
    assert (9, "A 10") in ticks
    assert (58, "B 20") in ticks
    assert chain_starts(["ALA 1", "GLY 2"]) == ([0], [(0, "1"), (1, "2")])


def test_smoothing_skips_what_is_unknown() -> None:
    found = smoothed(np.array([1.0, np.nan, 3.0, 5.0]), 3)
    np.testing.assert_allclose(found, [1.0, 2.0, 4.0, 4.0])
