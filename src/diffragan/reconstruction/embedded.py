"""Maps by the embedded engine where orientations are known: insertion, and refined shifts."""

from diffragan.progress import progress_bar, track
from diffragan.reconstruction.found import Found
from diffragan.reconstruction.maps import reconstruct_halves
from diffragan.reconstruction.request import Request
from diffragan.reconstruction.shift_alignment import MOST_ROUNDS, align_shifts
from diffragan.reconstruction.sources.particle_set import BATCH, ParticleSet
from diffragan.typing import Float, Int, Tensor


def insert_known(
    particles: ParticleSet,
    half_sets: Int[Tensor, " n"],
    turns: Float[Tensor, "turn 3 3"],
    device: str,
) -> Found:
    """Insert all images at the poses that are known."""
    assert particles.poses is not None
    batches = particles.batches(particles.poses)
    steps = -(-particles.count // BATCH)
    maps = reconstruct_halves(
        track(batches, steps, f"inserting {particles.name}"),
        particles.grid,
        half_sets=half_sets,
        turns=turns if len(turns) > 1 else None,
        band_limit_per_angstrom=particles.band_limit_per_angstrom,
        device=device,
    )
    return Found(maps, particles.poses, half_sets)


def refine_shifts(
    particles: ParticleSet,
    request: Request,
    half_sets: Int[Tensor, " n"],
    turns: Float[Tensor, "turn 3 3"],
    device: str,
) -> Found:
    """Refine shifts against the map's own projections, the orientations staying as known."""
    assert particles.poses is not None
    rounds = min(MOST_ROUNDS, request.iterations or MOST_ROUNDS)
    history: list[dict[str, float]] = []
    with progress_bar(rounds, f"shifting {particles.name}") as bar:

        def watch(number: int, moved: float) -> None:
            history.append({"iteration": number, "shift_change_angstrom": moved})
            bar.advance()
            bar.note(f"moved by {moved:.2f} Å")

        done = align_shifts(
            particles,
            particles.poses,
            half_sets,
            turns=turns if len(turns) > 1 else None,
            rounds=rounds,
            watch=watch,
            device=device,
        )
    notes = {"shifts_moved_angstrom": done.moved_angstrom}
    return Found(done.maps, done.poses, half_sets, history, notes=notes)
