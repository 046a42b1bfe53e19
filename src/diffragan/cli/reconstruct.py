"""`diffragan reconstruct`: a 3D map from phased waves."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Arguments:
    """Insert phased images at their known orientations into a 3D map.

    Writes map.mrc, half1.mrc, half2.mrc and fsc.json with the correlation between the halves and,
    where the data set that was phased is still in its place, with the true potential. Several
    molecules get a folder each.

    Example: diffragan reconstruct phased.zarr --out map
    """

    phased: tyro.conf.Positional[Path]
    """Store that `diffragan phase` wrote."""
    out: Path
    """Folder for the maps."""
    data: Path | None = None
    """Data set with the true molecules; where it was phased from when left out."""


def run(arguments: Arguments) -> None:
    """Reconstruct, and print the resolutions."""
    from diffragan.errors import InputError
    from diffragan.io.files import output_folder
    from diffragan.io.phased import PhasedStore
    from diffragan.io.triplets import TripletStore
    from diffragan.reconstruction.phased import reconstruct_store

    phased = PhasedStore(arguments.phased)
    source = arguments.data or phased.source
    molecules = None
    if arguments.data is not None or source.exists():
        data = TripletStore(source)
        if data.identity != phased.source_identity:
            raise InputError(
                f"{arguments.phased}: was phased from other data than {source}; "
                "name the right data set with `--data`"
            )
        molecules = data.structures()
    else:
        print(f"{source} is gone: no correlation with the truth")
    agreements = reconstruct_store(phased, molecules, output_folder(arguments.out))

    def words(angstrom: float | None) -> str:
        return "the end of the data" if angstrom is None else f"{angstrom:.2f} Å"

    for name, found in agreements.items():
        line = f"{name}: halves agree (FSC 0.143) to {words(found.resolution_fsc_0p143_angstrom)}"
        if found.fsc_truth is not None:
            limit = words(found.resolution_fsc_truth_0p5_angstrom)
            line += f", map and true potential (FSC 0.5) to {limit}"
        print(line)
    print(f"wrote {arguments.out}")
