"""Frames of a simulated scan agree with the one forward model, and lie where the truth says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from diffragan.config.acquisition import ScanSettings
from diffragan.config.beam import BeamSettings
from diffragan.config.scan_simulation import CameraSettings, ScanSimulation
from diffragan.grid import Grid
from diffragan.io.scans.upright import upright
from diffragan.physics.illumination import probe_pattern
from diffragan.simulation.scan.counts import file_type, in_file
from diffragan.simulation.scan.field import Field
from diffragan.simulation.scan.frames import expected_pattern, light, make_instrument
from diffragan.simulation.scan.geometry import rotation
from diffragan.simulation.scan.lattice import frame_lattice
from diffragan.simulation.scan.scene import Scene


def without_noise(field: Field) -> Field:
    """The field without what is random in its layers."""
    quiet = replace(field.ice.quilt, banks=torch.zeros_like(field.ice.quilt.banks))
    return replace(field, ice=replace(field.ice, quilt=quiet), patches=())


def with_round_pattern(settings: ScanSimulation) -> ScanSimulation:
    """No losses and no ellipticity, so that `probe_pattern` says the whole."""
    camera = settings.camera.model_copy(update={"ellipticity": 0.0})
    beam = settings.beam.model_copy(update={"convergence_mrad": 0.0})
    return settings.model_copy(update={"camera": camera, "beam": beam})


def test_frame_of_a_molecule_off_the_axis_is_its_true_wave_in_an_off_axis_probe(
    tiny_scene: Scene, tiny: ScanSimulation
) -> None:
    settings = with_round_pattern(tiny)
    instrument = make_instrument(settings, 0)
    one, wave = tiny_scene.placed[0], tiny_scene.waves[0]
    angle = settings.path.scan_to_detector_deg
    field = replace(
        without_noise(tiny_scene.field),
        layers=replace(tiny_scene.field.layers, maps=0 * tiny_scene.field.layers.maps + 100),
        molecules=(wave.on(instrument.lattice, one.place, angle),),
        quilt_lattice=instrument.lattice,
    )
    field.layers.maps[1] = 0
    away = np.array([11.0, -7.0])
    lit = light(instrument, field, one.place - away, [0])
    found = expected_pattern(instrument, lit.wave, (0.0, 0.0), 0.0)

    assert lit.shares[0] > 0.99
    x, y = rotation(angle).T @ away
    pixels = settings.camera.pixels
    beam = settings.beam.model_copy(update={"probe_offset_angstrom": (-float(x), -float(y))})
    grid = Grid(pixels, settings.box_angstrom)
    wave_there = wave.on_grid(pixels, settings.box_angstrom)
    alone = probe_pattern(torch.zeros_like(wave_there), grid, beam, pixels)
    wanted = probe_pattern(wave_there, grid, beam, pixels)
    # The spot alone is averaged over the pixels of a probe wider than the box, so look beside it.
    beside = torch.ones_like(found, dtype=torch.bool)
    beside[pixels // 2 - 12 : pixels // 2 + 13, pixels // 2 - 12 : pixels // 2 + 13] = False
    assert float(wanted[beside].sum()) > 3 * float(alone[beside].sum())
    ours, theirs = found[beside], wanted[beside]
    assert float(torch.corrcoef(torch.stack([ours, theirs]))[0, 1]) > 0.97
    mirrored = wanted.flip(0).roll(1, 0)[beside]
    assert float(torch.corrcoef(torch.stack([ours, mirrored]))[0, 1]) < 0.8


@pytest.mark.parametrize(("diameter", "pixels_off"), [(60.0, 0.05), (160.0, 0.2)])
def test_direct_beam_falls_where_it_is_sent_and_holds_all_electrons(
    tiny: ScanSimulation, diameter: float, pixels_off: float
) -> None:
    beam = BeamSettings(probe_diameter_angstrom=diameter, probe_edge_angstrom=3.0)
    settings = with_round_pattern(tiny).model_copy(update={"beam": beam})
    instrument = make_instrument(settings, 0)
    size = instrument.window_pixels
    axis = (np.arange(size) - size // 2) * instrument.lattice.pixel_angstrom
    away = np.hypot(axis[:, None], axis[None, :])
    probe = np.interp(away, instrument.radii, instrument.amplitudes, right=0)
    wave = torch.from_numpy(probe).to(torch.complex64)
    pattern = expected_pattern(instrument, wave, (2.3, -4.6), 0.0).double()
    middle = settings.camera.pixels // 2
    place = torch.arange(settings.camera.pixels) - middle

    assert float(pattern.sum()) == pytest.approx(1, abs=0.01)
    near = pattern[middle - 18 : middle + 22, middle - 24 : middle + 16]
    y, x = place[middle - 18 : middle + 22], place[middle - 24 : middle + 16]
    assert float((near.sum(1) * y).sum() / near.sum()) == pytest.approx(2.3, abs=pixels_off)
    assert float((near.sum(0) * x).sum() / near.sum()) == pytest.approx(-4.6, abs=pixels_off)


def test_beam_is_split_over_the_thickness_it_lights(tiny_scene: Scene) -> None:
    lit = light(tiny_scene.instrument, tiny_scene.field, tiny_scene.beam[20], [])
    assert float(lit.weight.sum()) == pytest.approx(1, abs=1e-4)
    ice = float((lit.weight * lit.window.thickness[0]).sum())
    assert 100 < ice < 300
    assert lit.lost == pytest.approx(1 - np.exp(-ice / tiny_scene.instrument.ice_path_angstrom))


def test_ellipse_is_longest_along_its_angle(tiny: ScanSimulation) -> None:
    camera = tiny.camera.model_copy(update={"ellipticity": 0.2, "ellipticity_angle_deg": 30})
    path = tiny.path.model_copy(update={"scan_to_detector_deg": 0.0})
    settings = tiny.model_copy(update={"camera": camera, "path": path})
    # Fringes of spacing d appear at k = S q: count those of 20 Å along the angle and across.
    lattice = frame_lattice(settings)
    along, across = (rotation(angle)[:, 0] for angle in (30, 120))
    cycles = [np.linalg.norm(lattice.matrix.T @ d) for d in (along, across)]
    assert cycles[0] / cycles[1] == pytest.approx(1.2)
    assert cycles[0] * cycles[1] == pytest.approx(lattice.pixel_angstrom**2)


def test_undoing_transpose_then_flips_makes_a_frame_upright() -> None:
    letter = np.arange(12.0).reshape(1, 3, 4)
    for transposed in (False, True):
        for flipped_y in (False, True):
            for flipped_x in (False, True):
                camera = CameraSettings(
                    transposed=transposed, flipped_y=flipped_y, flipped_x=flipped_x
                )
                raw = in_file(letter, camera, np.dtype(np.uint16), 1e4)
                known = ScanSettings(
                    detector_transposed=transposed,
                    detector_flipped_y=flipped_y,
                    detector_flipped_x=flipped_x,
                )
                assert (upright(raw, known) == letter).all()


def test_values_stop_at_what_a_file_and_its_counter_hold() -> None:
    assert file_type(CameraSettings(bits=16), "mib") == (np.dtype(np.uint16), 65535)
    assert file_type(CameraSettings(bits=32), "tvips") == (np.dtype(np.uint16), 65535)
    assert file_type(CameraSettings(bits=32), "mib") == (np.dtype(np.uint32), 2**24 - 1)
    frames = np.array([[[-3.0, 70000.4]]])
    assert in_file(frames, CameraSettings(), np.dtype(np.uint16), 65535).tolist() == [[[0, 65535]]]
