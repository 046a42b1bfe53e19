"""The embedded engine: maps from projection images whose orientations and shifts are unknown.

`refine(images, grid, settings)` runs it all. A first map comes from several random starts by
stepwise expectation maximisation (`initial`), then two half sets that never share an image are
refined apart (`refine_stage`): global search (`global_search`), Gauss-Newton in all five pose
parameters (`local_search`), least-squares maps with a prior from the halves' correlation
(`map_equations`). Between iterations all that matters is a `State`, which `write_state` keeps.
"""

from diffragan.reconstruction.refinement.checkpoint import read_state, write_state
from diffragan.reconstruction.refinement.engine import refine
from diffragan.reconstruction.refinement.hand import flip_hand
from diffragan.reconstruction.refinement.settings import RefinementSettings
from diffragan.reconstruction.refinement.state import Poses, Refined, State

__all__ = [
    "Poses",
    "Refined",
    "RefinementSettings",
    "State",
    "flip_hand",
    "read_state",
    "refine",
    "write_state",
]
