"""Maps in the report: what is refused, what is said of them, and what is drawn."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffragan.errors import InputError
from diffragan.evaluation.figures import find_reconstructions
from diffragan.evaluation.sections import draw_reconstruction, read_reconstruction
from diffragan.io.mrc import write_stack, write_volume

SIZE = 16
FSC: dict[str, Any] = {
    "frequency_per_angstrom": [i / SIZE for i in range(8)],
    "fsc_half_maps": [1 - i / 8 for i in range(8)],
    "fsc_truth": None,
    "resolution_fsc_0p143_angstrom": 2.345,
    "views": 9,
}


def folder_with(folder: Path, volume: np.ndarray, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    write_volume(folder / "map.mrc", volume, 1.0)
    (folder / "fsc.json").write_text(json.dumps({**FSC, **changes}))
    return folder


def block(z: int, y: int, x: int) -> np.ndarray:
    """A voxel of density, the origin at the middle."""
    volume = np.zeros((SIZE,) * 3, np.float32)
    volume[SIZE // 2 + z, SIZE // 2 + y, SIZE // 2 + x] = 1
    return volume


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fsc_half_maps": [1.0]}, "differ in length"),
        ({"fsc_truth": [1.0, 0.5]}, "differ in length"),
        ({"fsc_half_maps": ["a"] * 8}, "damaged; reconstruct again"),
        ({"frequency_per_angstrom": 3}, "damaged; reconstruct again"),
        ({"fsc_truth": {"a": 1}}, "damaged; reconstruct again"),
    ],
)
def test_curves_that_cannot_be_drawn_are_one_line(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_reconstruction(folder_with(tmp_path, block(0, 0, 0), **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(8, 16, 16), (16, 16, 12)])
def test_a_map_that_is_no_cube_is_one_line(tmp_path: Path, shape: tuple[int, ...]) -> None:
    folder_with(tmp_path, np.ones(shape, np.float32))
    with pytest.raises(InputError, match=r"map\.mrc: a volume of .*a cubic map is needed"):
        read_reconstruction(tmp_path)


def test_a_stack_or_nothing_in_the_place_of_the_map_is_one_line(tmp_path: Path) -> None:
    folder_with(tmp_path, block(0, 0, 0))
    write_stack(tmp_path / "map.mrc", np.ones((3, 16, 16), np.float32), 1.0)
    with pytest.raises(InputError, match="a stack of 3 x 16 x 16"):
        read_reconstruction(tmp_path)
    (tmp_path / "map.mrc").unlink()
    with pytest.raises(InputError, match=r"map\.mrc: there is no such file"):
        read_reconstruction(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "from 9 views, halves agree (FSC 0.143) to 2.35 Å"),
        ({"resolution_fsc_0p143_angstrom": None}, "(FSC 0.143) to the end of the data"),
        ({"views": None}, "from phased views, halves"),
        (
            {"fsc_truth": FSC["fsc_half_maps"], "resolution_fsc_truth_0p5_angstrom": 4.0},
            "map and true potential (FSC 0.5) to 4.00 Å",
        ),
    ],
)
def test_words_say_how_fine_the_map_is(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    found = read_reconstruction(folder_with(tmp_path / "villin", block(0, 0, 0), **changes))
    assert said in found.words
    assert said in found.alt
    assert "villin" in found.caption


def test_sections_are_cut_through_the_origin_with_x_across(tmp_path: Path) -> None:
    # Density on the x axis, on the y axis and at the origin's own height.
    volume = block(0, 0, 5) + 0.5 * block(0, -3, 0) + 0.25 * block(4, 0, 0)
    figure = draw_reconstruction(read_reconstruction(folder_with(tmp_path, volume)))
    pictures = {ax.get_title(): ax.get_images()[0].get_array() for ax in figure.axes[:3]}
    half = len(pictures["section x, y"]) // 2

    def at(plane: str, row: int, column: int) -> float:
        return float(pictures[f"section {plane}"][half + row, half + column])

    assert at("x, y", 0, 5) == at("x, z", 0, 5) == 1
    assert at("x, y", -3, 0) == at("y, z", 0, -3) == 0.5
    assert at("x, z", 4, 0) == at("y, z", 4, 0) == 0.25
    assert all(ax.get_images()[0].origin == "lower" for ax in figure.axes[:3])


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_a_map_without_contrast_is_drawn_all_the_same(tmp_path: Path, value: float) -> None:
    volume = np.full((SIZE,) * 3, value, np.float32)
    figure = draw_reconstruction(read_reconstruction(folder_with(tmp_path, volume)))
    figure.savefig(tmp_path / "map.png")
    assert len(figure.axes[0].get_images()[0].get_array()) == SIZE


def test_the_curve_against_the_truth_is_drawn_where_it_is_known(tmp_path: Path) -> None:
    for truth, names in ((None, ["half maps"]), ([0.5] * 8, ["half maps", "map and truth"])):
        found = read_reconstruction(folder_with(tmp_path, block(0, 0, 0), fsc_truth=truth))
        legend = draw_reconstruction(found).axes[3].get_legend()
        assert [text.get_text() for text in legend.get_texts()] == names


def test_several_molecules_are_found_in_the_order_of_their_names(tmp_path: Path) -> None:
    inside = [folder_with(tmp_path / name, block(0, 0, 0)) for name in ("beta", "alpha")]
    assert find_reconstructions([tmp_path]) == inside[::-1]
    folder_with(tmp_path, block(0, 0, 0))
    assert find_reconstructions([tmp_path]) == [tmp_path]
