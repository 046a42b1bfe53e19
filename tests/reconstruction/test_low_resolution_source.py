"""Defocused images as particles: the lens's signs put right, its modulus taken off the map."""

from pathlib import Path

import pytest
import torch
from defocused_data import RADIUS, VIEWS, defocused_data, experiment

from diffragan.errors import InputError
from diffragan.fourier import fourier, resample, resize_centred
from diffragan.grid import Grid
from diffragan.io.triplets import TripletStore
from diffragan.reconstruction.embedded import insert_known
from diffragan.reconstruction.open_source import open_source
from diffragan.reconstruction.pipeline import Extras, reconstruct_all
from diffragan.reconstruction.request import Request
from diffragan.reconstruction.sources.extent import extent, window
from diffragan.reconstruction.sources.low_resolution import image_limit, shell_transfer
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.reconstruction.transfer import without_transfer
from diffragan.reconstruction.truth import true_potential_map
from diffragan.rings import ring_correlation, ring_index, ring_sum

APERTURE = 0.1994
"""5 mrad at 200 kV [1/Å]."""


@pytest.fixture(scope="module")
def particles(defocused_views: TripletStore) -> ParticleSet:
    (found,) = open_source(defocused_views.store.path, images="low-resolution")
    return found


def test_images_are_cut_to_the_molecule_and_sampled_as_their_aperture_allows(
    particles: ParticleSet,
) -> None:
    assert particles.count == VIEWS
    assert particles.band_limit_per_angstrom == pytest.approx(APERTURE, rel=0.05)
    assert 1.2 < particles.grid.nyquist_per_angstrom / APERTURE < 1.5
    assert 2 * RADIUS < particles.grid.box_angstrom < 50
    assert particles.optics.image_pixels == particles.grid.pixels


@pytest.mark.parametrize("defocus", [1000.0, 3000.0, -1500.0])
def test_flipped_images_are_projections_seen_through_the_modulus_of_the_transfer(
    defocus: float, tmp_path: Path
) -> None:
    """Also between the transfer's zeros, and over focus: white, in V Å."""
    store = defocused_data(tmp_path / "views.zarr", defocus, views=6)
    (seen,) = open_source(store.store.path, images="low-resolution")
    (true,) = open_source(store.store.path, images="truth")
    grid = seen.grid
    # The same window of the true images, on the same grid.
    whole = store.experiment.image_grid
    part = round(grid.box_angstrom / whole.pixel_angstrom)
    sharp = resample(
        resize_centred(resample(true.everything(), whole.pixels).real, part), grid.pixels
    ).real
    rings = ring_index((grid.pixels, grid.pixels))
    last = int(APERTURE * grid.box_angstrom)
    first, second = fourier(seen.everything().double()), fourier(sharp.double())
    correlation = ring_correlation(first, second, rings, last).mean(0)
    transfer = shell_transfer(store.experiment, grid)[:last]
    clear = transfer > 0.5
    assert correlation[clear].min() > 0.8
    cross = ring_sum((first * second.conj()).real, rings, last).sum(0)
    power = ring_sum(second.abs() ** 2, rings, last).sum(0)
    torch.testing.assert_close(
        (cross / power)[clear], transfer[clear].double(), rtol=0.25, atol=0.1
    )


def test_the_map_at_known_poses_is_the_potential_itself(particles: ParticleSet) -> None:
    halves = torch.arange(VIEWS) % 2
    found = insert_known(particles, halves, torch.eye(3).double()[None], "cpu")
    assert particles.transfer is not None
    assert particles.model is not None
    maps = without_transfer(found.maps, particles.transfer, particles.grid)
    truth = true_potential_map(particles.model, particles.grid)
    shells = ring_index(tuple(truth.shape))
    last = int(APERTURE * particles.grid.box_angstrom)
    first, second = (torch.fft.fftn(v.double()) for v in (maps.full, truth))
    correlation = ring_correlation(first, second, shells, last)
    assert correlation[2:].min() > 0.9
    ratio = ring_sum((first * second.conj()).real, shells, last)
    ratio = ratio / ring_sum(second.abs() ** 2, shells, last)
    assert 0.75 < ratio[2:].min() < ratio[2:].max() < 1.25
    assert abs(float(maps.full.median())) < 1e-3 * float(maps.full.max())


def test_a_folder_of_maps_is_made_as_of_any_images(
    defocused_views: TripletStore, tmp_path: Path
) -> None:
    sets = open_source(defocused_views.store.path, images="low-resolution")
    (made,) = reconstruct_all(sets, Request(poses="shifts"), tmp_path, Extras(validate=False))
    truth = made.agreement.resolution_fsc_truth_0p5_angstrom
    assert truth is None or truth < 1.1 / APERTURE
    assert (tmp_path / "particles.mrcs").is_file()


def test_the_extent_is_where_images_vary_more_than_by_noise() -> None:
    grid = Grid(64, 64.0)
    axis = torch.arange(64) - 32
    radius = torch.sqrt((axis[:, None] ** 2 + axis**2).double())
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(80, 64, 64, generator=generator)
    seen = noise + (radius < 15) * torch.randn(80, 64, 64, generator=generator)
    assert extent([seen[:40], seen[40:]], grid) == pytest.approx(15.5, abs=1.1)
    assert extent([noise], grid) == 32
    assert window(15, 4, grid) == Grid(40, 40.0)
    assert window(30, 4, grid) == grid


def test_a_lens_in_focus_shows_no_phase_object() -> None:
    with pytest.raises(InputError, match="at 0 Å defocus show nothing"):
        image_limit(experiment(0.0))
