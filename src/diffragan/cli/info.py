"""`diffragan info`: what a file is."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Arguments:
    """Say what a file is: shape, axes, units, provenance, and the first problem found.

    Knows data sets and phased stores (.zarr), PDB and mmCIF, MRC maps and stacks, STAR files,
    configurations (.yaml) and training runs.

    Example: diffragan info data.zarr
    """

    file: tyro.conf.Positional[Path]
    """File or folder to look at."""


def run(arguments: Arguments) -> None:
    """Print the description; a problem in the file is an error."""
    from diffragan.cli.describe import describe

    for line in describe(arguments.file):
        print(line)
