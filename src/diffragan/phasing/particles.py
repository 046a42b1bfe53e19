"""Phased images as other programs take them: an MRC stack with a RELION STAR file."""

import re
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.errors import OutputError
from diffragan.io.mrc import write_stack
from diffragan.io.phased import PhasedStore
from diffragan.io.star import ParticleOptics, write_particles
from diffragan.io.star_tables import PLAIN_WORD, Values
from diffragan.phasing.normalised import normalised
from diffragan.physics.forward import projected_potential_of
from diffragan.rotations import matrix_from_quaternion

NO_AMPLITUDE_CONTRAST = 0.0
BATCH = 256
MICROGRAPH = "rlnMicrographName"
"""Column with the molecule of each image: several may be seen from one direction."""
FIGURE_OF_MERIT = "rlnParticleFigureOfMerit"
"""Column with the predicted score, which RELION selects and weights particles by."""
PREDICTED_RESOLUTION = "diffraganPredictedResolution"
"""Column with the predicted resolution [Å]. RELION does not know it, but hands it on."""


def check_particle_names(store: Path) -> None:
    """Make sure, before any work, that a stack and a STAR file can stand beside a store.

    Raises
    ------
    OutputError : A folder is in the way, or RELION could not read the name.
    """
    for suffix in (".mrcs", ".star"):
        beside = store.with_suffix(suffix)
        if beside.is_dir():
            raise OutputError(f"{beside}: is a folder where a file will go; choose another name")
    if not PLAIN_WORD.fullmatch(f"000001@{store.stem}.mrcs"):
        raise OutputError(
            f"{store}: its STAR file would name '{store.stem}.mrcs', which RELION cannot read; "
            "choose a name without blanks and quotes"
        )


def write_particle_stack(phased: PhasedStore) -> tuple[Path, Path]:
    """Write `NAME.mrcs` and `NAME.star` beside the store `NAME.zarr`.

    The images are projected potentials, the molecule white, normalised as RELION wants: background
    of mean 0 and standard deviation 1. They are phased waves, free of any CTF: reconstruct them
    without CTF correction. What was predicted of each image stands in columns of its own.
    """
    experiment = phased.experiment
    grid = experiment.wave_grid
    stack = np.empty((len(phased), grid.pixels, grid.pixels), np.float32)
    for start in range(0, len(phased), BATCH):
        items = range(start, min(start + BATCH, len(phased)))
        waves = torch.from_numpy(phased.read("wave", items))
        images = projected_potential_of(waves, experiment.electron)
        stack[items.start : items.stop] = normalised(images).numpy()
    images_path = phased.store.path.with_suffix(".mrcs")
    star_path = phased.store.path.with_suffix(".star")
    write_stack(images_path, stack, grid.pixel_angstrom, label=f"phased by {phased.method}")
    optics = ParticleOptics(
        energy_kev=experiment.energy_kev,
        spherical_aberration_mm=experiment.high_resolution.spherical_aberration_mm,
        amplitude_contrast=NO_AMPLITUDE_CONTRAST,
        pixel_angstrom=grid.pixel_angstrom,
        image_pixels=grid.pixels,
    )
    extra: dict[str, Values] = {
        MICROGRAPH: [micrograph_name(name) for name in _molecule_names(phased)]
    }
    if phased.predicts:
        extra[FIGURE_OF_MERIT] = phased.read("predicted_score")
        extra[PREDICTED_RESOLUTION] = phased.read("predicted_resolution")
    rotations: NDArray[np.float64] | None = None
    origins: NDArray[np.float64] | None = None
    if phased.knows_poses:
        rotations = matrix_from_quaternion(phased.read("orientation"))
        # RELION's origin is the shift that centres the image: ours, undone.
        origins = -phased.read("shift")[:, :2]
    write_particles(
        star_path,
        images_path.name,
        optics,
        len(phased),
        rotations=rotations,
        origins_angstrom=origins,
        extra=extra,
    )
    return images_path, star_path


def micrograph_name(molecule: str) -> str:
    """Write the name of a molecule as a STAR file can hold it without quotes."""
    word = re.sub(r"[\s'\"]", "_", molecule)
    return word if PLAIN_WORD.fullmatch(word) else f"m_{word}"


def _molecule_names(phased: PhasedStore) -> list[str]:
    entries = phased.store.attributes["structures"]
    return [str(entries[int(index)]["name"]) for index in phased.read("structure")]
