"""Maps for phasing by, made of the very data set that is phased, at its own orientations."""

import os
from pathlib import Path

from diffragan.config.experiment import Experiment
from diffragan.errors import ConfigError
from diffragan.io.files import read_json
from diffragan.io.observations import ObservationStore
from diffragan.progress import tell
from diffragan.reconstruction.many_views.map_folder import MAP, RECORD
from diffragan.reconstruction.many_views.request import PhaseExtensionRequest
from diffragan.reconstruction.many_views.run import reconstruct_views
from diffragan.reconstruction.many_views.views import Views, open_views
from diffragan.reconstruction.pipeline import Extras


def maps_beside(store: Path) -> Path:
    """Name the folder of the maps that belong to a phased store."""
    return store.with_name(f"{store.stem}-maps")


def make_maps(data: ObservationStore, folder: Path, device: str = "cpu") -> Path:
    """Make the map of every molecule of a data set, by phase extension; those there are stay.

    All molecules have folders in `folder` by their names, a single one, too.

    Raises
    ------
    ConfigError, InputError : The views do not make a map.
    OutputError : The folder cannot be written to, or its disk has no room.
    """
    if not data.knows_poses:
        raise ConfigError(
            f"{data.store.path}: nobody knows how its molecules lay in the beam; make a map with "
            "`diffragan reconstruct --method phase-extension --poses unknown`, and name it by --map"
        )
    limit = finest_limit(data.experiment)
    request = PhaseExtensionRequest(limit_per_angstrom=limit, starts=1)
    extras = Extras(validate=False, device=device, threads=os.cpu_count() or 1)
    for views in open_views(data.store.path, limit):
        place = folder / views.name
        if _is_made(place, views, request):
            tell(f"{place}: there is a map of these views already")
        else:
            reconstruct_views([views], request, place, extras)
    return folder


def finest_limit(experiment: Experiment) -> float:
    """Highest frequency of patterns to merge [1/Å].

    Exact patterns have their corners; in those of counted ones there are few counts, and at few
    orientations.
    """
    if experiment.detector.exposure_e_per_a2 is None:
        return experiment.corner_limit_per_angstrom
    return experiment.axis_limit_per_angstrom


def _is_made(folder: Path, views: Views, request: PhaseExtensionRequest) -> bool:
    """Tell whether a folder holds the finished map of these very views and settings."""
    if not ((folder / MAP).is_file() and (folder / RECORD).is_file()):
        return False
    made_by = read_json(folder / RECORD).get("provenance", {})
    same = all(made_by.get("inputs", {}).get(name) == own for name, own in views.inputs.items())
    settings = made_by.get("settings", {})
    return same and all(
        settings.get(name) == value for name, value in request.fingerprint().items()
    )
