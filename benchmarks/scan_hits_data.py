"""Simulated scans as the classification of frames meets them, with their truth."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.classes import DAMAGED, PROTEIN, Conditions
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.config.beam import BeamSettings
from diffragan.config.load import load_acquisition
from diffragan.io.scans.open import open_scan
from diffragan.io.scans.truth import read_truth
from diffragan.io.scans.upright import upright

CENTRE_ERROR_PIXELS = 0.1
"""Of the centres that calibration hands over."""


@dataclass(frozen=True)
class SimulatedScan:
    """Frames of a scan, upright, with what they are."""

    frames: NDArray[np.integer]
    conditions: Conditions
    positions: NDArray[np.float64]
    """`(frame, 2)`, nominal, in the axes of the detector [Å]."""
    centres: NDArray[np.float64]
    """`(frame, 2)`, true."""
    classes: NDArray[np.int64]
    hit: NDArray[np.bool_]
    """One molecule, damaged or not, wholly within the flat part of the beam, and no other lit."""
    rim: NDArray[np.bool_]
    """A molecule is lit in part: neither a hit nor none."""

    def thinned(self, exposure: float, seed: int) -> "SimulatedScan":
        """Keep each electron with one chance: counts of a shorter exposure."""
        share = exposure / self.conditions.exposure_e_per_a2
        if share >= 1:
            return self
        random = np.random.default_rng([seed, round(1e6 * share)])
        return replace(
            self,
            frames=random.binomial(self.frames, share).astype(np.uint32),
            conditions=replace(self.conditions, exposure_e_per_a2=exposure),
        )

    def rough_centres(self, seed: int) -> NDArray[np.float64]:
        """Centres with the error that calibration leaves."""
        noise = np.random.default_rng([seed, 7]).standard_normal(self.centres.shape)
        return self.centres + CENTRE_ERROR_PIXELS * noise


def read_simulated(folder: Path) -> SimulatedScan:
    """Read a scan that `simulate --scan` made; its conditions as a laboratory knows them."""
    settings: AcquisitionSettings = load_acquisition(folder / "experiment.yaml")
    scan = settings.scan
    reader = open_scan(folder / "scan.mib", scan)
    frames = np.ascontiguousarray(upright(reader.read(0, reader.available()), scan))
    truth = read_truth(folder)
    arrays, beam = truth.arrays, BeamSettings.model_validate(truth.record["settings"]["beam"])
    assert scan.angle_per_pixel_mrad
    assert scan.energy_kev
    assert scan.exposure_e_per_a2
    assert scan.beam_diameter_angstrom
    assert scan.step_angstrom
    assert scan.shape
    conditions = Conditions(
        np.asarray(frames.any(axis=0)),
        scan.angle_per_pixel_mrad,
        scan.energy_kev,
        scan.exposure_e_per_a2,
        scan.beam_diameter_angstrom,
        scan.counts_per_electron or 1.0,
        scan.offset_counts or 0.0,
        scan.saturation_counts,
    )
    flat = beam.flat_radius_angstrom
    assert flat is not None
    away = np.hypot(*arrays.frame_offset.T)
    radius = arrays.molecule_radius_angstrom[np.maximum(arrays.frame_molecule, 0)]
    whole = (arrays.frame_molecule >= 0) & (away + radius <= flat) & (arrays.frame_lit == 1)
    classes = arrays.frame_class.astype(np.int64)
    one = np.isin(classes, (PROTEIN, DAMAGED))
    partly = (classes <= PROTEIN) & (classes != 3) & (arrays.frame_lit > 0) & ~one
    return SimulatedScan(
        frames,
        conditions,
        scan_positions(scan.shape, scan.step_angstrom, scan.scan_to_detector_deg),
        arrays.direct_beam_pixels.astype(np.float64),
        classes,
        one & whole,
        (one & ~whole) | partly,
    )


def scan_positions(
    shape: tuple[int, int], step_angstrom: float, scan_to_detector_deg: float
) -> NDArray[np.float64]:
    """Nominal positions x, y of all frames in the axes of the detector [Å]."""
    rows, columns = np.indices(shape).reshape(2, -1)
    x = (columns - (shape[1] - 1) / 2) * step_angstrom
    y = (rows - (shape[0] - 1) / 2) * step_angstrom
    turn = np.deg2rad(scan_to_detector_deg)
    return np.stack([np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x], 1)
