"""The true potential of simulated views, in the frame of their map."""

from diffragan.grid import Grid
from diffragan.reconstruction.many_views.views import Views
from diffragan.reconstruction.map_alignment import MapAlignment, align_maps, mirror_map
from diffragan.reconstruction.measured import moved_into_map
from diffragan.reconstruction.truth import true_potential_map
from diffragan.typing import Volume


def truth_in_map(
    views: Views, volume: Volume, grid: Grid, *, in_place: bool, hand_is_open: bool
) -> tuple[Volume | None, MapAlignment | None]:
    """Return the true potential where the map has it, and how the map was laid on it.

    Both are none where nobody knows the truth.

    Parameters
    ----------
    volume : `(z, y, x)`, origin at n // 2 [V].
    in_place : The map lies where the molecule does, and is not laid on it.
    hand_is_open : The map may be the mirror image; then so is the truth.
    """
    if views.model is None:
        return None, None
    truth = true_potential_map(views.model, grid)
    if in_place:
        return truth, None
    laid = align_maps(volume, truth, grid, both_hands=hand_is_open)
    moved = true_potential_map(moved_into_map(views.model, laid), grid)
    return mirror_map(moved) if laid.mirrored else moved, laid
