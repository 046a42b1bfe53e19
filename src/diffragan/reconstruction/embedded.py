"""Maps by the embedded engine where orientations are known: insertion, and refined shifts."""

from collections.abc import Iterator

from diffragan.progress import progress_bar
from diffragan.reconstruction import maps
from diffragan.reconstruction.found import Found
from diffragan.reconstruction.request import Request
from diffragan.reconstruction.shift_alignment import MOST_ROUNDS, align_shifts
from diffragan.reconstruction.sources.particle_set import BATCH, ParticleSet
from diffragan.reconstruction.views import Batch
from diffragan.typing import Float, Int, Tensor


def insert_known(
    particles: ParticleSet,
    half_sets: Int[Tensor, " n"],
    turns: Float[Tensor, "turn 3 3"],
    device: str,
) -> Found:
    """Insert all images at the poses that are known."""
    poses = particles.poses
    assert poses is not None
    steps = -(-particles.count // BATCH) + maps.COUNT
    with progress_bar(steps, f"map of {particles.name}") as bar:

        def batches() -> Iterator[Batch]:
            for batch in particles.batches(poses):
                yield batch
                bar.advance()

        found = maps.reconstruct_halves(
            batches(),
            particles.grid,
            half_sets=half_sets,
            turns=turns if len(turns) > 1 else None,
            band_limit_per_angstrom=particles.band_limit_per_angstrom,
            watch=bar.advance,
            device=device,
        )
    return Found(found, poses, half_sets)


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
