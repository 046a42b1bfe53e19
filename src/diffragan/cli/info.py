"""`diffragan info`: what a file is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Arguments:
    """Say what a file is: shape, axes, units, provenance, and the first problem found.

    Knows data sets and phased stores (.zarr), PDB and mmCIF, MRC maps and stacks, STAR files,
    configurations (.yaml), training runs, and 4D scans in the formats of docs/scan-formats.md.

    Example: diffragan info data.zarr --verify
    """

    file: tyro.conf.Positional[Path]
    """File or folder to look at."""
    verify: bool = False
    """Read every value of a data set or phased store, and compare all with their checksums."""
    config: Path | None = None
    """How a scan was taken: a YAML of kind `acquisition`; takes the file for a scan."""
    picture: Path | None = None
    """PNG to draw of a scan: its mean pattern, and how much each position scatters."""


def run(arguments: Arguments) -> None:
    """Print the description; a problem in the file is an error."""
    from diffragan.cli.describe import describe
    from diffragan.errors import InputError

    if arguments.verify and not arguments.file.name.endswith(".zarr"):
        raise InputError(f"{arguments.file}: `--verify` is for stores, whose names end in .zarr")
    as_scan = arguments.config is not None or arguments.picture is not None
    for line in _scan(arguments) if as_scan else describe(arguments.file):
        print(line)
    if arguments.verify:
        _verify(arguments.file)


def _scan(arguments: Arguments) -> Iterator[str]:
    from diffragan.cli.describe_scan import describe_scan
    from diffragan.config.load import load_acquisition
    from diffragan.errors import OutputError

    picture = arguments.picture
    if picture is not None and picture.suffix.lower() != ".png":
        raise OutputError(f"{picture}: pictures of scans are PNG; name it with .png")
    return describe_scan(arguments.file, load_acquisition(arguments.config).scan, picture)


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
