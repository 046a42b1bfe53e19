"""Opening a scan, whatever its format; its name and its first bytes tell."""

from collections.abc import Callable
from pathlib import Path

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.io.scans import hdf5, mib, mrc_scan, tiff, trpx
from diffragan.io.scans.empad import LAYOUT, NAMED_SHAPE, EmpadScan
from diffragan.io.scans.fitted import FittedScan
from diffragan.io.scans.folder import FolderScan
from diffragan.io.scans.raw import RawFileScan, description_of
from diffragan.io.scans.reading import readable, size_of, start_of
from diffragan.io.scans.rosetta import ENDINGS, open_rosetta
from diffragan.io.scans.scan import Scan
from diffragan.io.scans.tvips import TvipsScan
from diffragan.io.scans.zspy import open_zspy

START_BYTES = 4096
Opener = Callable[[Path, ScanSettings], Scan]


def open_scan(path: Path, settings: ScanSettings, *, growing: bool = False) -> FittedScan:
    """Open a scan without reading its frames.

    Parameters
    ----------
    path : A file, a folder of files of one frame each, or `FILE.h5/path/of/array`.
    settings : What is known of the scan; counts more than what the file says.
    growing : Whether frames are still being written; then they need not all be there.

    Raises
    ------
    InputError : It is not there, of no known format, damaged, or has not the frames it should.
    ConfigError : A YAML that describes it is wrong, or its byte order.
    MissingExtraError : A package for its format is not installed.
    """
    file, inside = _split(path)
    if inside:
        return FittedScan(hdf5.open_hdf5(file, inside, settings), settings, growing=growing)
    return FittedScan(_opener(file)(file, settings), settings, growing=growing)


def _split(path: Path) -> tuple[Path, str]:
    """Return a file, and the path inside it that follows its name."""
    with readable(path):
        if path.exists():
            return path, ""
        for parent in path.parents:
            if parent.is_file():
                if start_of(parent, len(hdf5.MAGIC)) != hdf5.MAGIC:
                    raise InputError(f"{parent}: is a file, but not of HDF5, which holds paths")
                return parent, path.relative_to(parent).as_posix()
    raise InputError(f"{path}: there is no such file or folder")


def _opener(path: Path) -> Opener:
    if path.is_dir():
        return open_zspy if path.suffix.lower() == ".zspy" else FolderScan
    if size_of(path) == 0:
        raise InputError(f"{path}: is empty; copy it again, or wait for its first frames")
    start = start_of(path, START_BYTES)
    if description_of(path) is not None:
        return RawFileScan
    for told, opener in (
        (start.startswith((mib.MAGIC, mib.STREAM_MAGIC)), mib.MibScan),
        (start.startswith(hdf5.MAGIC), _open_found),
        (start.startswith(tiff.MAGICS), tiff.TiffScan),
        (trpx.MAGIC in start, trpx.TrpxScan),
        (start[mrc_scan.MAGIC_PLACE :].startswith(mrc_scan.MAGIC), mrc_scan.open_mrc_scan),
        (path.suffix.lower() == ".tvips", TvipsScan),
        (_is_empad(path), EmpadScan),
        (path.suffix.lower() in ENDINGS, open_rosetta),
    ):
        if told:
            return opener
    if path.suffix.lower() == ".hdr" and path.with_suffix(".mib").is_file():
        raise InputError(f"{path}: is Merlin's header; name {path.with_suffix('.mib').name}")
    if path.suffix.lower() in {".yaml", ".yml"}:
        raise InputError(f"{path}: is a YAML; name the file of frames that it describes")
    return RawFileScan  # says how to describe it


def _open_found(path: Path, settings: ScanSettings) -> Scan:
    return hdf5.open_hdf5(path, "", settings)


def _is_empad(path: Path) -> bool:
    """Say whether a file is EMPAD's XML, or a raw file with one beside, or named and long so."""
    if path.suffix.lower() == ".xml":
        return True
    if path.suffix.lower() != ".raw":
        return False
    named = NAMED_SHAPE.fullmatch(path.stem) is not None
    whole = size_of(path) % LAYOUT.record.itemsize == 0
    return path.with_suffix(".xml").is_file() or (named and whole)
