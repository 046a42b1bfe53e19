from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from perturbed_truth import PERTURBED

from diffragan.errors import InputError
from diffragan.evaluation.figures import Drawn, draw_figures, find_reconstructions
from diffragan.evaluation.gallery import gallery_items, molecule_half_width
from diffragan.evaluation.report import write_report
from diffragan.evaluation.sections import read_reconstruction
from diffragan.evaluation.style import method_colours
from diffragan.evaluation.wording import resolution_text
from diffragan.io.files import write_json
from diffragan.io.mrc import write_volume
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore

Evaluation = tuple[Path, dict[str, Any], list[PhasedStore]]


@pytest.fixture(scope="module")
def reconstruction(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("maps") / "villin <i>"
    folder.mkdir()
    size = 24
    axis = np.arange(size) - size // 2
    radius = np.sqrt(sum(a.astype(float) ** 2 for a in np.meshgrid(axis, axis, axis)))
    write_volume(folder / "map.mrc", np.exp(-radius / 3), 1.0)
    curve = np.linspace(1, 0, 12)
    write_json(
        folder / "fsc.json",
        {
            "frequency_per_angstrom": np.arange(12) / size,
            "fsc_half_maps": curve,
            "resolution_fsc_0p143_angstrom": 2.5,
            "fsc_truth": None,
            "resolution_fsc_truth_0p5_angstrom": None,
            "views": 8,
        },
    )
    return folder


@pytest.fixture(scope="module")
def figures(data: TripletStore, evaluation: Evaluation, reconstruction: Path) -> list[Drawn]:
    out, metrics, stores = evaluation
    return draw_figures(data, stores, metrics, out, [reconstruction.parent])


@pytest.fixture(scope="module")
def page(evaluation: Evaluation, figures: list[Drawn], reconstruction: Path) -> str:
    out, metrics, _ = evaluation
    path = write_report(
        metrics,
        figures,
        out,
        "A <script>title</script>",
        ["A small <em>demo</em>."],
        [read_reconstruction(reconstruction)],
    )
    return path.read_text(encoding="utf-8")


def test_every_figure_is_a_png_and_an_svg(figures: list[Drawn]) -> None:
    assert [figure.name for figure in figures] == ["gallery", "frc", "per_view", "map"]
    for figure in figures:
        assert figure.png.read_bytes().startswith(b"\x89PNG")
        assert ElementTree.parse(figure.svg).getroot().tag.endswith("svg")
        assert figure.alt
        assert figure.caption


def test_figures_are_the_same_bytes_again(
    data: TripletStore, evaluation: Evaluation, figures: list[Drawn], tmp_path: Path
) -> None:
    _, metrics, stores = evaluation
    for first, second in zip(figures, draw_figures(data, stores, metrics, tmp_path), strict=False):
        assert first.svg.read_bytes() == second.svg.read_bytes()
        assert first.png.read_bytes() == second.png.read_bytes()


def test_report_names_every_method_and_control(page: str, evaluation: Evaluation) -> None:
    assert "perturbed &lt;b&gt;truth&lt;/b&gt;" in page
    for word in (
        "hio",
        "low-resolution",
        "random phases",
        "verdict",
        "measured",
        "villin &lt;i&gt;",
    ):
        assert word in page
    for method in evaluation[1]["methods"].values():
        assert method["verdict"] in page


def test_report_escapes_all_it_is_given(page: str) -> None:
    assert PERTURBED not in page
    assert page.count("<script") == 2
    assert "A &lt;script&gt;title&lt;/script&gt;" in page
    assert "A small &lt;em&gt;demo&lt;/em&gt;." in page


def test_report_needs_nothing_outside_itself(page: str) -> None:
    assert 'src="data:image/' in page
    # The name of SVG for scripts is an address, which nobody asks for anything.
    page = page.replace("http://www.w3.org/2000/svg", "")
    for address in ("http:", "https:", "file:", "<link", "<iframe", "fetch(", "XMLHttpRequest"):
        assert address not in page


def test_every_picture_has_words_for_the_blind(page: str) -> None:
    assert page.count("<img ") == page.count(' alt="') == 4
    assert 'alt=""' not in page


def test_report_says_what_it_does_not_show(page: str) -> None:
    assert "It does not show" in page


def test_bounds_are_marked_as_bounds() -> None:
    assert resolution_text(0.9, reaches_limit=True, starts_below=False) == "≤ 0.90 Å"
    assert resolution_text(17.5, reaches_limit=False, starts_below=True) == "> 18 Å"
    assert resolution_text(1.434, reaches_limit=False, starts_below=False) == "1.43 Å"


def test_methods_keep_their_colours_and_none_is_given_twice() -> None:
    names = ["hio", "hio-2", "mine", "cgan"]
    colours = method_colours(names)
    assert len(set(colours.values())) == len(names)
    assert colours["hio"] == method_colours(["cgan", "hio"])["hio"]


def test_gallery_takes_views_that_all_methods_phased() -> None:
    assert gallery_items([[0, 1, 2, 3, 4, 5, 6, 7], [1, 3]]) == [1, 3]
    assert gallery_items([[0, 1], [5]]) == [0, 1]
    assert len(gallery_items([list(range(100))])) == 4


def test_gallery_crops_to_the_molecule() -> None:
    picture = np.ones((1, 64, 64))
    picture[0, 30:44, 28:36] = 2
    assert molecule_half_width(picture) == int(11 * 1.1)


def test_folder_without_a_map_is_a_clear_error(tmp_path: Path, reconstruction: Path) -> None:
    with pytest.raises(InputError, match=r"holds no fsc\.json"):
        read_reconstruction(tmp_path)
    (tmp_path / "fsc.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        read_reconstruction(tmp_path)
    assert find_reconstructions([reconstruction, reconstruction.parent]) == [reconstruction] * 2
