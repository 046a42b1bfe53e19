"""A scan of 6 x 6 frames laid on an image, and picks of that image."""

import numpy as np

from diffragan.acquisition.overview.frames import ImageFrame
from diffragan.acquisition.overview.picking import Picks
from diffragan.acquisition.overview.registration import Registration
from diffragan.config.acquisition import AcquisitionSettings, HitSettings, ScanSettings

SETTINGS = AcquisitionSettings(
    scan=ScanSettings(shape=(6, 6), step_angstrom=40, beam_diameter_angstrom=100),
    hits=HitSettings(largest_offset_angstrom=25),
)


def picks_at(centres: np.ndarray) -> Picks:
    """Sure picks of 40 Å."""
    empty, cells = np.zeros((1, 1), np.float32), np.zeros((1, 1), np.bool_)
    return Picks(
        centres, np.full(len(centres), 40.0), np.full(len(centres), 9.0),
        np.ones(len(centres), np.bool_), cells, 1000.0, empty, empty, 1000.0,
        ImageFrame((400, 400), 2.5),
    )  # fmt: skip


def registration_of_scan() -> Registration:
    """Place beams 40 Å apart, without a turn."""
    axis = (np.arange(6) - 2.5) * 40
    x, y = np.meshgrid(axis, axis)
    return Registration(
        np.stack([x, y], -1), np.full((6, 6), 2.0), 0.0, 0.1, 1.0, 0.01, np.zeros(2), 1.0, 5,
        0.8, 0.9, 0.1,
    )  # fmt: skip
