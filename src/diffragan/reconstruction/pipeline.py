"""From particles to a folder with maps, their measures, the particles, and the model in the map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from diffragan.errors import ConfigError, InputError
from diffragan.io.files import output_folder
from diffragan.io.fsc_star import write_fsc_star
from diffragan.io.provenance import provenance, sha256_of
from diffragan.progress import tell
from diffragan.reconstruction.by_relion import postprocess, reconstruct_by_relion
from diffragan.reconstruction.coverage import check_views_differ, coverage
from diffragan.reconstruction.embedded import insert_known, refine_shifts
from diffragan.reconstruction.found import Found, mirrored, on_cpu
from diffragan.reconstruction.half_sets import half_sets
from diffragan.reconstruction.measured import (
    WITH_HAND,
    Measured,
    docked_hand_words,
    hand_words,
    is_mirrored,
    measure_map,
    of_other_hand,
)
from diffragan.reconstruction.needs import check_needs
from diffragan.reconstruction.particle_files import (
    STAR,
    write_particle_stack,
    write_particle_table,
)
from diffragan.reconstruction.reconstruct import Agreement, write_agreement, write_maps
from diffragan.reconstruction.refined import refine_poses
from diffragan.reconstruction.refinement.symmetry import symmetry_turns
from diffragan.reconstruction.relion.program import Relion, find_relion
from diffragan.reconstruction.request import Request
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.reconstruction.transfer import without_transfer
from diffragan.reconstruction.validation.folder import validate_folder
from diffragan.reconstruction.validation.mask_file import read_mask
from diffragan.reconstruction.validation.residue_model import read_residue_model
from diffragan.typing import Float, Int, Tensor


@dataclass(frozen=True, slots=True)
class Extras:
    """What is done with a map beside making it."""

    model: Path | None = None
    """PDB or mmCIF file to lay into the map."""
    mask: Path | None = None
    """MRC file of the mask for the correlations; made from the map if not given."""
    validate: bool = True
    """Whether to make the mask and what depends on it."""
    local_resolution: bool = False
    device: str = "cpu"
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """One finished map."""

    name: str
    folder: Path
    agreement: Agreement
    record: Mapping[str, Any]
    """More of what `fsc.json` holds."""
    validation: Mapping[str, Any] | None


def reconstruct_all(
    sets: Sequence[ParticleSet], request: Request, out: Path, extras: Extras
) -> list[Reconstruction]:
    """Make a map of every set of particles; several get a folder each, by their names.

    Raises
    ------
    ConfigError, InputError : Something asked for cannot be done with these images; told before
        any work.
    OutputError : The folder cannot be written to, or its disk has no room.
    """
    turns = symmetry_turns(request.symmetry)
    if extras.model is not None:
        read_residue_model(extras.model)  # told now if it is none
        if len(sets) > 1:
            raise ConfigError(
                f"--model {extras.model} is of one molecule, and the images are of {len(sets)}; "
                "name it with --molecule"
            )
    if extras.mask is not None:
        for particles in sets:
            read_mask(extras.mask, particles.grid)
    relion = find_relion() if request.engine == "relion" else None
    if relion is not None and request.poses == "shifts":
        raise ConfigError("--poses shifts is of the embedded engine; leave --engine relion out")
    words, halves = [], []
    for particles in sets:
        words.append(check_needs(particles, request, out))
        _check(particles, request, turns)
        halves.append(half_sets(particles, request.half_sets, request.seed))
    output_folder(out)
    for line in words:
        tell(line)
    work = _Work(request, extras, turns, relion)
    return [
        _reconstruct(particles, half, out if len(sets) == 1 else out / particles.name, work)
        for particles, half in zip(sets, halves, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Work:
    """What is the same for all sets."""

    request: Request
    extras: Extras
    turns: Float[Tensor, "turn 3 3"]
    relion: Relion | None


def _check(particles: ParticleSet, request: Request, turns: Float[Tensor, "turn 3 3"]) -> None:
    """Make sure of what is asked for, before any work."""
    if request.poses == "unknown":
        return
    if particles.poses is None:
        raise InputError(
            f"{particles.name}: has no columns _rlnAngleRot, _rlnAngleTilt and _rlnAnglePsi; use "
            "--poses unknown"
        )
    check_views_differ(particles.poses.rotations, particles.grid, particles.name, turns)


def _reconstruct(
    particles: ParticleSet, halves: Int[Tensor, " n"], folder: Path, work: _Work
) -> Reconstruction:
    output_folder(folder)
    found = _of_the_potential(on_cpu(_found(particles, halves, folder, work)), particles)
    if not all(float(v.std()) > 0 for v in (found.maps.half1, found.maps.half2)):
        raise InputError(
            f"{particles.name}: its images are empty, and so is the map; look at them with "
            "`diffragan info`"
        )
    request = work.request
    measured = measure_map(found, particles, request.poses)
    if is_mirrored(measured):
        found, measured = mirrored(found), of_other_hand(measured)
    record = _record(particles, request, found, measured, work.turns)
    stack = _write_particles(particles, found, folder)
    write_maps(folder, found.maps, measured.agreement, particles.grid, record)
    validation = _validate(particles, request, folder, work.extras, measured)
    hand = _docked_hand(validation)
    if hand == "mirrored":
        # The maps in the folder were mirrored, and the poses have to follow them.
        found = mirrored(found)
        write_particle_table(particles, folder / STAR, found.poses, found.half_sets, stack=stack)
    if hand is not None and (hand == "mirrored" or request.poses in WITH_HAND):
        record["hand"] = docked_hand_words(hand)
        write_agreement(folder, measured.agreement, particles.grid, particles.count, record)
    _write_fsc_star(folder, measured.agreement, validation)
    if work.relion is not None and validation is not None:
        postprocess(folder, particles.grid.pixel_angstrom)
    return Reconstruction(particles.name, folder, measured.agreement, record, validation)


def _found(particles: ParticleSet, halves: Int[Tensor, " n"], folder: Path, work: _Work) -> Found:
    """Let the engine make the maps."""
    request, extras = work.request, work.extras
    if work.relion is not None:
        return reconstruct_by_relion(
            work.relion, particles, request, halves, folder, extras.threads
        )
    if request.poses == "known":
        return insert_known(particles, halves, work.turns, extras.device)
    if request.poses == "shifts":
        return refine_shifts(particles, request, halves, work.turns, extras.device)
    return refine_poses(particles, request, folder, extras.device, extras.threads)


def _of_the_potential(found: Found, particles: ParticleSet) -> Found:
    """Take off the maps what the lens did to all images."""
    if particles.transfer is None:
        return found
    return replace(found, maps=without_transfer(found.maps, particles.transfer, particles.grid))


def _record(
    particles: ParticleSet,
    request: Request,
    found: Found,
    measured: Measured,
    turns: Float[Tensor, "turn 3 3"],
) -> dict[str, Any]:
    shell = particles.grid.pixels / 4
    sizes = torch.bincount(found.half_sets, minlength=2).tolist()
    settings = {"molecule": particles.name, "views": particles.count, **request.fingerprint()}
    return {
        "engine": request.engine,
        "poses": request.poses,
        "symmetry": request.symmetry,
        "half_set_sizes": sizes,
        "hand": hand_words(request.poses, measured.laid),
        "coverage": {
            "share_of_fourier_space": coverage(found.poses.rotations, shell, turns),
            "at_angstrom": particles.grid.box_angstrom / shell,
        },
        "resolution_fsc_0p5_angstrom": measured.agreement.resolution_fsc_truth_0p5_angstrom,
        "history": list(found.history),
        "map_off_truth_angstrom": _numbers(measured.off_truth_angstrom),
        **found.notes,
        "provenance": provenance("reconstruct", settings, request.seed, particles.inputs),
    }


def _write_particles(particles: ParticleSet, found: Found, folder: Path) -> Path | None:
    """Write the particles with the poses of this map; images that lie in stacks stay there.

    Returns the one stack that holds all images, if there is one.
    """
    stack = found.stack
    if stack is None and particles.image_names is None:
        stack = write_particle_stack(particles, folder)
    write_particle_table(particles, folder / STAR, found.poses, found.half_sets, stack=stack)
    return stack


def _docked_hand(validation: Mapping[str, Any] | None) -> Literal["mirrored", "as is"] | None:
    """Which hand a docked model told the engine's map to have, if it could tell."""
    docking = None if validation is None else validation["docking"]
    told = None if docking is None else docking["hand"]
    return told if told in ("mirrored", "as is") else None


def _validate(
    particles: ParticleSet, request: Request, folder: Path, extras: Extras, measured: Measured
) -> Mapping[str, Any] | None:
    if not extras.validate:
        return None
    model = extras.model
    # A prepared file of the very molecule lies in a map of known orientations as it is.
    own = model is not None and particles.model_sha256 == sha256_of(model)
    return validate_folder(
        folder,
        model,
        mask_file=extras.mask,
        known_shift_angstrom=_numbers(measured.off_truth_angstrom) if own else None,
        in_place=True,
        truth=measured.truth,
        local=extras.local_resolution,
        seed=request.seed,
    )


def _numbers(values: Float[Tensor, " n"] | None) -> list[float] | None:
    return None if values is None else [float(value) for value in values]


def _write_fsc_star(
    folder: Path, agreement: Agreement, validation: Mapping[str, Any] | None
) -> None:
    curves = {"unmasked": agreement.fsc_half_maps.tolist()}
    resolution = agreement.resolution_fsc_0p143_angstrom
    gold = None if validation is None else validation["gold_standard"]
    if gold is not None:
        resolution = gold["resolution_angstrom"]
        for name in ("masked", "phase_randomised", "corrected"):
            if gold[f"fsc_{name}"] is not None:
                curves[name] = gold[f"fsc_{name}"]
    frequency = agreement.frequency_per_angstrom.tolist()
    write_fsc_star(folder / "fsc.star", frequency, curves, resolution)
