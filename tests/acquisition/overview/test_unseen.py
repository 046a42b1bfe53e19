"""Molecules that patterns show and the image does not."""

from dataclasses import replace

import numpy as np

from diffragan.acquisition.overview.frames import ImageFrame
from diffragan.acquisition.overview.matching import match
from diffragan.acquisition.overview.picking import Picks
from diffragan.acquisition.overview.registration import Registration
from diffragan.acquisition.overview.unseen import with_unseen
from diffragan.config.acquisition import AcquisitionSettings, HitSettings, ScanSettings

SETTINGS = AcquisitionSettings(
    scan=ScanSettings(shape=(6, 6), step_angstrom=40, beam_diameter_angstrom=100),
    hits=HitSettings(largest_offset_angstrom=25),
)


def _picks(centres: np.ndarray) -> Picks:
    empty, cells = np.zeros((1, 1), np.float32), np.zeros((1, 1), np.bool_)
    return Picks(
        centres, np.full(len(centres), 40.0), np.full(len(centres), 9.0),
        np.ones(len(centres), np.bool_), cells, 1000.0, empty, empty, 1000.0,
        ImageFrame((400, 400), 2.5),
    )  # fmt: skip


def _registration() -> Registration:
    axis = (np.arange(6) - 2.5) * 40
    x, y = np.meshgrid(axis, axis)
    return Registration(
        np.stack([x, y], -1), np.full((6, 6), 2.0), 0.0, 0.1, 1.0, 0.01, np.zeros(2), 1.0, 5,
        0.8, 0.9, 0.1,
    )  # fmt: skip


def test_a_hit_that_the_image_shows_nothing_of_lies_where_its_hologram_says() -> None:
    registration = _registration()
    beams = registration.positions_angstrom.reshape(-1, 2)
    hidden, seen = np.array([-85.0, -90.0]), beams[35] + np.array([5.0, 0.0])
    picks = _picks(seen[None])
    hits = np.array([0, 35])
    places = beams.copy()
    places[0] = hidden
    more = with_unseen(picks, registration, hits, places, SETTINGS)
    assert len(more) == 2
    assert not more.sure[1]
    assert more.score[1] == 0
    found = match(hits, registration, more, SETTINGS)
    assert found.kept.tolist() == [True, True]
    assert np.abs(found.position_angstrom[0] - hidden).max() < 1e-9


def test_frames_of_the_same_hidden_molecule_make_one_pick() -> None:
    registration = _registration()
    beams = registration.positions_angstrom.reshape(-1, 2)
    picks = _picks(np.array([[900.0, 900.0]]))
    hits, places = np.array([0, 1, 30]), beams.copy()
    places[0], places[1], places[30] = (-80, -95), (-70, -95), (-100, 90)
    more = with_unseen(picks, registration, hits, places, SETTINGS)
    assert len(more) == 3
    assert more.centre_angstrom[1:].tolist() == [[-75.0, -95.0], [-100.0, 90.0]]


def test_hits_of_molecules_that_the_image_shows_add_none() -> None:
    registration = _registration()
    beams = registration.positions_angstrom.reshape(-1, 2)
    picks = _picks(beams[[7]] + 10.0)
    assert with_unseen(picks, registration, np.array([7]), beams, SETTINGS) is picks
    none = replace(picks, **{
        name: getattr(picks, name)[:0] for name in ("centre_angstrom", "diameter_angstrom",
                                                    "score", "sure")
    })  # fmt: skip
    assert with_unseen(none, registration, np.array([7]), beams, SETTINGS) is none
