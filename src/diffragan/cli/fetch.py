"""`diffragan fetch`: download structures from the Protein Data Bank."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Arguments:
    """Download entries of the Protein Data Bank as gzipped mmCIF files.

    Example: diffragan fetch 1aup 2pkc --out downloads
    """

    ids: tyro.conf.Positional[tuple[str, ...]]
    """PDB IDs, as 1aup or pdb_00001aup."""
    out: Path
    """Folder for the files; made when it is missing."""
    base_url: str | None = None
    """Where the server keeps its files; by default DIFFRAGAN_PDB_URL, or else RCSB."""
    cache: Path | None = None
    """Folder of earlier downloads; by default ~/.cache/diffragan/pdb."""


def run(arguments: Arguments) -> None:
    """Put each entry into the output folder; one that fails does not stop the others."""
    from diffragan.cli.batch import over_each
    from diffragan.errors import InputError
    from diffragan.io.download import keep
    from diffragan.io.files import output_folder
    from diffragan.io.structures import read_bytes
    from diffragan.structures.fetch import fetch_structure

    if not arguments.ids:
        raise InputError("no PDB ID was given; name at least one, as in `diffragan fetch 1aup`")
    folder = output_folder(arguments.out)

    def fetch(pdb_id: str) -> str:
        found = fetch_structure(pdb_id, arguments.base_url, arguments.cache)
        target = folder / found.name
        keep(read_bytes(found), target)
        return str(target)

    over_each(arguments.ids, fetch, "fetching")
