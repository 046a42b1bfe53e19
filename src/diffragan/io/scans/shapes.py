"""How many positions a scan has, and whether its frames are all there."""

from pathlib import Path

from diffragan.errors import InputError

MOST_SHAPES = 6
"""How many shapes that fit a message lists."""


def fitting_shapes(frames: int) -> list[tuple[int, int]]:
    """Return the shapes `(y, x)` with so many positions, the squarest first, x the longer side."""
    found = [(side, frames // side) for side in range(1, int(frames**0.5) + 1) if not frames % side]
    return found[::-1]


def check_count(path: Path, shape: tuple[int, int], frames: int) -> str | None:
    """Compare a scan's shape with the frames there are, and return a line if a few are left over.

    Parameters
    ----------
    shape : Positions along y and x.
    frames : Whole frames from the first position on.

    Raises
    ------
    InputError : Frames are missing, or there are more than a row too many.
    """
    wanted = shape[0] * shape[1]
    if frames == wanted:
        return None
    if 0 < frames - wanted < shape[1]:
        return f"the last {frames - wanted} of its {frames} frames are not in the scan; left out"
    if frames == 0:
        raise InputError(f"{path}: holds no whole frame; copy the scan again")
    shapes = fitting_shapes(frames)
    listed = ", ".join(f"[{y}, {x}]" for y, x in shapes[:MOST_SHAPES])
    more = "" if len(shapes) <= MOST_SHAPES else " and others"
    rows = frames // shape[1]
    early = "; or scan.first_frame, if the first are of no position" if frames > wanted else ""
    part = f", and for the {rows} whole rows [{rows}, {shape[1]}]" if 0 < rows < shape[0] else ""
    raise InputError(
        f"{path}: holds {frames} whole frames, and a scan of {shape[0]} x {shape[1]} has {wanted}; "
        f"give in the configuration as scan.shape what fits: {listed}{more}{part}{early}"
    )
