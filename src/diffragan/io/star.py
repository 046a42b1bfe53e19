"""Particles in RELION's STAR files (3.1 and later: one block of optics, one of particles).

`rlnOriginXAngst` and `rlnOriginYAngst` are the shift that must be applied to an image to centre its
particle: minus the place where the molecule's origin appears. `rlnImageName` counts images from
1 and names their stack relative to the folder where RELION is started.

Source: Zivanov, Nakane and Scheres, IUCrJ 7 (2020) 253 (optics groups); Heymann et al., J. Struct.
Biol. 151 (2005) 196 (angles).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.files import write_text
from diffragan.io.star_tables import (
    Table,
    Values,
    as_floats,
    find_column,
    find_numbers,
    find_table,
    format_block,
    read_document,
)
from diffragan.rotations import Matrices, matrix_from_relion_angles, relion_angles_degrees

ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
ORIGINS = ("rlnOriginXAngst", "rlnOriginYAngst")
IMAGE = "rlnImageName"
GROUP = "rlnOpticsGroup"
HALF = "rlnRandomSubset"
"""Column with the half set of each particle, 1 or 2."""
_OPTICS = (
    "rlnVoltage",
    "rlnSphericalAberration",
    "rlnAmplitudeContrast",
    "rlnImagePixelSize",
    "rlnImageSize",
)


@dataclass(frozen=True, slots=True)
class ParticleOptics:
    """What all images of one optics group share."""

    energy_kev: float
    spherical_aberration_mm: float
    amplitude_contrast: float
    pixel_angstrom: float
    image_pixels: int


@dataclass(frozen=True, slots=True)
class Particles:
    """Images of particles: where they are stored and, when known, how the molecule lies in them."""

    optics: ParticleOptics
    stacks: tuple[str, ...]
    """Stack file of each particle, as written."""
    indices: NDArray[np.int64]
    """`(n,)` image of each particle within its stack, from 0."""
    rotations: Matrices | None
    """`(n, 3, 3)`; they left-multiply column vectors x, y, z."""
    origins_angstrom: NDArray[np.float64] | None
    """`(n, 2)` shift x, y to apply to an image to centre its particle [Å]."""
    extra: Table = field(default_factory=dict)
    """Other columns as their text."""


def write_particles(
    path: Path,
    stack_name: str,
    optics: ParticleOptics,
    count: int,
    *,
    rotations: Matrices | None = None,
    origins_angstrom: NDArray[np.float64] | None = None,
    extra: Mapping[str, Values] | None = None,
    image_names: Sequence[str] | None = None,
) -> None:
    """Write the particles of one stack, or of several.

    Parameters
    ----------
    path : STAR file to write; an older one is replaced.
    stack_name : The `.mrcs` file relative to the folder where RELION will be started.
    optics : Shared by all images.
    count : Images in the stack.
    rotations : `(count, 3, 3)`, molecule to laboratory frame.
    origins_angstrom : `(count, 2)` shift x, y to apply to centre each particle [Å].
    extra : More columns by name (without the underscore), `count` values each.
    image_names : `000001@stack.mrcs` of each particle; all images of `stack_name` when left out.

    Raises
    ------
    InputError : A name has blanks, values are not finite, or the lengths differ.
    """
    whole_stack = [image_name(stack_name, index) for index in range(count)]
    columns: dict[str, Values] = {
        IMAGE: whole_stack if image_names is None else image_names,
        GROUP: ["1"] * count,
    }
    if rotations is not None:
        columns |= dict(zip(ANGLES, relion_angles_degrees(rotations).T, strict=True))
    if origins_angstrom is not None:
        columns |= dict(zip(ORIGINS, np.asarray(origins_angstrom).T, strict=True))
    columns |= dict(extra or {})
    shared: dict[str, Values] = {
        "rlnOpticsGroupName": ["opticsGroup1"],
        GROUP: ["1"],
        "rlnVoltage": np.array([optics.energy_kev]),
        "rlnSphericalAberration": np.array([optics.spherical_aberration_mm]),
        "rlnAmplitudeContrast": np.array([optics.amplitude_contrast]),
        "rlnImagePixelSize": np.array([optics.pixel_angstrom]),
        "rlnImageSize": [str(optics.image_pixels)],
        "rlnImageDimensionality": ["2"],
    }
    blocks = (
        format_block(path, "optics", shared, 1),
        format_block(path, "particles", columns, count),
    )
    write_text(path, "# version 30001\n\n" + "\n".join(blocks))


def image_name(stack: str, index: int) -> str:
    """Name image `index`, from 0, of a stack as RELION does: from 1."""
    return f"{index + 1:06d}@{stack}"


def read_particles(path: Path) -> Particles:
    """Read particles whose optics groups, if there are several, say the same.

    Raises
    ------
    InputError : The file is missing, not a STAR file of RELION 3.1 or later, lacks a column,
        has several kinds of optics, or a value cannot be understood.
    """
    document = read_document(path)
    shared = find_table(path, document, "optics")
    columns = find_table(path, document, "particles")
    optics = _optics(path, shared)
    groups = set(columns.get(GROUP, ())) - set(shared[GROUP])
    if groups:
        raise InputError(f"{path}: particles of optics group {min(groups)}, which is not described")
    stacks, indices = _image_names(path, find_column(path, columns, IMAGE))
    if not stacks:
        raise InputError(f"{path}: has no particles; write it again")
    angles = find_numbers(path, columns, ANGLES)
    known = {IMAGE, GROUP, *ANGLES, *ORIGINS}
    return Particles(
        optics,
        stacks,
        indices,
        None if angles is None else matrix_from_relion_angles(angles),
        find_numbers(path, columns, ORIGINS),
        {name: column for name, column in columns.items() if name not in known},
    )


def _optics(path: Path, shared: Table) -> ParticleOptics:
    groups = find_column(path, shared, GROUP)
    columns = {name: as_floats(path, name, find_column(path, shared, name)) for name in _OPTICS}
    for name, values in columns.items():
        if len(set(values.tolist())) > 1:
            raise InputError(
                f"{path}: its {len(groups)} optics groups differ in _{name} ({values[0]:g} and "
                f"{values[values != values[0]][0]:g}); split it into one file for each"
            )
    energy, aberration, amplitude, pixel, size = (float(values[0]) for values in columns.values())
    if pixel <= 0 or size < 1 or size != int(size):
        raise InputError(f"{path}: says {size:g} pixels of {pixel:g} Å; correct data_optics")
    return ParticleOptics(energy, aberration, amplitude, pixel, int(size))


def _image_names(path: Path, names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Split `000001@stack.mrcs` into stacks and indices from 0."""
    stacks, indices = [], []
    for name in names:
        number, mark, stack = name.partition("@")
        if mark and stack and number.isdecimal() and int(number) == 0:
            raise InputError(
                f"{path}: image name '{name}' counts from 0, and RELION counts from 1; add 1 to "
                "the numbers of all images"
            )
        if not (mark and stack and number.isdecimal() and int(number) > 0):
            raise InputError(f"{path}: image name '{name}' is not of the form 000001@stack.mrcs")
        stacks.append(stack)
        indices.append(int(number) - 1)
    return tuple(stacks), np.array(indices, dtype=np.int64)
