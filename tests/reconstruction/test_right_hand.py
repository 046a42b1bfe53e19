"""A map of the wrong hand is mirrored where something tells, and poses and model with it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from phantom import atoms, orientations, projections

from diffragan.grid import Grid
from diffragan.io.mrc import read_mrc
from diffragan.io.star import ParticleOptics, read_particles
from diffragan.reconstruction import pipeline
from diffragan.reconstruction.embedded import insert_known
from diffragan.reconstruction.found import Found, mirrored
from diffragan.reconstruction.map_alignment import MapAlignment
from diffragan.reconstruction.maps import Maps
from diffragan.reconstruction.measured import hand_words
from diffragan.reconstruction.pipeline import Extras, reconstruct_all
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.request import Request
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.reconstruction.validation.hand import mirrored_rotations
from diffragan.reconstruction.validation.residue_model import deviation, read_residue_model
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Tensor

GRID, SMALL = Grid(40, 56.0), Grid(24, 48.0)
COUNT = 60


def particles(
    model: AtomicModel, given: Tensor, grid: Grid = SMALL, *, known: bool = False
) -> ParticleSet:
    """Images of a model at true orientations, said to lie in others."""
    images = projections(model, orientations(COUNT), torch.zeros(COUNT, 3), grid).float()
    return ParticleSet(
        "p",
        COUNT,
        grid,
        lambda numbers: images[list(numbers)],
        ParticleOptics(200.0, 0.0, 0.0, grid.pixel_angstrom, grid.pixels),
        {},
        poses=Poses(given, torch.zeros(COUNT, 2, dtype=torch.float64)),
        model=model if known else None,
    )


def test_mirrored_poses_make_the_mirrored_map() -> None:
    model = atoms(20.0)
    poses = orientations(COUNT), mirrored_rotations(orientations(COUNT))
    true, wrong = (inserted(particles(model, given)) for given in poses)
    again = mirrored(wrong)
    scale = float(true.maps.full.abs().max())
    for name in ("full", "half1", "half2"):
        expected, found = getattr(true.maps, name), getattr(again.maps, name)
        # The plane at Nyquist, which an even box has on one side only, is its own.
        torch.testing.assert_close(found, expected, atol=0.02 * scale, rtol=0)
    torch.testing.assert_close(again.poses.rotations, orientations(COUNT))


def check_folder(folder: Path, right: Maps) -> dict[str, object]:
    """Make sure that maps and poses are of the right hand; return `fsc.json`."""
    for name, expected in (("map", right.full), ("half1", right.half1), ("half2", right.half2)):
        volume = torch.from_numpy(read_mrc(folder / f"{name}.mrc")[0])
        assert torch.corrcoef(torch.stack([volume.flatten(), expected.flatten()]))[0, 1] > 0.99
    found = read_particles(folder / "particles.star").rotations
    np.testing.assert_allclose(found, orientations(COUNT).numpy(), atol=1e-4)
    assert not list(folder.glob("*_mirrored.mrc"))
    record: dict[str, object] = json.loads((folder / "fsc.json").read_text())
    return record


def inserted(images: ParticleSet) -> Found:
    """Half maps of the even and the odd images at the poses they are given in."""
    turns = torch.eye(3, dtype=torch.float64)[None]
    return insert_known(images, torch.arange(COUNT) % 2, turns, "cpu")


def test_a_docked_model_turns_maps_and_poses_into_the_right_hand(
    prepared_villin_file: Path, tmp_path: Path
) -> None:
    model = read_residue_model(prepared_villin_file)
    images = particles(model.atoms(), mirrored_rotations(orientations(COUNT)), GRID)
    right = inserted(particles(model.atoms(), orientations(COUNT), GRID)).maps
    extras = Extras(model=prepared_villin_file)
    (made,) = reconstruct_all([images], Request(), tmp_path, extras)
    record = check_folder(tmp_path, right)
    assert (
        record["hand"] == "right, as the docked model tells: map, half maps and poses were mirrored"
    )
    assert made.record["hand"] == record["hand"]
    assert deviation(read_residue_model(tmp_path / "docked.cif").positions, model.positions) < 0.3
    validation = json.loads((tmp_path / "validation.json").read_text())
    assert validation["files"]["map"] == "map.mrc"
    assert "had the wrong hand and was mirrored" in validation["docking"]["words"]


def test_the_true_molecule_turns_maps_and_poses_into_the_right_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = atoms(20.0, count=80)
    images = particles(model, mirrored_rotations(orientations(COUNT)), known=True)
    right = inserted(particles(model, orientations(COUNT))).maps

    def engine(particles: ParticleSet, *_: object) -> Found:
        return inserted(particles)

    monkeypatch.setattr(pipeline, "refine_poses", engine)
    extras = Extras(validate=False)
    reconstruct_all([images], Request(poses="unknown"), tmp_path, extras)
    record = check_folder(tmp_path, right)
    assert str(record["hand"]).endswith("map, half maps and poses were mirrored")
    assert np.mean(record["fsc_truth"][:10]) > 0.9


def test_a_truth_that_fits_both_hands_alike_decides_nothing() -> None:
    alike = MapAlignment(torch.eye(3), torch.zeros(3), True, 0.5, 0.48)
    words = hand_words("unknown", alike)
    assert words == "undecided: the true potential fits either alike (0.50 and 0.48)"
