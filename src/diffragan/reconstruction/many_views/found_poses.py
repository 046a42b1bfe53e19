"""Views of unknown poses: found from their images, and kept for a run that is stopped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from diffragan.io.checkpoints import Checkpoint
from diffragan.progress import progress_bar, tell
from diffragan.reconstruction.many_views.image_poses import poses_from_images
from diffragan.reconstruction.many_views.orientations import OrientationSettings
from diffragan.reconstruction.many_views.steps import Steps, pack, tensors_of
from diffragan.reconstruction.many_views.views import Views
from diffragan.reconstruction.refinement import RefinementSettings, State, read_state, write_state
from diffragan.typing import Float, Tensor

STEP, STATE = "poses", "poses-state"
ROOM = 1.2
"""Diameter of the sphere outside which the images' map is empty, over the molecule's."""
WIDEST_DEGREES, NARROWEST_DEGREES = 10.0, 1.0
"""Of the first search against the patterns; farther away a pattern tells next to nothing."""
LEAST_ERROR_DEGREES = 0.1
"""No images tell orientations better, whatever they say of themselves."""
SEARCH_OVER_MEDIAN = 1.5
"""Width of that search over the median error to expect, so that most find their way."""


@dataclass(frozen=True, slots=True)
class FoundPoses:
    """Poses of all views of a set; those of views that are not used are the identity."""

    rotations: Float[Tensor, "view 3 3"]
    shifts_angstrom: Float[Tensor, "view 2"]
    rms_error_degrees: float
    median_error_degrees: float
    """To expect, without the truth."""
    resolution_angstrom: float | None
    """Where the halves of the images' map part [Å]."""

    def record(self) -> Mapping[str, Any]:
        """Return what is told of them."""
        return {
            "expected_rms_error_degrees": self.rms_error_degrees,
            "expected_median_error_degrees": self.median_error_degrees,
            "halves_part_angstrom": self.resolution_angstrom,
        }

    def refinement(self, seed: int) -> OrientationSettings:
        """Return how they are refined against the patterns: as widely as they are wrong."""
        wide = SEARCH_OVER_MEDIAN * self.median_error_degrees
        first = min(max(wide, NARROWEST_DEGREES), WIDEST_DEGREES)
        known_to = max(self.median_error_degrees, LEAST_ERROR_DEGREES)
        return OrientationSettings(first_degrees=first, known_to_degrees=known_to, seed=seed)


def find_poses(
    views: Views, steps: Steps, seed: int, diameter_angstrom: float, threads: int
) -> FoundPoses:
    """Find the poses of the views in use, going on where an earlier run was stopped.

    Parameters
    ----------
    diameter_angstrom : Of the molecule [Å].

    Raises
    ------
    InputError : The images cannot make a map.
    """
    numbers = list(views.patterns.kept)
    settings = RefinementSettings(seed=seed, particle_diameter_angstrom=ROOM * diameter_angstrom)

    def make() -> FoundPoses:
        saved = steps.folder / STATE
        state = read_state(saved)[0] if saved.is_dir() else None
        with progress_bar(None, f"poses of {views.name}") as bar:

            def watch(now: State) -> None:
                write_state(saved, now)
                bar.advance()
                bar.note(now.stage)

            found = poses_from_images(
                views.store,
                numbers,
                torch.tensor(numbers) % 2,
                settings,
                structure=views.structure,
                state=state,
                watch=watch,
                threads=threads,
                device=steps.device,
            )
        rotations, shifts = torch.eye(3).repeat(views.count, 1, 1), torch.zeros(views.count, 2)
        rotations[numbers] = found.rotations.cpu().float()
        shifts[numbers] = found.shifts_angstrom.cpu().float()
        return FoundPoses(
            rotations,
            shifts,
            found.rms_error_degrees,
            found.median_error_degrees,
            found.resolution_angstrom,
        )

    found = steps.once(STEP, make, _packed, _unpacked)
    tell(
        f"poses from the images: expected to be wrong by {found.median_error_degrees:.1f} degrees "
        f"(median)"
    )
    return found


def _packed(found: FoundPoses) -> Checkpoint:
    return pack(
        {"rotations": found.rotations, "shifts": found.shifts_angstrom},
        {
            "rms": found.rms_error_degrees,
            "median": found.median_error_degrees,
            "resolution": found.resolution_angstrom,
        },
    )


def _unpacked(checkpoint: Checkpoint) -> FoundPoses:
    tensors, words = tensors_of(checkpoint), checkpoint.description
    resolution = words["resolution"]
    return FoundPoses(
        tensors["rotations"],
        tensors["shifts"],
        float(words["rms"]),
        float(words["median"]),
        None if resolution is None else float(resolution),
    )
