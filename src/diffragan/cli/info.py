"""`diffragan info`: what a file is."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Arguments:
    """Say what a file is: shape, axes, units, provenance, and the first problem found.

    Knows data sets and phased stores (.zarr), PDB and mmCIF, MRC maps and stacks, STAR files,
    configurations (.yaml) and training runs.

    Example: diffragan info data.zarr --verify
    """

    file: tyro.conf.Positional[Path]
    """File or folder to look at."""
    verify: bool = False
    """Read every value of a data set or phased store, and compare all with their checksums."""


def run(arguments: Arguments) -> None:
    """Print the description; a problem in the file is an error."""
    from diffragan.cli.describe import describe
    from diffragan.errors import InputError

    if arguments.verify and not arguments.file.name.endswith(".zarr"):
        raise InputError(f"{arguments.file}: `--verify` is for stores, whose names end in .zarr")
    for line in describe(arguments.file):
        print(line)
    if arguments.verify:
        _verify(arguments.file)


def _verify(path: Path) -> None:
    from diffragan.io.layout import CHECKSUM
    from diffragan.io.store import open_store
    from diffragan.io.verify import verify
    from diffragan.progress import progress_bar

    store = open_store(path)
    items = store.describe(CHECKSUM).shape[0]
    with progress_bar(items, "verifying") as bar:
        for count in verify(store):
            bar.advance(count)
    print(f"  verified: {items} items are what was written")
