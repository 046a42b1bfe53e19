"""The surface that the page draws of a map: closed, of the right size, facing outwards."""

from importlib.resources import files
from math import pi
from typing import Any

import numpy as np
import pytest

SIDE = 32


@pytest.fixture
def page(browser: Any) -> Any:
    page = browser.new_page()
    yield page
    page.close()


def in_page(page: Any, call: str, *values: Any) -> Any:
    """Call a function of `surface.js` with values."""
    templates = files("diffragan.evaluation") / "templates"
    source = "".join((templates / name).read_text() for name in ("colours.js", "surface.js"))
    clamp = "const clamp = (value, low, high) => Math.min(high, Math.max(low, value));"
    return page.evaluate(f"(given) => {{ {clamp} {source} return ({call})(given); }}", list(values))


def ball(radius: float) -> np.ndarray:
    """Density that falls evenly with the distance from the middle: 128 at the radius."""
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    distance = np.sqrt(x**2 + y**2 + z**2)
    return np.clip(np.round(128 + 16 * (radius - distance)), 0, 255).astype(int)


def surface(page: Any, grey: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    call = (
        "([grey, side, level]) => { const mesh = surfaceOf(Uint8Array.from(grey), side, level);"
        " return [[...mesh.places], [...mesh.faces], [...mesh.normals]]; }"
    )
    places, faces, normals = in_page(page, call, grey.ravel().tolist(), len(grey), level)
    return (
        np.reshape(places, (-1, 3)),
        np.reshape(np.array(faces, dtype=int), (-1, 3)),
        np.reshape(normals, (-1, 3)),
    )


@pytest.mark.parametrize("radius", [7.0, 11.0])
def test_the_surface_of_a_ball_is_a_closed_sphere_of_its_size(page: Any, radius: float) -> None:
    places, faces, normals = surface(page, ball(radius), 128.5)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    # Every edge is shared by two faces, which run along it in opposite directions.
    assert len(np.unique(edges, axis=0)) == len(edges)
    assert {tuple(edge) for edge in edges} == {tuple(edge[::-1]) for edge in edges}
    assert len(places) - len(edges) // 2 + len(faces) == 2
    centred = places - (SIDE - 1) / 2
    volume = np.einsum("fi,fi->f", centred[faces[:, 0]],
                       np.cross(centred[faces[:, 1]], centred[faces[:, 2]])).sum() / 6  # fmt: skip
    assert volume == pytest.approx(4 / 3 * pi * radius**3, rel=0.06)
    outwards = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    assert np.einsum("vi,vi->v", outwards, normals).min() > 0.9


def test_a_level_above_all_density_has_no_surface(page: Any) -> None:
    places, faces, _ = surface(page, ball(6) // 2, 250)
    assert len(places) == len(faces) == 0


def test_the_picture_shows_y_to_the_right_z_up_and_x_to_the_reader(page: Any) -> None:
    # At longitude 0 and tilt 0; a blob off the middle along one axis shows where it went.
    call = (
        "([grey, side]) => { const mesh = surfaceOf(Uint8Array.from(grey), side, 100);"
        " const pixels = new Uint32Array(64 * 64);"
        " drawSurface(mesh, pixels, 64, { longitude: 0, tilt: 0 }, [90, 160, 210], 0);"
        " return [...pixels].map(p => p === 0 ? 0 : 1); }"
    )
    for axis, (right, up) in {0: (0, 0), 1: (1, 0), 2: (0, 1)}.items():
        grey = np.zeros((SIDE,) * 3, dtype=int)
        place = [16, 16, 16]
        place[axis] = 24
        x, y, z = place
        grey[z - 2 : z + 2, y - 2 : y + 2, x - 2 : x + 2] = 200
        seen = np.reshape(in_page(page, call, grey.ravel().tolist(), SIDE), (64, 64))
        rows, columns = np.nonzero(seen)
        assert np.sign(np.round((columns.mean() - 31.5) / 4)) == right
        assert np.sign(np.round((31.5 - rows.mean()) / 4)) == up


def test_a_surface_takes_the_colours_of_its_own_places(page: Any) -> None:
    # The half with small x is fine, blue here; the other coarse, red; and one corner is unknown.
    grey, steps = ball(10), np.full((SIDE,) * 3, 255)
    steps[..., : SIDE // 2] = 1
    steps[SIDE // 2 :, SIDE // 2 :] = 0
    call = (
        "([grey, steps, side]) => { const mesh = surfaceOf(Uint8Array.from(grey), side, 128.5);"
        " const palette = [[0, 0, 255], [0, 255, 0], [255, 0, 0]];"
        " colourBy(mesh, Uint8Array.from(steps), palette, [9, 9, 9]);"
        " return [[...mesh.places], [...mesh.colours], paletteAt(palette, 0.25)]; }"
    )
    places, colours, middle = in_page(
        page, call, grey.ravel().tolist(), steps.ravel().tolist(), SIDE
    )
    assert middle == [0, 127.5, 127.5]
    places, colours = np.reshape(places, (-1, 3)), np.reshape(colours, (-1, 3))
    x, y, z = np.floor(places + 0.5).astype(int).T
    expected = np.where((x < SIDE // 2)[:, None], [0, 0, 255], [255, 0, 0])
    expected[(y >= SIDE // 2) & (z >= SIDE // 2)] = 9
    np.testing.assert_array_equal(colours, expected)
