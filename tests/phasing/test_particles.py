from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.errors import OutputError
from diffragan.io.mrc import read_mrc
from diffragan.io.phased import PhasedStore
from diffragan.io.star import read_particles
from diffragan.io.triplets import TripletStore
from diffragan.phasing.dataset import phase_dataset
from diffragan.phasing.normalised import BACKGROUND_RADIUS
from diffragan.phasing.particles import (
    check_particle_names,
    write_particle_stack,
)
from diffragan.phasing.protocol import Observations, PhasedWaves, high_resolution_images
from diffragan.phasing.registry import make_phaser
from diffragan.physics.forward import phase_object
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
    # A view that was phased badly has less contrast than the others, but none is black.
    middle = images[:, radius < 0.05 * size].mean(1)
    assert np.median(middle) > 5
    assert middle.min() > 2


def test_the_same_waves_give_the_same_bytes(
    phased: PhasedStore, written: tuple[Path, Path]
) -> None:
    before = [path.read_bytes() for path in written]
    write_particle_stack(phased)
    assert [path.read_bytes() for path in written] == before


class Outside:
    """Gives waves that are exactly zero far from the molecule, as iterations do."""

    def phase(self, observations: Observations) -> PhasedWaves:
        waves = torch.zeros(len(observations), 128, 128, dtype=torch.complex64)
        waves[:, 60:70, 60:70] = phase_object(torch.full((10, 10), 0.2))
        none = torch.zeros(len(observations))
        return PhasedWaves(waves, high_resolution_images(waves, observations.experiment), none)


def test_where_a_background_has_no_noise_the_whole_image_gets_a_spread_of_one(
    villin_data: Path, tmp_path: Path
) -> None:
    data, out = TripletStore(villin_data), tmp_path / "clean.zarr"
    phase_dataset(data, Outside(), out, method="er", settings={"settings": {}}, items=[0, 1])
    images, _, _ = read_mrc(write_particle_stack(PhasedStore(out))[0])
    # A square of one value in zeros: its height is one over the spread of a share p of ones.
    share = 100 / 128**2
    expected = (share * (1 - share)) ** -0.5
    np.testing.assert_allclose(images[:, 60:70, 60:70], expected, rtol=1e-4)
    np.testing.assert_allclose(images.std((-2, -1)), 1, rtol=1e-4)
    assert np.abs(images[:, :50]).max() == 0


@pytest.mark.parametrize("name", ["two words", "it's", 'say "x"'])
def test_a_name_that_a_star_file_cannot_hold_is_refused_before_any_work(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(OutputError, match="RELION cannot read"):
        check_particle_names(tmp_path / f"{name}.zarr")
    (tmp_path / "views.mrcs").mkdir()
    with pytest.raises(OutputError, match="is a folder where a file will go"):
        check_particle_names(tmp_path / "views.zarr")
