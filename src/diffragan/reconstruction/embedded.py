"""Maps by the embedded engine where orientations are known: insertion, and refined shifts."""

from collections.abc import Iterator

from diffragan.progress import progress_bar
from diffragan.reconstruction import maps
from diffragan.reconstruction.found import Found
from diffragan.reconstruction.refinement.state import Poses
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
    assert particles.poses is not None
    return Found(
        _inserted(particles, particles.poses, half_sets, turns, device), particles.poses, half_sets
    )


def _inserted(
    particles: ParticleSet,
    poses: Poses,
    half_sets: Int[Tensor, " n"],
    turns: Float[Tensor, "turn 3 3"],
    device: str,
) -> maps.Maps:
    steps = -(-particles.count // BATCH) + maps.COUNT
    with progress_bar(steps, f"map of {particles.name}") as bar:

        def batches() -> Iterator[Batch]:
            for batch in particles.batches(poses):
                yield batch
                bar.advance()

        return maps.reconstruct_halves(
            batches(),
            particles.grid,
            half_sets=half_sets,
            turns=turns if len(turns) > 1 else None,
            band_limit_per_angstrom=particles.band_limit_per_angstrom,
            watch=bar.advance,
            device=device,
        )


def refine_shifts(
    particles: ParticleSet,
    request: Request,
    half_sets: Int[Tensor, " n"],
    turns: Float[Tensor, "turn 3 3"],
    device: str,
) -> Found:
    """Refine shifts by what the other images show, the orientations staying as known."""
    start = particles.poses
    assert start is not None
    rounds = min(MOST_ROUNDS, request.iterations or MOST_ROUNDS)
    history: list[dict[str, float]] = []
    with progress_bar(rounds, f"shifting {particles.name}") as bar:

        def watch(number: int, moved: float) -> None:
            history.append({"iteration": number, "shift_change_angstrom": moved})
            bar.advance()
            bar.note(f"moved by {moved:.2f} Å")

        poses = align_shifts(
            particles,
            start,
            half_sets,
            turns=turns if len(turns) > 1 else None,
            rounds=rounds,
            watch=watch,
        )
    moved = (poses.shifts_angstrom - start.shifts_angstrom).square().sum(1).mean().sqrt()
    made = _inserted(particles, poses, half_sets, turns, device)
    notes = {"shifts_moved_angstrom": float(moved)}
    return Found(made, poses, half_sets, history, notes=notes)
