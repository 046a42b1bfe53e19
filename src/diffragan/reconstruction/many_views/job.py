"""One molecule's views and how they are to be phased, checked before any work."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from diffragan.errors import ConfigError
from diffragan.grid import Grid
from diffragan.in_order import thread_count
from diffragan.io.provenance import sha256_of
from diffragan.reconstruction.coverage import check_views_differ
from diffragan.reconstruction.many_views.coarse_starts import ChosenStart, start_from_file
from diffragan.reconstruction.many_views.found_poses import FoundPoses
from diffragan.reconstruction.many_views.hand import HandsCompared
from diffragan.reconstruction.many_views.needs import runs_at_once
from diffragan.reconstruction.many_views.orientations import OrientationSettings
from diffragan.reconstruction.many_views.pipeline import (
    SPHERE_DIAMETER,
    ManyViewsSettings,
    grid_of,
    molecule_volume,
)
from diffragan.reconstruction.many_views.request import PhaseExtensionRequest
from diffragan.reconstruction.many_views.settings import ExtensionSettings
from diffragan.reconstruction.many_views.views import Views
from diffragan.reconstruction.pipeline import Extras


@dataclass(frozen=True, slots=True)
class Job:
    """One molecule, and how it is to be done."""

    views: Views
    grid: Grid
    limit_per_angstrom: float
    mass_kda: float
    diameter_angstrom: float
    """Largest extent of the molecule [Å]."""
    request: PhaseExtensionRequest
    folder: Path
    extras: Extras
    start: Path | None
    """Coarse map; made from the images if not given."""
    found: FoundPoses | None = None
    """Poses of unknown views, once they are found."""
    hand: HandsCompared | None = None
    """What the patterns say of the hand of those poses."""

    @property
    def threads(self) -> int:
        """Cores to use; one feeds a GPU."""
        on_cpu = self.extras.device == "cpu"
        return thread_count(self.extras.threads if on_cpu else None, self.extras.device)

    @property
    def runs_at_once(self) -> int:
        """Runs of phase extension at the same time: one for each core that the memory feeds."""
        return runs_at_once(self.grid, self.request.starts, self.threads)

    @property
    def refinement(self) -> OrientationSettings | None:
        """How orientations are refined, if they are."""
        if self.request.poses == "known":
            return None
        if self.found is not None:
            return self.found.refinement(self.request.seed)
        return OrientationSettings(seed=self.request.seed)

    @property
    def hand_is_open(self) -> bool:
        """Whether the poses may be those of the mirror image."""
        return self.request.poses == "unknown"

    @property
    def in_place(self) -> bool:
        """Whether the map lies where the data set's molecule does."""
        return self.views.in_place and self.request.poses == "known"

    def settings(self, start: ChosenStart) -> ManyViewsSettings:
        """Return settings of phase extension from a coarse map."""
        extension = ExtensionSettings(
            start_angstrom=start.resolution_angstrom,
            starts=self.request.starts,
            seed=self.request.seed,
        )
        if not self.views.patterns.counted:
            # Exact intensities have no noise to be weighed by; a second pass does more for them.
            extension = extension.model_copy(update={"likelihood_rounds": 0})
        return ManyViewsSettings(free_seed=self.request.seed, extension=extension)

    def inputs(self) -> Mapping[str, str]:
        """Name and hash of everything that the map is made from."""
        named = {} if self.start is None else {self.start.name: sha256_of(self.start)}
        return {**self.views.inputs, **named}


def planned(
    views: Views,
    request: PhaseExtensionRequest,
    folder: Path,
    extras: Extras,
    start: Path | None,
) -> Job:
    """Make sure of what is asked for.

    Raises
    ------
    ConfigError, InputError : It cannot be done with these views.
    """
    patterns = views.patterns
    limit = request.limit_per_angstrom or patterns.experiment.axis_limit_per_angstrom
    mass = _told(request.mass_kda or views.mass_kda, "--mass-kda", views)
    diameter = _told(
        request.diameter_angstrom or views.diameter_angstrom, "--diameter-angstrom", views
    )
    _check_poses(views, request)
    smallest = SPHERE_DIAMETER * molecule_volume(mass) ** (1 / 3)
    if diameter < smallest:
        raise ConfigError(
            f"{views.name}: a protein of {mass:.3g} kDa is at least {smallest:.0f} Å across, and "
            f"its diameter is said to be {diameter:.3g} Å: the support would be larger than the "
            "data allow; correct --mass-kda or --diameter-angstrom"
        )
    grid = grid_of(patterns.experiment.box_angstrom, diameter, limit)
    if request.poses != "unknown":
        check_views_differ(patterns.rotations[list(patterns.kept)], grid, views.name)
    if start is not None:
        start_from_file(start, grid, request.start_resolution_angstrom)  # told now if it is none
    return Job(views, grid, limit, mass, diameter, request, folder, extras, start)


def _told(value: float | None, option: str, views: Views) -> float:
    if value is None:
        raise ConfigError(f"{views.name}: its atoms are not known; give {option}")
    return value


def _check_poses(views: Views, request: PhaseExtensionRequest) -> None:
    if request.poses != "unknown" and views.in_place and not views.store.knows_poses:
        raise ConfigError(
            f"{views.name}: nobody knows how it lay in the beam; use --poses unknown, or name a "
            "file of poses with --star"
        )
