"""Molecules that patterns show and the image does not."""

from dataclasses import replace

import numpy as np
from small_scan import SETTINGS, picks_at, registration_of_scan

from diffragan.acquisition.overview.matching import match
from diffragan.acquisition.overview.unseen import with_unseen


def test_a_hit_that_the_image_shows_nothing_of_lies_where_its_hologram_says() -> None:
    registration = registration_of_scan()
    beams = registration.positions_angstrom.reshape(-1, 2)
    hidden, seen = np.array([-85.0, -90.0]), beams[35] + np.array([5.0, 0.0])
    picks = picks_at(seen[None])
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
    registration = registration_of_scan()
    beams = registration.positions_angstrom.reshape(-1, 2)
    picks = picks_at(np.array([[900.0, 900.0]]))
    hits, places = np.array([0, 1, 30]), beams.copy()
    places[0], places[1], places[30] = (-80, -95), (-70, -95), (-100, 90)
    more = with_unseen(picks, registration, hits, places, SETTINGS)
    assert len(more) == 3
    assert more.centre_angstrom[1:].tolist() == [[-75.0, -95.0], [-100.0, 90.0]]


def test_hits_of_molecules_that_the_image_shows_add_none() -> None:
    registration = registration_of_scan()
    beams = registration.positions_angstrom.reshape(-1, 2)
    picks = picks_at(beams[[7]] + 10.0)
    assert with_unseen(picks, registration, np.array([7]), beams, SETTINGS) is picks
    none = replace(picks, **{
        name: getattr(picks, name)[:0] for name in ("centre_angstrom", "diameter_angstrom",
                                                    "score", "sure")
    })  # fmt: skip
    assert with_unseen(none, registration, np.array([7]), beams, SETTINGS) is none
