"""`diffragan ingest`: observations of single molecules, from a scan and an overview image."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

if TYPE_CHECKING:
    from diffragan.acquisition.ingest import Ingested
    from diffragan.config.acquisition import AcquisitionSettings


@dataclass(frozen=True)
class Arguments:
    """Turn a 4D scan and an overview image of the same field into observations.

    Calibrates the detector, finds the frames that hit one protein, lays the scan on the image, and
    writes each hit's pattern with its molecule's piece of the image, for `diffragan phase`,
    `evaluate` and `reconstruct`. Beside the store NAME.zarr stands NAME-ingest, a folder with a
    page, tables of all frames and molecules, and the calibration.

    Example: diffragan ingest scan.mib --image overview.mrc --config experiment.yaml --out hits.zarr
    """

    scan: tyro.conf.Positional[Path]
    """The scan: MIB, TVIPS, EMPAD, HDF5, zspy, MRC, TIFF, TRPX, plain binary, or a folder."""
    image: Path
    """The overview image: MRC, TIFF, or what RosettaSciIO reads."""
    out: Path
    """Store to write; its name ends in .zarr."""
    config: Path | None = None
    """YAML of kind `acquisition` with what the files do not say."""
    follow: bool = False
    """Go on while the scan is being written, and wait for the image; the page refreshes itself."""
    patience_s: float = 600.0
    """With --follow, give up once nothing was added for so long [s]."""
    page: bool = True
    """Make the page."""


def run(arguments: Arguments) -> None:
    """Ingest, and say what was found."""
    from diffragan.acquisition.ingest import folder_beside, ingest
    from diffragan.config.load import load_acquisition
    from diffragan.errors import ConfigError, NothingObservedError

    settings = load_acquisition(arguments.config)
    if not arguments.patience_s > 0:
        raise ConfigError(f"--patience-s is {arguments.patience_s:g}; use more than 0")
    try:
        if arguments.follow:
            made = _followed(arguments, settings)
        else:
            made = ingest(arguments.scan, arguments.image, arguments.out, settings)
    except NothingObservedError:
        if arguments.page:
            print(f"look at {_page(folder_beside(arguments.out), arguments.image)}")
        raise
    for line in _words(made):
        print(line)
    print(f"wrote {made.out}: {made.observed} observations; look into {made.folder}")
    if arguments.page:
        print(f"look at {_page(made.folder, arguments.image)}")


def _followed(arguments: Arguments, settings: "AcquisitionSettings") -> "Ingested":
    """Ingest a scan that is being written; the page shows how far it is, or what stopped it."""
    from diffragan.acquisition.following import follow
    from diffragan.acquisition.hits.network import read_network
    from diffragan.acquisition.ingest import folder_beside, ingest
    from diffragan.errors import DiffraganError
    from diffragan.evaluation.ingest.live_page import LivePage

    scan, image, out = arguments.scan, arguments.image, arguments.out
    if not arguments.page:
        follow(scan, image, out, settings, arguments.patience_s)
        return ingest(scan, image, out, settings)
    live = LivePage(folder_beside(out), read_network().priors, f"Scan {scan.name}")
    try:
        follow(scan, image, out, settings, arguments.patience_s, live.update)
        return ingest(scan, image, out, settings)
    except DiffraganError as error:
        live.stopped(str(error))
        raise


def _page(folder: Path, image: Path) -> Path:
    from diffragan.evaluation.ingest_page import write_page_again

    return write_page_again(folder, image)


def _words(made: "Ingested") -> list[str]:
    """Say what was found, one line for each thing."""
    found = made.findings
    hits = found.hits
    lines = [
        f"{len(found.table):,} frames, {int(hits.chosen.sum()):,} hits; expected precision "
        f"{hits.expected_precision:.2f}, recall {hits.expected_recall:.2f}"
    ]
    if found.registration is not None:
        score, error = found.registration.score, found.registration.standard_error_angstrom
        lines.append(f"scan on image: score {score:.2f}, positions to {float(error.mean()):.1f} Å")
    return lines
