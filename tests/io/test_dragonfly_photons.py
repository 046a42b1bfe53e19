"""Dragonfly's photon files: the layout byte by byte, a round trip, one line for what is wrong."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.dragonfly import HEADER_BYTES, read_photons, write_photons

FRAMES = np.array([[0, 1, 0, 3, 1], [0, 0, 0, 0, 0], [2, 0, 1, 0, 0]])


def test_the_layout_is_dragonflys(tmp_path: Path) -> None:
    path = tmp_path / "photons.emc"
    written = write_photons(path, iter(FRAMES), 5)
    assert (written.frames, written.counts) == (3, 8)
    data = path.read_bytes()
    assert np.frombuffer(data[:12], "<i4").tolist() == [3, 5, 0]
    assert data[12:HEADER_BYTES] == bytes(HEADER_BYTES - 12)
    ones, others = [2, 0, 1], [1, 0, 1]
    places_of_ones, places_of_others, counts = [1, 4, 2], [3, 0], [3, 2]
    assert np.frombuffer(data[HEADER_BYTES:], "<i4").tolist() == (
        ones + others + places_of_ones + places_of_others + counts
    )


def test_counts_come_back(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).poisson(0.7, (20, 97)).astype(np.float32)
    path = tmp_path / "photons.emc"
    write_photons(path, frames, 97)
    photons = read_photons(path)
    assert (len(photons), photons.pixels) == (20, 97)
    assert all((photons.frame(n) == frame).all() for n, frame in enumerate(frames))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (np.array([0, 0.5, 1]), "no counts"),
        (np.array([0, -1, 1]), "no counts"),
        (np.array([0, np.nan, 1]), "no counts"),
        (np.array([0, 2**31, 1]), "no counts"),
        (np.array([0, 1]), "has 2 pixels, and others have 3"),
    ],
)
def test_what_is_no_count_is_refused_and_nothing_is_left(
    tmp_path: Path, frame: NDArray[np.float64], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        write_photons(tmp_path / "photons.emc", [np.zeros(3), frame], 3)
    assert not list(tmp_path.iterdir())


def test_no_pattern_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pattern to write"):
        write_photons(tmp_path / "photons.emc", [], 3)


def test_damaged_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "photons.emc"
    with pytest.raises(InputError, match="cannot be read"):
        read_photons(path)
    write_photons(path, FRAMES, 5)
    whole = path.read_bytes()
    for damaged, words in (
        (whole[:-4], "should fill"),
        (whole[:-3], "cut off"),
        (whole[: HEADER_BYTES + 8], "ends before the sizes"),
        (whole[:8] + np.array([1], "<i4").tobytes() + whole[12:], "kind 1"),
        (whole[:4] + np.array([3], "<i4").tobytes() + whole[8:], "within 3 pixels"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=words):
            read_photons(path)
