"""What an engine found: maps, poses and half sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from diffragan.reconstruction.map_alignment import mirror_map
from diffragan.reconstruction.maps import Maps
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.validation.hand import mirrored_rotations
from diffragan.typing import Int, Tensor


@dataclass(frozen=True, slots=True)
class Found:
    """A reconstruction before it is measured."""

    maps: Maps
    poses: Poses
    half_sets: Int[Tensor, " n"]
    """0 or 1."""
    history: Sequence[Mapping[str, Any]] = ()
    """One row an iteration, where there were any."""
    stack: Path | None = None
    """One stack with all images, if the engine wrote one."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """More for `fsc.json`."""


def mirrored(found: Found) -> Found:
    """Turn map, half maps and poses into the other hand; every image is explained as before."""
    maps, poses = found.maps, found.poses
    turned = Maps(mirror_map(maps.full), mirror_map(maps.half1), mirror_map(maps.half2), maps.views)
    rotations = mirrored_rotations(poses.rotations)
    return replace(found, maps=turned, poses=Poses(rotations, poses.shifts_angstrom))


def on_cpu(found: Found) -> Found:
    """Bring the maps back from a GPU."""
    maps = found.maps
    moved = Maps(maps.full.cpu(), maps.half1.cpu(), maps.half2.cpu(), maps.views)
    return replace(found, maps=moved)
