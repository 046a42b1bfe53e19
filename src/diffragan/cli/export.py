"""`diffragan export`: a data set in another form."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Arguments:
    """Write the triplets of a data set as .npy files, one folder for each structure.

    An index.csv beside them says each one's orientation, shift, dose and signal-to-noise ratio.
    Rotated PDB files come from `diffragan simulate --save-rotated-structures`.

    Example: diffragan export data.zarr --npy triplets
    """

    data: tyro.conf.Positional[Path]
    """Data set that `diffragan simulate` wrote."""
    npy: Path
    """Folder to write into."""


def run(arguments: Arguments) -> None:
    """Export, and say what was written."""
    from diffragan.io.npy import INDEX, export_npy
    from diffragan.io.triplets import TripletStore
    from diffragan.progress import track

    data = TripletStore(arguments.data)
    for _ in track(export_npy(data, arguments.npy), len(data), "exporting"):
        pass
    print(f"wrote {len(data)} triplets and {arguments.npy / INDEX}")
