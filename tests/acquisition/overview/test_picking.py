"""Molecules found in a made-up image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from made_up_field import ELECTRON, Field, counts, make_field, optics
from scipy.spatial import cKDTree

from diffragan.acquisition.overview.defocus import Defocus
from diffragan.acquisition.overview.exclusion import excluded_cells
from diffragan.acquisition.overview.picking import Picks, pick
from diffragan.config.acquisition import OverviewSettings
from diffragan.io.overview_image import OverviewImage

LENS = Defocus(4000.0, 10.0, 0.0, 0.0, True, None)


def test_nearly_all_molecules_are_picked_and_hardly_anything_else(
    field: Field, picks: Picks
) -> None:
    sure = picks.centre_angstrom[picks.sure]
    missed, _ = cKDTree(sure).query(field.centres)
    wrong, _ = cKDTree(field.centres).query(sure)
    assert (missed < 15).mean() > 0.9
    assert (wrong < 15).mean() > 0.85


def test_centres_are_right_within_three_angstrom(field: Field, picks: Picks) -> None:
    distance, _ = cKDTree(picks.centre_angstrom[picks.sure]).query(field.centres)
    assert np.sqrt((distance[distance < 15] ** 2).mean()) < 3


def test_heavier_molecules_look_larger(field: Field, picks: Picks) -> None:
    distance, nearest = cKDTree(picks.centre_angstrom).query(field.centres)
    found = distance < 15
    sizes = picks.diameter_angstrom[nearest[found]]
    assert np.corrcoef(sizes, field.kilodaltons[found])[0, 1] > 0.4


def test_noise_alone_gives_hardly_a_sure_pick() -> None:
    electrons = np.random.default_rng(3).poisson(600.0, (400, 480)).astype(np.float32)
    image = OverviewImage(Path("a.mrc"), electrons, 2.5, 1.0, 96.0, ())
    picks = pick(image, LENS, OverviewSettings(), ELECTRON)
    assert picks.sure.sum() <= 3
    assert not picks.excluded.any()


def test_carbon_is_excluded_and_nothing_picked_on_it(overview: OverviewImage) -> None:
    electrons = overview.electrons.copy()
    rng = np.random.default_rng(4)
    electrons[:, :150] = rng.poisson(0.7 * electrons[:, :150])
    image = OverviewImage(overview.path, electrons, overview.pixel_angstrom, 1.0, 1000.0, ())
    picks = pick(image, LENS, OverviewSettings(), ELECTRON)
    columns = picks.frame.to_pixels(picks.centre_angstrom)[:, 0]
    assert len(picks) > 5
    assert columns.min() > 150
    cells = excluded_cells(electrons, overview.pixel_angstrom)
    assert cells[:, : cells.shape[1] // 5].all()
    assert not cells[:, cells.shape[1] // 2 :].any()


def test_fringes_of_molecules_that_stand_out_are_no_picks() -> None:
    """Without ice molecules have scores of 20 to 30, and their first fringes some of 6."""
    field = make_field(500, 2.5, 14, masses=(16, 22))
    dry = replace(field, phase=3 * field.phase)
    electrons = counts(dry, optics(1500, 5.0), 1000.0)
    image = OverviewImage(Path("a.mrc"), electrons, 2.5, 1.0, 1000.0, ())
    lens = Defocus(1500.0, 10.0, 0.0, 0.0, True, None)
    picks = pick(image, lens, OverviewSettings(aperture_mrad=5.0), ELECTRON)
    sure = picks.centre_angstrom[picks.sure]
    assert len(sure) == len(field.centres)
    assert cKDTree(field.centres).query(sure)[0].max() < 15


def test_lobes_of_a_molecule_are_one_pick(picks: Picks) -> None:
    """Two that are found apart may have the same centre, once it is sought about each."""
    assert not cKDTree(picks.centre_angstrom).query_pairs(25.0 - 1e-6)
