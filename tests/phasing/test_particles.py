from pathlib import Path

import numpy as np
import pytest

from diffragan.io.mrc import read_mrc
from diffragan.io.phased import PhasedStore
from diffragan.io.star import read_particles
from diffragan.io.triplets import TripletStore
from diffragan.phasing.dataset import phase_dataset
from diffragan.phasing.particles import BACKGROUND_RADIUS, write_particle_stack
from diffragan.phasing.registry import make_phaser
from diffragan.rotations import matrix_from_quaternion


@pytest.fixture(scope="module")
def phased(villin_data: Path, tmp_path_factory: pytest.TempPathFactory) -> PhasedStore:
    out = tmp_path_factory.mktemp("phased") / "views.zarr"
    settings: dict[str, object] = {"settings": {}}
    data = TripletStore(villin_data)
    phase_dataset(
        data, make_phaser("low-resolution"), out, method="low-resolution", settings=settings
    )
    return PhasedStore(out)


@pytest.fixture(scope="module")
def written(phased: PhasedStore) -> tuple[Path, Path]:
    return write_particle_stack(phased)


def test_stack_and_table_lie_beside_the_store(
    phased: PhasedStore, written: tuple[Path, Path]
) -> None:
    folder = phased.store.path.parent
    assert written == (folder / "views.mrcs", folder / "views.star")


def test_poses_come_back_from_the_table(phased: PhasedStore, written: tuple[Path, Path]) -> None:
    particles = read_particles(written[1])
    assert particles.rotations is not None
    assert particles.origins_angstrom is not None
    expected = matrix_from_quaternion(phased.read("orientation"))
    np.testing.assert_allclose(particles.rotations, expected, atol=1e-5)
    np.testing.assert_allclose(particles.origins_angstrom, -phased.read("shift")[:, :2], atol=1e-5)
    assert set(particles.stacks) == {"views.mrcs"}


def test_optics_come_back_from_the_table(phased: PhasedStore, written: tuple[Path, Path]) -> None:
    optics, experiment = read_particles(written[1]).optics, phased.experiment
    assert optics.energy_kev == experiment.energy_kev
    assert optics.image_pixels == experiment.wave_pixels
    assert optics.pixel_angstrom == pytest.approx(experiment.wave_grid.pixel_angstrom, abs=1e-5)


def test_images_come_back_normalised_with_the_molecule_white(
    phased: PhasedStore, written: tuple[Path, Path]
) -> None:
    images, pixel, kind = read_mrc(written[0])
    size = phased.experiment.wave_pixels
    assert (images.shape, kind) == ((8, size, size), "stack")
    assert pixel == pytest.approx(phased.experiment.wave_grid.pixel_angstrom, abs=1e-4)
    axis = np.arange(size) - size // 2
    radius = np.hypot(axis[:, None], axis[None, :])
    background = images[:, radius > BACKGROUND_RADIUS * size]
    np.testing.assert_allclose(background.mean(1), 0, atol=1e-3)
    np.testing.assert_allclose(background.std(1), 1, atol=1e-2)
    assert (images[:, radius < 0.05 * size].mean(1) > 3).all()


def test_the_same_waves_give_the_same_bytes(
    phased: PhasedStore, written: tuple[Path, Path]
) -> None:
    before = [path.read_bytes() for path in written]
    write_particle_stack(phased)
    assert [path.read_bytes() for path in written] == before
