"""`diffragan export`: a data set in another form."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro


@dataclass(frozen=True)
class Arguments:
    """Write the triplets of a data set as .npy files, or its counts as Dragonfly reads them.

    --npy makes one folder for each structure; an index.csv beside them says each one's orientation,
    shift, dose and signal-to-noise ratio. Rotated PDB files come from `diffragan simulate
    --save-rotated-structures`. --format dragonfly makes photons.emc, detector.h5, a first intensity
    and config.ini, to be run there with `dragonfly.emc 50`; a folder for each molecule if there are
    several.

    Example: diffragan export data.zarr --npy triplets

    Example: diffragan export counts.zarr --format dragonfly --out emc
    """

    data: tyro.conf.Positional[Path]
    """Data set that `diffragan simulate` wrote."""
    npy: Path | None = None
    """Folder to write .npy files into."""
    format: Literal["dragonfly"] | None = None
    """For another program; goes into --out."""
    out: Path | None = None
    """Folder to write --format into."""
    molecule: str | None = None
    """Dragonfly: only this one of several."""
    limit_per_angstrom: float | None = None
    """Dragonfly: highest frequency of the pixels written; that of whole rings if left out [1/Å]."""
    voxel_box_angstrom: float | None = None
    """Dragonfly: a voxel of its intensity is 1 / this wide [Å]. As wide as a pixel if left out;
    2.2 diameters of the molecule are enough, and make it faster and less noisy."""
    divisions: int = 8
    """Dragonfly: num_div, which sets how finely orientations are tried."""


def run(arguments: Arguments) -> None:
    """Export, and say what was written."""
    from diffragan.errors import ConfigError

    if (arguments.npy is None) == (arguments.format is None):
        raise ConfigError("name one thing to write: --npy DIR, or --format dragonfly --out DIR")
    if (arguments.format is None) != (arguments.out is None):
        raise ConfigError("--format and --out go together: --format dragonfly --out DIR")
    if arguments.npy is not None:
        _export_npy(arguments.data, arguments.npy)
    elif arguments.out is not None:
        _export_dragonfly(arguments, arguments.out)


def _export_npy(path: Path, folder: Path) -> None:
    from diffragan.io.npy import INDEX, export_npy
    from diffragan.io.triplets import TripletStore
    from diffragan.progress import track

    data = TripletStore(path)
    for _ in track(export_npy(data, folder), len(data), "exporting"):
        pass
    print(f"wrote {len(data)} triplets and {folder / INDEX}")


def _export_dragonfly(arguments: Arguments, out: Path) -> None:
    from diffragan.errors import ConfigError, nearest
    from diffragan.io.triplets import TripletStore
    from diffragan.reconstruction.dragonfly.folder import write_folder
    from diffragan.reconstruction.dragonfly.settings import DragonflySettings
    from diffragan.reconstruction.many_views.patterns import patterns_of_store

    for name in ("limit_per_angstrom", "voxel_box_angstrom", "divisions"):
        value = getattr(arguments, name)
        if value is not None and not value > 0:
            raise ConfigError(f"--{name.replace('_', '-')} is {value:g}; give a positive number")
    data = TripletStore(arguments.data)
    names = [entry.name for entry in data.structures()]
    chosen = names if arguments.molecule is None else [arguments.molecule]
    if not set(chosen) <= set(names):
        words = nearest(arguments.molecule or "", names)
        raise ConfigError(f"{arguments.data}: has no molecule '{arguments.molecule}'; {words}")
    box = arguments.voxel_box_angstrom or data.experiment.box_angstrom
    settings = DragonflySettings(divisions=arguments.divisions)
    for name in chosen:
        patterns = patterns_of_store(data, arguments.limit_per_angstrom, names.index(name))
        folder = out / name if len(chosen) > 1 else out
        written = write_folder(patterns, box, settings, folder)
        print(f"wrote {written.frames} patterns with {written.counts:,} counts into {folder}")
