"""The page of a reconstruction in a browser."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diffragan.evaluation.reconstruction_page import write_reconstruction_page
from diffragan.grid import Grid
from diffragan.io.mrc import write_volume
from diffragan.io.structures import write_structure
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.folder import validate_folder
from diffragan.reconstruction.validation.residue_model import read_residue_model


@pytest.fixture(scope="module")
def page(prepared_villin_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out, grid = tmp_path_factory.mktemp("map"), Grid(40, 48.0)
    model = read_residue_model(prepared_villin_file)
    model = model.moved(np.eye(3), -model.positions.mean(0))
    volume = true_potential_map(model.atoms(), grid)
    for seed, name in enumerate(("half1", "half2", "map")):
        generator = torch.Generator().manual_seed(seed)
        noisy = volume + volume.std() * torch.randn(volume.shape, generator=generator)
        write_volume(out / f"{name}.mrc", noisy.numpy(), grid.pixel_angstrom)
    write_structure(model.structure, out / "known.cif")
    validate_folder(out, out / "known.cif", known_shift_angstrom=(0, 0, 0))
    return write_reconstruction_page(out)


@pytest.mark.parametrize(
    ("name", "width", "settings"),
    [("wide", 1440, {}), ("dark", 1440, {"color_scheme": "dark"}), ("phone", 390, {})],
)
def test_it_opens_and_fits(
    open_page: Any, page: Path, artefacts: Path, name: str, width: int, settings: dict[str, Any]
) -> None:
    opened = open_page(page, width=width, **settings)
    opened.page.wait_for_selector("canvas.surface[data-triangles]")
    assert int(opened.page.locator("canvas.surface").get_attribute("data-triangles")) > 200
    assert opened.number("document.documentElement.scrollWidth") <= width
    scale = opened.page.locator("#map-view .colour-scale")
    assert "Local resolution" in scale.inner_text()
    assert scale.inner_text().count("Å") == 2
    assert opened.page.locator("#shell-curves svg.chart path.curve").count() >= 5
    asked = [address for address in opened.requests if not address.startswith("data:")]
    assert asked == [page.as_uri()]
    opened.page.screenshot(path=artefacts / f"reconstruction-{name}.png", full_page=True)


def test_a_residue_is_read_with_the_keyboard(open_page: Any, page: Path) -> None:
    opened = open_page(page)
    slider = opened.page.locator("#residue-chart input[type=range]")
    slider.focus()
    for _ in range(3):
        opened.page.keyboard.press("ArrowRight")
    said = opened.page.locator("#residue-chart .said").inner_text()
    assert said.split(":")[0].endswith("4")
    assert "Q-score 0." in said


def test_axe_finds_no_serious_fault(open_page: Any, page: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    opened = open_page(page)
    opened.page.wait_for_selector("canvas.surface[data-triangles]")
    found = axe.run(opened.page).response
    grave = {
        fault["id"]: [node["html"] for node in fault["nodes"]]
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    }
    assert grave == {}


def test_without_scripts_the_figures_are_shown(open_page: Any, page: Path) -> None:
    opened = open_page(page, java_script_enabled=False)
    pictures = opened.page.locator("figure img")
    assert pictures.count() >= 6
    assert all(picture.is_visible() for picture in pictures.all())
