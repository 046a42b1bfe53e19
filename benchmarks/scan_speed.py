"""Frames a second and memory of `ingest`'s pass over a scan that is made on the fly.

The frames are ice under a narrow beam, counted from one expected pattern and shifted with the beam,
as many as make the size that is asked for; they are never all in memory or on the disk. Measured is
what a real scan goes through for each frame: centring, statistics, the hologram, and at the end the
classes. Calibration comes before, and is timed by itself.
Run: python benchmarks/scan_speed.py [--gigabytes 0.5] [--pixels 256] [--threads 2]
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffragan.acquisition.calibration.calibrate import calibrate
from diffragan.acquisition.frame_pass import frame_pass
from diffragan.acquisition.hits.network import read_network
from diffragan.acquisition.measured_blocks import BlocksOnDisk
from diffragan.config.acquisition import ScanSettings
from diffragan.errors import DiffraganError
from diffragan.io.machine import cpu_model
from diffragan.io.scans.scan import Frames, ScanInfo

POOL = 256
"""Different frames that the scan consists of."""
BEAM_ELECTRONS, ICE_ELECTRONS = 7e5, 2e4
BEAM_PIXELS, HALO_PIXELS = 1.5, 30.0
MRAD_PER_PIXEL_AT_128 = 0.209


class MadeUpScan:
    """Ice under a beam that wanders a little, row by row."""

    def __init__(self, frames: int, pixels: int) -> None:
        columns = int(frames**0.5)
        self._frames = frames // columns * columns
        shape = (self._frames // columns, columns)
        settings = ScanSettings(
            shape=shape,
            energy_kev=200,
            mrad_per_pixel=MRAD_PER_PIXEL_AT_128 * 128 / pixels,
            step_angstrom=35,
            beam_diameter_angstrom=100,
            exposure_e_per_a2=100,
        )
        self.info = ScanInfo(
            Path("made-up"), "made up", shape, (pixels, pixels), np.dtype(np.uint32), settings
        )
        generator = np.random.default_rng(0)
        rows, columns_of = np.indices((pixels, pixels)) - pixels // 2
        self._pool = []
        for _ in range(POOL):
            y, x = generator.normal(0, 0.3, 2)
            radius = np.hypot(rows - y, columns_of - x) * 128 / pixels
            beam = np.exp(-((radius / BEAM_PIXELS) ** 2)) + 1e-3 / (1 + radius) ** 3
            ice = np.exp(-(((radius - HALO_PIXELS) / 8) ** 2)) + 0.3
            expected = BEAM_ELECTRONS * beam / beam.sum() + ICE_ELECTRONS * ice / ice.sum()
            self._pool.append(generator.poisson(expected).astype(np.uint32))

    def available(self) -> int:
        """Count the frames."""
        return self._frames

    def read(self, first: int, last: int) -> Frames:
        """Return some of the frames."""
        return np.stack([self._pool[number * 97 % POOL] for number in range(first, last)])


def measured(gigabytes: float, pixels: int) -> dict[str, Any]:
    """Go through a scan of so many gigabytes."""
    scan = MadeUpScan(max(600, int(gigabytes * 1e9 / (4 * pixels**2))), pixels)
    settings, frames = scan.info.found, scan.available()
    began = time.perf_counter()
    calibration = calibrate(scan, settings)
    calibrated = time.perf_counter()
    work = frame_pass(scan, settings, calibration, read_network(), frames)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        found, _ = work.run(frames, BlocksOnDisk(Path(folder), "speed"), lambda _: None)
        looked = time.perf_counter()
    classes = work.classify(found)
    done = time.perf_counter()
    return {
        "frames": frames,
        "pixels": pixels,
        "gigabytes": 4 * frames * pixels**2 / 1e9,
        "calibration_s": calibrated - began,
        "frames_per_s": frames / (looked - start),
        "classes_s": done - looked,
        "frames_per_s_with_classes": frames / (done - start),
        "classified": len(classes),
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "threads": torch.get_num_threads(),
        "cpu": cpu_model(),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=0.5)
    parser.add_argument("--pixels", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    try:
        print(json.dumps(measured(arguments.gigabytes, arguments.pixels), indent=1))
    except DiffraganError as error:
        print(f"scan_speed: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
