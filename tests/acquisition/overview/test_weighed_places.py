"""Where molecules lie, by image, beams and holograms together."""

import numpy as np
import pytest
from numpy.typing import NDArray
from small_scan import SETTINGS, picks_at, registration_of_scan

from diffragan.acquisition.overview.matching import match
from diffragan.acquisition.overview.picking import NOTHING
from diffragan.acquisition.overview.weighed_places import HologramPlaces, weighed_places

DIAMETER = 100.0
HITS = np.array([14, 15, 20, 21])
"""The four frames in the middle of the scan, whose beams all hold its centre."""
MIDDLE = np.zeros(2)


def holograms(
    seed: int, error: float, truth: NDArray[np.float64] = MIDDLE, peak: float = 9.0
) -> HologramPlaces:
    away = error * np.random.default_rng(seed).standard_normal((36, 2))
    return HologramPlaces(truth + away, np.full(36, peak))


def placed(
    seen: NDArray[np.float64], told: HologramPlaces | None, hits: NDArray[np.int64] = HITS
) -> NDArray[np.float64]:
    return weighed_places(
        picks_at(seen[None]), np.zeros(len(hits), np.int64), hits, registration_of_scan(),
        DIAMETER, told,
    )[0]  # fmt: skip


def test_holograms_bring_a_place_nearer_to_the_truth() -> None:
    off: dict[str, list[NDArray[np.float64]]] = {"image": [], "all": []}
    ending = np.arange(12)  # at the scan's end beams tell nothing
    for seed in range(40):
        seen = 3.0 * np.random.default_rng([seed, 1]).standard_normal(2)
        off["image"].append(placed(seen, None, ending))
        off["all"].append(placed(seen, holograms(seed, 4.0), ending))
    rms = {name: float(np.sqrt(np.mean(np.square(errors)))) for name, errors in off.items()}
    assert rms["all"] < 0.7 * rms["image"]


def test_what_is_no_molecule_s_hologram_does_not_count() -> None:
    seen = np.array([2.0, -1.0])
    alone = placed(seen, None)
    for told in (holograms(0, 1.0, np.array([90.0, 60.0])), holograms(0, 4.0, peak=3.0)):
        assert placed(seen, told).tolist() == alone.tolist()


def test_one_hit_is_placed_by_its_hologram() -> None:
    seen = np.array([4.0, 0.0])
    told = HologramPlaces(np.zeros((36, 2)), np.full(36, 20.0))
    found = placed(seen, told, HITS[:1])
    assert 0 < found[0] < 4
    assert abs(found[1]) < 1e-12


def test_molecules_without_a_hit_stay_and_so_do_those_that_only_holograms_show() -> None:
    picks = picks_at(np.array([[3.0, 0.0], [60.0, 60.0], [-40.0, -40.0]]))
    picks.score[2] = 0.0
    molecule = np.array([0, 0, NOTHING, 2])
    centres = weighed_places(
        picks, molecule, HITS, registration_of_scan(), DIAMETER, holograms(1, 2.0)
    )
    assert not np.allclose(centres[0], picks.centre_angstrom[0])
    assert centres[1].tolist() == [60.0, 60.0]
    assert centres[2].tolist() == [-40.0, -40.0]


@pytest.mark.parametrize("given", [False, True])
def test_matches_take_the_weighed_place(given: bool) -> None:
    told = holograms(3, 2.0) if given else None
    seen = np.array([5.0, 2.0])
    found = match(HITS, registration_of_scan(), picks_at(seen[None]), SETTINGS, told)
    assert np.allclose(found.position_angstrom, placed(seen, told))
