"""What the beam meets: layers, quilts, crystals, molecules and the image of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffragan.config.load import load_scan_simulation
from diffragan.config.scan_simulation import PathSettings, ScanSimulation
from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.scans.truth import FRAME_CLASSES
from diffragan.physics.forward import image
from diffragan.simulation.scan.classes import frame_class
from diffragan.simulation.scan.field import window_of
from diffragan.simulation.scan.geometry import (
    beam_centres,
    beam_positions,
    nominal_positions,
    rotation,
)
from diffragan.simulation.scan.ice_crystals import cubic_ice, hexagonal_ice, reflections
from diffragan.simulation.scan.lattice import image_side
from diffragan.simulation.scan.layers import make_layers
from diffragan.simulation.scan.overview import overview_counts, overview_optics
from diffragan.simulation.scan.periodic import periodic
from diffragan.simulation.scan.quilt import make_quilt
from diffragan.simulation.scan.scene import Scene, make_scene
from diffragan.structures.prepared import PreparedStructure

ZONE_110 = np.array([[0.5**0.5, 0.5**0.5, 0], [0, 0, 1], [0.5**0.5, -(0.5**0.5), 0]])
"""Lays the planes (111) of cubic ice along the beam."""


def test_rotation_turns_x_towards_y_and_scans_run_along_x_first() -> None:
    assert rotation(90) @ np.array([1.0, 0.0]) == pytest.approx([0, 1])
    places = nominal_positions(PathSettings(shape=(2, 3), step_angstrom=10))
    assert places.tolist() == [[-10, -5], [0, -5], [10, -5], [-10, 5], [0, 5], [10, 5]]


def test_beam_strays_as_far_as_it_is_told_to() -> None:
    path = PathSettings(shape=(40, 50), step_angstrom=30, wander_pixels=2, drift_angstrom=40)
    generator = np.random.default_rng(0)
    beam, centres = beam_positions(path, generator), beam_centres(path, generator)
    away = centres - np.array(path.centre_offset_pixels)
    assert np.hypot(*away.T).max() == pytest.approx(2, abs=0.3)
    turned = nominal_positions(path) @ rotation(path.rotation_error_deg).T * (1 + path.scale_error)
    error = beam - turned
    assert np.abs(error.mean(0)).max() < 1
    first, last = error[:50].mean(0), error[-50:].mean(0)
    assert np.linalg.norm(last - first) == pytest.approx(40, rel=0.15)


def test_periodic_function_is_sampled_between_its_samples() -> None:
    axis = np.arange(16) - 8
    x, y = np.meshgrid(axis, axis)
    wave = np.exp(2j * np.pi * (3 * x - 2 * y) / 16)
    found = periodic(torch.from_numpy(wave), 32.0)
    points = np.array([[[1.3, -7.1], [40.2, 0.4]]])
    wanted = np.exp(2j * np.pi * (3 * points[..., 0] - 2 * points[..., 1]) / 32)
    assert found.at(points) == pytest.approx(wanted, abs=1e-5)
    assert found.power() == pytest.approx(1)
    assert found.up_to(0.05).power() == pytest.approx(0)


def test_quilt_keeps_the_power_of_its_piece_everywhere() -> None:
    generator = np.random.default_rng(1)
    piece = periodic(torch.from_numpy(generator.standard_normal((48, 48))), 48.0)
    quilt = make_quilt(piece, np.eye(2), (-200, -300), (900, 800), generator)
    values = quilt.at(torch.arange(-200, 900)[:, None], torch.arange(-300, 800)[None, :])
    blocks = values.real[:1088, :1088].reshape(17, 64, 17, 64).square().mean((1, 3))
    assert float(blocks.mean()) == pytest.approx(piece.power(), rel=0.1)
    assert float(blocks.std() / blocks.mean()) < 0.15


def test_ice_has_the_rings_of_hexagonal_and_cubic_ice(tiny: ScanSimulation) -> None:
    def spacings(cell: object, thickness: float = 1e-3) -> set[float]:
        found = set()
        for turn in (np.eye(3), np.eye(3)[[1, 2, 0]], np.eye(3)[[2, 0, 1]]):
            g, _ = reflections(cell, turn, thickness, 0.3, tiny)  # type: ignore[arg-type]
            found |= {round(float(1 / np.linalg.norm(v)), 2) for v in g if np.linalg.norm(v) > 0.25}
        return found

    assert {3.89, 3.66, 3.44} <= spacings(hexagonal_ice())
    g, _ = reflections(cubic_ice(), ZONE_110, 1e-3, 0.3, tiny)
    assert np.linalg.norm(g, axis=1).max() == pytest.approx(1 / 3.67, abs=1e-3)


def test_layers_are_thin_in_a_tear_and_thick_on_the_film() -> None:
    field = load_scan_simulation("scan").field
    half = np.array([2800.0, 2240.0])
    layers = make_layers(field, half, 3500, np.random.default_rng(0))
    places = torch.tensor([[[2790.0, 0.0], [-500.0, 100.0]]])
    ice, carbon = layers.at(places)
    assert carbon.flatten().tolist() == pytest.approx([150, 0], abs=5)
    assert ice.min() > 50
    assert float(layers.maps[0].min()) < 1
    assert float(layers.maps[0].median()) == pytest.approx(200, abs=50)


def test_molecule_is_in_the_image_where_the_truth_says(
    tiny: ScanSimulation, tiny_scene: Scene
) -> None:
    # Strong underfocus shows a molecule as a dark spot, however it lies.
    overview = replace(tiny_scene.overview, patches=())
    kinds = {
        name: replace(kind, quilt=replace(kind.quilt, banks=0 * kind.quilt.banks))
        for name, kind in (("ice", overview.ice), ("carbon", overview.carbon))
    }
    lattice = tiny_scene.image_lattice
    size = 256
    window = window_of(replace(overview, **kinds), lattice, (0, 0), (size, size), range(4))
    grid = Grid(size, size * lattice.pixel_angstrom)
    optics = overview_optics(tiny).model_copy(update={"defocus_angstrom": 8000.0})
    seen = image(window.transmission - 1, grid, optics, tiny.electron).numpy()
    for one in tiny_scene.placed:
        x, y = lattice.pixels(one.place[None])[0]
        if not (20 < x < size - 20 and 20 < y < size - 20):
            continue
        rows, columns = np.mgrid[:size, :size]
        near = np.hypot(rows - y, columns - x) < 12
        dark = np.clip(np.median(seen) - seen, 0, None) * near
        found = np.array([(dark * rows).sum(), (dark * columns).sum()]) / dark.sum()
        assert np.abs(found - [y, x]).max() < 1.5  # the box's middle is not that of the mass


def test_damaged_molecules_scatter_less_at_wide_angles(
    tiny: ScanSimulation, villin: PreparedStructure, tiny_scene: Scene
) -> None:
    from diffragan.simulation.scan.molecules import molecule_wave

    one = tiny_scene.placed[0]
    sound, damaged = (
        molecule_wave(replace(one, damaged=state), villin, tiny).scattered
        for state in (False, True)
    )
    fine = [wave.power() - wave.up_to(0.2).power() for wave in (sound, damaged)]
    assert fine[1] < 0.2 * fine[0]


def test_frame_classes_follow_what_is_lit() -> None:
    def name(**changes: object) -> str:
        lit = {
            "saturated": False, "carbon_angstrom": 0.0, "ice_angstrom": 200.0,
            "crystalline_share": 0.0, "shares": (), "damaged": False,
        }  # fmt: skip
        return FRAME_CLASSES[frame_class(**{**lit, **changes})]  # type: ignore[arg-type]

    assert name() == "ice"
    assert name(ice_angstrom=1.0) == "empty"
    assert name(shares=(0.9, 0.05)) == "protein"
    assert name(shares=(0.3,)) == "ice"
    assert name(shares=(0.9, 0.2)) == "several"
    assert name(shares=(0.9,), damaged=True) == "damaged"
    assert name(shares=(0.9,), crystalline_share=0.5) == "crystalline_ice"
    assert name(shares=(0.9,), carbon_angstrom=100.0) == "carbon"
    assert name(carbon_angstrom=100.0, saturated=True) == "saturated"


def test_too_many_molecules_are_refused(tiny: ScanSimulation, villin: PreparedStructure) -> None:
    crowded = tiny.model_copy(
        update={"field": tiny.field.model_copy(update={"molecules": 60, "paired_fraction": 0.0})}
    )
    with pytest.raises(InputError, match="of 60 molecules found a place"):
        make_scene(crowded, [villin], seed=0, threads=1)


def test_layers_reach_as_far_as_an_image_of_coarse_pixels_with_its_rim(
    tiny: ScanSimulation, villin: PreparedStructure
) -> None:
    coarse = tiny.model_copy(
        update={"image": tiny.image.model_copy(update={"pixel_angstrom": 20.0})}
    )
    scene = make_scene(coarse, [villin], seed=3, threads=1)
    counts = overview_counts(
        scene.instrument, scene.overview, scene.image_lattice, np.random.default_rng(0)
    )
    assert counts.shape == (image_side(coarse), image_side(coarse))
