"""Maps from phased and from true images: fit by residue, surfaces, and the test that draws both."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.config.experiment import Experiment
from diffragan.evaluation.paper.surface import (
    band_limited,
    finer,
    level_that_holds,
    shaded_surface,
)
from diffragan.grid import Grid
from diffragan.io.triplets import TripletStore
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.simulation.dataset import simulate_dataset
from diffragan.structures.prepared import PreparedStructure
from diffragan.structures.residue_ranges import read_residues
from tiny_data import TINY, tiny_phased

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
GRID = Grid(24, 12.0)


def test_residues_hold_all_atoms_in_order(villin: PreparedStructure) -> None:
    residues = read_residues(villin.path)
    assert [r.atoms[0] for r in residues[1:]] == [r.atoms[1] for r in residues[:-1]]
    assert (residues[0].atoms[0], residues[-1].atoms[1]) == (0, len(villin.model.positions))
    carbons = [n for r in residues for n in villin.alpha_carbons if r.atoms[0] <= n < r.atoms[1]]
    assert len(carbons) == len(residues) == len(villin.alpha_carbons)


def test_a_band_limited_map_has_nothing_beyond() -> None:
    volume = torch.randn(24, 24, 24, generator=torch.Generator().manual_seed(0))
    cut = band_limited(volume, GRID, 2.0)
    frequency, fsc = fourier_shell_correlation(cut, volume, GRID)
    assert fsc[frequency <= 0.5].min() > 0.999
    power = torch.fft.fftn(cut).abs() ** 2
    axis = torch.fft.fftfreq(24, GRID.pixel_angstrom)
    radius = (axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2).sqrt()
    assert power[radius > 0.55].sum() < 1e-6 * power.sum()


def test_the_surface_of_a_ball_is_a_disk_brightest_towards_the_lamp() -> None:
    axis = np.arange(24) - 12
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    ball = np.exp(-(x**2 + y**2 + z**2) / 30.0)
    fine = finer(ball, 2)
    assert fine[::2, ::2, ::2] == pytest.approx(ball, abs=1e-9)
    level = level_that_holds(fine, 8000)
    assert (fine >= level).sum() == pytest.approx(8000, abs=60)
    drawn = shaded_surface(fine, level, (0.2, 0.4, 0.8))
    radius = (3 * 8000 / (4 * np.pi)) ** (1 / 3)
    assert drawn[..., 3].sum() == pytest.approx(np.pi * radius**2, rel=0.05)
    light = drawn[..., :3].sum(-1)
    half = round(radius / 2)
    assert light[24 + half, 24 - half] > light[24 - half, 24 + half]
    assert shaded_surface(fine, 9.0, (0, 0, 0))[..., 3].sum() == 0


@pytest.fixture(scope="module")
def small(villin: PreparedStructure, tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    """Six views of villin, sampled just finely enough."""
    wanted = {"box_angstrom": 44, "orientations": 6, "wave_pixels": 72, "image_pixels": 72}
    numerics = {"numerics": {"pixels": 176, "slice_thickness_angstrom": 8}}
    experiment = Experiment.model_validate({**TINY.model_dump(), **wanted, **numerics})
    out = tmp_path_factory.mktemp("small") / "data.zarr"
    return TripletStore(simulate_dataset([villin], experiment, 0, out, workers=1))


def _run(*words: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        importlib.import_module("paper_tests").main([str(word) for word in words])


def test_true_images_give_a_better_map_than_the_image_alone(
    small: TripletStore, villin: PreparedStructure, tmp_path: Path
) -> None:
    low = tiny_phased(small, tmp_path / "low.zarr")
    _run(
        "reconstruction", "--test", small.store.path, "--phased", low.store.path,
        "--structures", villin.path, "--out", tmp_path / "out",
    )  # fmt: skip
    found = json.loads((tmp_path / "out" / "reconstruction.json").read_text())
    true, image = (
        found["results"]["maps"][name] for name in ("true images", "low-res. image alone")
    )
    assert true["views"] == image["views"] == 6
    assert len(true["map_model_correlation"]) == len(found["results"]["residues"])
    assert np.mean(true["map_model_correlation"]) > np.mean(image["map_model_correlation"]) + 0.2
    assert np.mean(true["fsc_truth"]) > np.mean(image["fsc_truth"]) + 0.1
    assert found["figures"][0]["png"] == "figure-8-reconstruction.png"
    assert (tmp_path / "out" / "maps" / "true-images" / "map.mrc").is_file()


def test_a_protein_of_other_data_is_refused(
    tiny: TripletStore,
    villin: PreparedStructure,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    low = tiny_phased(tiny, tmp_path / "low.zarr", items=[0, 1])
    words = ["reconstruction", "--test", tiny.store.path, "--out", tmp_path, "--phased"]
    for given, reason in (([], "needs --structures"), ([villin.path], "is not among the proteins")):
        with pytest.raises(SystemExit):
            _run(*words, low.store.path, "--structures", *given)
        assert reason in capsys.readouterr().err


def test_noise_and_defocus_are_tried_in_every_combination(
    tiny: TripletStore, tmp_path: Path
) -> None:
    _run(
        "dose-defocus", "--test", tiny.store.path, "--method", "low-resolution", "--views", 1,
        "--workers", 1, "--out", tmp_path,
    )  # fmt: skip
    cells = json.loads((tmp_path / "dose-defocus.json").read_text())["results"]["cells"]
    assert len({(c["defocus_angstrom"], c["snr"]) for c in cells}) == len(cells) == 16
    for cell in cells:
        # The method is the image alone, so it scores as that does.
        assert cell["score_mean"] == pytest.approx(cell["image_alone"]["score_mean"], abs=1e-6)
        assert cell["dose_e_per_a2_quartiles"] == sorted(cell["dose_e_per_a2_quartiles"])
    by_snr = {c["snr"]: c["dose_e_per_a2_quartiles"][1] for c in cells}
    assert sorted(by_snr.values()) == [by_snr[snr] for snr in sorted(by_snr)]
