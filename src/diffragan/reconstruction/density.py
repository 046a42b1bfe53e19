"""From the sums over views to a density: the least-squares map within the box's sphere."""

import torch

from diffragan.reconstruction.insertion import SliceAccumulator
from diffragan.reconstruction.map_equations import solve_map, sphere
from diffragan.reconstruction.resize import resized
from diffragan.threads import one_thread
from diffragan.typing import Volume


def density(*parts: SliceAccumulator) -> Volume:
    """Density of all views in `parts` together, `(z, y, x)` with its origin at pixel n // 2.

    Its unit is the images' per Å: V for projected potentials in V Å. It is empty outside the sphere
    that touches the box's faces, the only part that every view shows whole. A small ridge relative
    to each shell damps what few samples say.
    """
    first = parts[0]
    equations = first.equations()
    for other in parts[1:]:
        equations = equations.plus(other.equations())
    box, pixels = first.grid.box_angstrom, first.grid.pixels
    with one_thread():  # several add in the order in which they arrive
        volume = solve_map(equations, None, sphere(first.pixels, box, box))
        if first.pixels != pixels:
            volume = resized(volume, pixels, int(first.band.shells[-1]))
    return volume.to(torch.device(first.device))
