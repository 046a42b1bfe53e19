"""A scan laid on its overview image, and its hits matched."""

import dataclasses

import numpy as np
import pytest
from made_up_field import Field, intensity_map
from scipy.spatial import cKDTree

from diffragan.acquisition.overview.matching import Matches, Reason, match
from diffragan.acquisition.overview.picking import Picks
from diffragan.acquisition.overview.registration import Registration, register
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.errors import InputError

SHAPE, STEP, DIAMETER = (24, 22), 50.0, 160.0
ROTATION, SCALE, SHIFT = 7.0, 1.02, np.array([60.0, -40.0])


@pytest.fixture(scope="module")
def scan(field: Field) -> tuple[np.ndarray, np.ndarray]:
    return intensity_map(field, SHAPE, STEP, DIAMETER, ROTATION, SHIFT, SCALE, bend=15.0)


@pytest.fixture(scope="module")
def registration(
    scan: tuple[np.ndarray, np.ndarray], picks: Picks, settings: AcquisitionSettings
) -> Registration:
    return register(scan[0], picks, settings)


@pytest.fixture(scope="module")
def hits(field: Field, scan: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Frames whose beam holds the centre of one molecule, and no other's."""
    near = cKDTree(field.centres).query_ball_point(scan[1], DIAMETER / 2)
    return np.flatnonzero([len(n) == 1 for n in near])


@pytest.fixture(scope="module")
def matches(
    hits: np.ndarray, registration: Registration, picks: Picks, settings: AcquisitionSettings
) -> Matches:
    return match(hits, registration, picks, settings)


def test_positions_are_found_within_their_errors(
    scan: tuple[np.ndarray, np.ndarray], registration: Registration
) -> None:
    off = np.linalg.norm(registration.positions_angstrom.reshape(-1, 2) - scan[1], axis=-1)
    assert np.median(off) < 10
    # Corners without molecules are known less well, and say so.
    assert (off < 5 * registration.standard_error_angstrom.ravel()).mean() > 0.9


def test_rotation_scale_and_shift_are_found(registration: Registration) -> None:
    assert abs(registration.scan_to_image_deg - ROTATION) < 1.0
    assert abs(registration.scale - SCALE) < 0.02
    assert np.linalg.norm(registration.shift_angstrom - SHIFT) < 15
    assert registration.score > 0.4


def test_any_rotation_is_found_on_request(
    field: Field, picks: Picks, settings: AcquisitionSettings
) -> None:
    intensity, truth = intensity_map(field, SHAPE, STEP, DIAMETER, 130.0, SHIFT)
    with pytest.raises(InputError, match=r"scan_to_image_deg 1[23]"):
        register(intensity, picks, settings)
    found = register(intensity, picks, settings, any_rotation=True)
    off = np.linalg.norm(found.positions_angstrom.reshape(-1, 2) - truth, axis=-1)
    assert np.median(off) < 10


def test_an_image_of_another_place_is_refused_with_the_score(
    field: Field, picks: Picks, settings: AcquisitionSettings
) -> None:
    rng = np.random.default_rng(8)
    elsewhere = dataclasses.replace(
        field, phase=np.roll(field.phase[::-1], rng.integers(100, 400, 2), (0, 1)).T.copy()
    )
    intensity, _ = intensity_map(elsewhere, SHAPE, STEP, DIAMETER, 55.0, np.array([300.0, 250.0]))
    strict = settings.model_copy(
        update={"hits": settings.hits.model_copy(update={"smallest_registration_score": 0.5})}
    )
    with pytest.raises(InputError, match=r"registration score is 0\.\d\d "):
        register(intensity, picks, strict)


def test_an_even_map_is_refused(picks: Picks, settings: AcquisitionSettings) -> None:
    with pytest.raises(InputError, match="the same everywhere"):
        register(np.ones(SHAPE), picks, settings)
    with pytest.raises(InputError, match=r"scan\.shape"):
        register(np.ones((1, 528)), picks, settings)


def test_a_map_with_holes_is_used(
    scan: tuple[np.ndarray, np.ndarray], picks: Picks, settings: AcquisitionSettings
) -> None:
    intensity = scan[0].copy()
    intensity[3, 4:9] = np.nan
    off = register(intensity, picks, settings).positions_angstrom.reshape(-1, 2) - scan[1]
    assert np.median(np.linalg.norm(off, axis=-1)) < 10


def test_kept_hits_show_the_molecule_they_hit(
    field: Field, scan: tuple[np.ndarray, np.ndarray], matches: Matches
) -> None:
    assert matches.kept.mean() > 0.4
    _, true = cKDTree(field.centres).query(scan[1][matches.frame[matches.kept]])
    off = np.linalg.norm(matches.position_angstrom[matches.kept] - field.centres[true], axis=-1)
    assert (off < 15).mean() > 0.97
    assert np.sqrt((off[off < 15] ** 2).mean()) < 3


def test_offsets_are_in_the_frame_of_the_detector(
    field: Field, scan: tuple[np.ndarray, np.ndarray], matches: Matches
) -> None:
    beams = scan[1][matches.frame]
    _, true = cKDTree(field.centres).query(beams)
    # The detector's x axis is the scan's turned by 20 degrees, that one is the image's by -7.
    angle = np.deg2rad(ROTATION - 20.0)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = (field.centres[true] - beams) @ turned.T
    off = np.linalg.norm(matches.offset_angstrom - expected, axis=-1)[matches.kept]
    assert np.median(off) < 10


def test_frames_of_one_molecule_are_numbered_from_the_best_centred(matches: Matches) -> None:
    distance = np.linalg.norm(matches.offset_angstrom, axis=-1)
    for molecule in np.unique(matches.molecule[matches.kept]):
        of_it = np.flatnonzero(matches.kept & (matches.molecule == molecule))
        order = of_it[np.argsort(matches.view[of_it])]
        assert matches.view[order].tolist() == list(range(len(order)))
        assert (np.diff(distance[order]) >= 0).all()


def test_every_hit_has_a_reason(
    picks: Picks, registration: Registration, settings: AcquisitionSettings
) -> None:
    everything = match(np.arange(SHAPE[0] * SHAPE[1]), registration, picks, settings)
    counts = everything.counts()
    assert sum(counts.values()) == SHAPE[0] * SHAPE[1]
    assert min(counts[reason] for reason in (Reason.KEPT, Reason.EMPTY, Reason.OFF_CENTRE)) > 0
    assert (everything.view[~everything.kept] == -1).all()


def test_an_allowed_offset_is_kept_to(
    hits: np.ndarray, picks: Picks, registration: Registration, settings: AcquisitionSettings
) -> None:
    near = settings.model_copy(
        update={"hits": settings.hits.model_copy(update={"largest_offset_angstrom": 25.0})}
    )
    kept = match(hits, registration, picks, near)
    assert kept.kept.any()
    assert np.linalg.norm(kept.offset_angstrom[kept.kept], axis=-1).max() <= 25


def test_no_picks_leave_no_match(
    hits: np.ndarray, picks: Picks, registration: Registration, settings: AcquisitionSettings
) -> None:
    none = dataclasses.replace(
        picks,
        centre_angstrom=np.zeros((0, 2)),
        diameter_angstrom=np.zeros(0),
        score=np.zeros(0),
        sure=np.zeros(0, dtype=bool),
    )
    found = match(hits, registration, none, settings)
    assert not found.kept.any()
