"""From phased waves to maps: one for each molecule of the data set."""

from collections.abc import Sequence
from pathlib import Path

from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import StructureEntry
from diffragan.reconstruction.needs import usual_way
from diffragan.reconstruction.pipeline import Extras, Reconstruction, reconstruct_all
from diffragan.reconstruction.request import Request
from diffragan.reconstruction.sources.stores import particles_of_store


def reconstruct_store(
    phased: PhasedStore, molecules: Sequence[StructureEntry] | None, out: Path
) -> list[Reconstruction]:
    """Make a map of the phased views of each molecule, their orientations being known.

    Parameters
    ----------
    phased : Phased waves.
    molecules : The true molecules, if known, to correlate the maps with.
    out : Folder of the maps; each molecule has one of its own below it where there are several.

    Raises
    ------
    InputError : A molecule has a single view, which makes no halves.
    """
    sets = particles_of_store(phased, molecules)
    request = Request(poses=usual_way(sets, "embedded"))
    return reconstruct_all(sets, request, out, Extras())
