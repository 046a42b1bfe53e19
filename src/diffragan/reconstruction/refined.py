"""Maps by the embedded engine where poses are refined or found."""

from pathlib import Path

from diffragan.phasing.normalised import is_normalised, normalised
from diffragan.progress import Bar, progress_bar, tell
from diffragan.reconstruction.found import Found
from diffragan.reconstruction.maps import Maps
from diffragan.reconstruction.refinement import (
    RefinementSettings,
    State,
    read_state,
    refine,
    write_state,
)
from diffragan.reconstruction.refinement.problem import check_images
from diffragan.reconstruction.request import Request
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.reconstruction.unfinished import claim_folder, release_folder
from diffragan.typing import Images

STATE = "state"
FOLDER = "unfinished"


def refine_poses(
    particles: ParticleSet, request: Request, folder: Path, device: str, threads: int
) -> Found:
    """Refine poses, or find them, going on where an earlier run was stopped."""
    images = _images(particles)
    check_images(images, particles.grid)  # before anything is left in the folder
    place = claim_folder(
        folder / FOLDER,
        {"settings": request.fingerprint(), "inputs": dict(particles.inputs)},
    )
    saved = place / STATE
    state = read_state(saved)[0] if saved.is_dir() else None
    if state is not None:
        tell(f"going on from iteration {state.iteration} ({state.stage})")
    with progress_bar(None, f"refining {particles.name}") as bar:

        def watch(now: State) -> None:
            write_state(saved, now)
            bar.advance()
            _note(bar, now)

        refined = refine(
            images,
            particles.grid,
            _settings(request),
            poses=particles.poses if request.poses == "refine" else None,
            state=state,
            watch=watch,
            threads=threads,
            device=device,
        )
    release_folder(place)
    maps = Maps(refined.full, refined.half1, refined.half2, particles.count)
    return Found(maps, refined.poses, refined.half_sets, [dict(row) for row in refined.history])


def _images(particles: ParticleSet) -> Images:
    """Read all images; those of a stack that has a background of its own lose it."""
    images = particles.everything()
    if particles.image_names is None or is_normalised(images):
        return images
    return normalised(images)


def _settings(request: Request) -> RefinementSettings:
    asked = {
        "seed": request.seed,
        "symmetry": request.symmetry,
        "particle_diameter_angstrom": request.diameter_angstrom,
        "max_shift_angstrom": request.max_shift_angstrom,
        "starts": request.starts,
        "max_iterations": request.iterations,
    }
    return RefinementSettings.model_validate(
        {name: value for name, value in asked.items() if value is not None}
    )


def _note(bar: Bar, state: State) -> None:
    """Show where the engine is, and how fine its map has become."""
    resolution = state.history[-1].get("resolution_angstrom") if state.history else None
    words = state.stage
    if isinstance(resolution, float):
        words += f", {resolution:.2f} Å"
    bar.note(words)
