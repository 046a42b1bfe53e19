"""The background of hits, from the frames about them that hit nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from diffragan.acquisition.calibration.background import mean_background
from diffragan.acquisition.empty_frames import (
    EmptyFrames,
    _middle_half,
)
from diffragan.config.acquisition import ScanSettings
from diffragan.io.scans.scan import Frames, ScanInfo
from made_up_scan import SETTINGS, calibration, table

Floats = NDArray[np.float64]
SIDE = 48


def test_the_scale_of_a_group_is_that_of_its_middle_half() -> None:
    expected = np.full((2, 24), 1000.0)
    found = expected * np.array([[1.3], [0.8]])
    found[0, :4], found[1, 5:9] = 9000.0, 0.0
    assert _middle_half(found, expected) == pytest.approx([1.3, 0.8], abs=0.01)


def test_where_next_to_nothing_is_counted_the_scale_is_the_usual_one() -> None:
    assert _middle_half(np.zeros((1, 24)), np.full((1, 24), 0.01)) == pytest.approx([1], abs=0.01)


@pytest.mark.parametrize("rate", [0.001, 20.0])
def test_the_mean_background_of_faint_and_bright_frames_is_their_mean(rate: float) -> None:
    random = np.random.default_rng(2)
    thickness = 1 + 0.2 * random.standard_normal(200).clip(-2, 2)
    pixels = np.full((200, 12), 50.0)
    sums = random.poisson(rate * thickness[:, None] * pixels).astype(float)
    found = mean_background(sums, pixels, (4, 10))
    error = 4 * (rate * 200 * 50) ** -0.5 + 0.02
    assert found.profile.numpy() == pytest.approx(np.full(12, rate), rel=error)
    assert found.frames == 200
    assert torch.isfinite(found.error).all()


class Field:
    """Ice of two thicknesses side by side; some frames hold a molecule, which scatters more."""

    def __init__(self, shape: tuple[int, int], hits: NDArray[np.int64], centres: Floats) -> None:
        random = np.random.default_rng(5)
        rows, columns = np.indices((SIDE, SIDE))
        frames = []
        for number, (y, x) in enumerate(centres):
            radius = np.hypot(rows - y, columns - x)
            rate = (1.0 if number % shape[1] < shape[1] // 2 else 2.0) * 3 * np.exp(-radius / 20)
            frames.append(random.poisson(rate * (4 if number in hits else 1)).astype(np.uint16))
        self._frames = np.array(frames)
        known = ScanSettings(shape=shape)
        self.info = ScanInfo(Path("s"), "made up", shape, (SIDE, SIDE), np.dtype("u2"), known)

    def available(self) -> int:
        return len(self._frames)

    def read(self, first: int, last: int) -> Frames:
        return self._frames[first:last]


def test_what_a_molecule_scatters_is_not_taken_for_ice() -> None:
    shape, hits = (16, 24), np.array([5 * 24 + 4, 9 * 24 + 19])
    frames = table(shape, hits)
    field = Field(shape, hits, frames.centre.astype(np.float64))
    settings = SETTINGS.scan.model_copy(update={"shape": shape})
    known = calibration(shape, SIDE)
    background = EmptyFrames(field, settings, known, frames).background()
    known = replace(known, background=background)
    scales = EmptyFrames(field, settings, known, frames).scales_about(hits)
    # The usual thickness lies between both halves'.
    assert scales[1] / scales[0] == pytest.approx(2, rel=0.05)
    ring = float(background.profile[10])
    assert (scales * ring / np.exp(-10 / 20)) == pytest.approx([3, 6], rel=0.07)
