"""How many frames a second are read of a scan: `python benchmarks/scan_reading.py`.

Writes a scan of frames with few counts in each of our writers' formats, and reads it again from
the system's cache in blocks of 64. Prints frames a second and the most memory that was held. Give
`--frames`, `--side` and `--formats`.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from diffragan.config.acquisition import ScanSettings
from diffragan.io.scans.open import open_scan
from diffragan.io.scans.write import scan_file_name, scan_writer

BLOCK = 64
TYPES = {"mib": "uint16", "tvips": "uint16", "raw": "uint16", "empad": "float32"}


def measure(folder: Path, name: str, frames: int, side: int) -> tuple[float, float]:
    """Return frames written and read a second."""
    side = 128 if name == "empad" else side
    rng = np.random.default_rng(0)
    block = rng.poisson(0.5, (BLOCK, side, side)).astype(TYPES[name])
    path = folder / scan_file_name(f"of_{name}", name)
    shape = (frames // BLOCK, BLOCK)
    begin = time.perf_counter()
    with scan_writer(path, name, shape, (side, side), TYPES[name], ScanSettings()) as write:
        for _ in range(shape[0]):
            write(block)
    written = time.perf_counter()
    scan = open_scan(path, ScanSettings(shape=shape))
    opened = time.perf_counter()
    for first in range(0, frames, BLOCK):
        scan.read(first, first + BLOCK)
    done = time.perf_counter()
    path.unlink()
    return frames / (written - begin), frames / (done - opened)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2048)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--formats", nargs="+", choices=TYPES, default=list(TYPES))
    options = parser.parse_args()
    frames = options.frames // BLOCK * BLOCK
    with tempfile.TemporaryDirectory() as folder:
        for name in options.formats:
            written, read = measure(Path(folder), name, frames, options.side)
            print(f"{name}: {written:,.0f} frames/s written, {read:,.0f} frames/s read")
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"most memory held: {held:.2f} GB")


if __name__ == "__main__":
    main()
