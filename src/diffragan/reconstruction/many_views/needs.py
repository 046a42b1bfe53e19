"""What phase extension of many views needs: memory, and room on the disk."""

from pathlib import Path

from diffragan.device import machine_memory_bytes
from diffragan.grid import Grid
from diffragan.io.store_checks import check_room
from diffragan.reconstruction.many_views.views import Views

PROGRAM_BYTES = 5e8
MERGE_BYTES = 110
"""Of each voxel: sums of both halves and of all, their copies, coarse maps."""
RUN_BYTES = 180
"""Of each voxel in a running phase extension."""
HELD_BYTES = 20
"""Of each voxel of a finished run, while others go on. All together at most a third more than whole
runs held: 271 a voxel of one start on 384 a side, where one run goes on at a time, 440 on 180 to
216, where two do, and 636 of three starts on 150.
"""
KEPT_BYTES = 5
"""Of each voxel of a finished run on the disk: its map and support."""
DISK_BYTES = 60
"""Of each voxel: steps of merging, coarse maps and results."""
MAPS = 3


def check_needs(views: Views, grid: Grid, starts: int, threads: int, out: Path) -> str:
    """Make sure that the disk has room, and say what the work will take.

    Raises
    ------
    OutputError : It has not.
    """
    runs, voxels = MAPS * starts, grid.pixels**3
    memory = _memory_bytes(grid, starts, runs_at_once(grid, starts, threads))
    disk = (DISK_BYTES + KEPT_BYTES * runs) * voxels
    check_room(out, disk, "a lower --limit-per-angstrom")
    words = (
        f"{views.name}: {len(views.patterns):,} patterns, {runs} runs on {grid.pixels} voxels a "
        f"side ({grid.box_angstrom:.0f} Å); takes about {_gigabytes(memory)} of memory and "
        f"{_gigabytes(disk)} on the disk"
    )
    machine = machine_memory_bytes()
    if memory > machine:
        words += (
            f"; this machine has {_gigabytes(machine)} of memory, and a lower "
            "--limit-per-angstrom needs less"
        )
    return words


def runs_at_once(grid: Grid, starts: int, threads: int) -> int:
    """Return how many runs may go on at the same time: as many as fit into the memory, or 1."""
    most, machine = min(threads, MAPS * starts), machine_memory_bytes()
    fitting = (
        count for count in range(most, 1, -1) if _memory_bytes(grid, starts, count) <= machine
    )
    return next(fitting, 1)


def _memory_bytes(grid: Grid, starts: int, at_once: int) -> float:
    of_a_voxel = MERGE_BYTES + RUN_BYTES * at_once + HELD_BYTES * MAPS * starts
    return PROGRAM_BYTES + of_a_voxel * grid.pixels**3


def _gigabytes(size: float) -> str:
    return f"{max(size, 1e7) / 1e9:.2g} GB"
