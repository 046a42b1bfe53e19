"""Predicted curves: what a calibration holds, says, and refuses to be read from."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.phasing.confidence import (
    FILE,
    OUTPUTS,
    Calibration,
    prediction,
    read_calibration,
    smoothed_curve,
    uncalibrated,
    view_resolution,
)
from diffragan.phasing.evidence import BANDS_PER_UNIT, FEATURES, Bands, Evidence, band_index

BANDS = Bands(band_index(Grid(48, 60.0), "cpu"), 20)
INTERVALS = ((1.5, 0.95, 1.1), (3.0, 0.9, 1.4), (8.0, 0.7, 2.5))


def calibration(seed: int = 0, strength: float = 1.0) -> Calibration:
    generator = torch.Generator().manual_seed(seed)

    def some(*shape: int) -> torch.Tensor:
        return strength * torch.randn(*shape, generator=generator)

    widths = [len(FEATURES), 6, 5, len(OUTPUTS)]
    layers = tuple((some(after, before), some(after)) for before, after in pairwise(widths))
    return Calibration(layers, some(len(FEATURES)), 1 + some(len(FEATURES)).abs(), INTERVALS)


def evidence(seed: int = 0, items: int = 3) -> Evidence:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(items, BANDS.count, len(FEATURES), generator=generator)
    return Evidence(values, BANDS)


@given(st.integers(0, 2**31), st.floats(0.01, 30.0))
@settings(max_examples=20)
def test_predicted_correlations_lie_between_0_and_1_whatever_the_evidence(
    seed: int, strength: float
) -> None:
    told = calibration(seed, strength).predict(evidence(seed + 1))
    assert set(told) == set(OUTPUTS)
    for curve in told.values():
        assert curve.shape == (3, BANDS.count)
        assert 0 <= float(curve.min()) <= float(curve.max()) <= 1


def test_an_item_and_a_band_are_predicted_by_themselves() -> None:
    known, whole = calibration(), evidence()
    part = Evidence(whole.values[1:2, 4:9], BANDS)
    for name in OUTPUTS:
        torch.testing.assert_close(known.predict(part)[name], known.predict(whole)[name][1:2, 4:9])


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    first = calibration()
    (tmp_path / FILE).write_text(json.dumps(first.as_json()))
    again = read_calibration(tmp_path)
    assert again is not None
    assert again.as_json() == first.as_json()
    for name, curve in first.predict(evidence()).items():
        assert torch.equal(again.to(torch.device("cpu")).predict(evidence())[name], curve)


def test_weights_without_a_calibration_have_none(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None


def spoilt(change: Callable[[dict[str, Any]], Any]) -> str:
    values = calibration().as_json()
    return json.dumps(change(values) or values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not readable as JSON"),
        ('{"format_version": 1', "not readable as JSON"),
        ("[1, 2]", "of version None"),
        (spoilt(lambda v: v.update(format_version=7)), "of version 7"),
        (spoilt(lambda v: v.update(features=["frequency"])), "other features"),
        (spoilt(lambda v: v.pop("layers") and v), "not a calibration"),
        (spoilt(lambda v: v.update(layers=3)), "not a calibration"),
        (spoilt(lambda v: v.update(layers=[])), "do not fit together"),
        (spoilt(lambda v: v["layers"].pop(1) and v), "do not fit together"),
        (spoilt(lambda v: v["layers"][0].update(bias=1.0)), "not a calibration"),
        (spoilt(lambda v: v["layers"][0].update(weight="many")), "not a calibration"),
        (spoilt(lambda v: v["layers"][0]["bias"].append(1.0)), "do not fit together"),
        (spoilt(lambda v: v["layers"][0]["weight"][0].append(1.0)), "not a calibration"),
        (spoilt(lambda v: v["layers"][0]["bias"].__setitem__(0, float("nan"))), "do not fit"),
        (spoilt(lambda v: v.update(centre=[0.0])), "do not fit together"),
        (spoilt(lambda v: v.update(scale=None)), "not a calibration"),
        (spoilt(lambda v: v.update(intervals=[])), "do not fit together"),
        (spoilt(lambda v: v.update(intervals=[[1.0, 2.0]])), "not a calibration"),
        (spoilt(lambda v: v.update(intervals=[[1.0, float("nan"), 2.0]])), "do not fit"),
        (spoilt(lambda v: v.update(intervals=[[1.0, 2.0, 0.5]])), "do not fit together"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_by_name(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_calibration(tmp_path)
    assert str(tmp_path / FILE) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_of_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not readable as JSON"):
        read_calibration(tmp_path)


@pytest.mark.parametrize(
    ("resolution", "row"), [(1.2, 0), (1.5, 0), (1.51, 1), (3.0, 1), (5.0, 2), (8.0, 2), (20.0, 2)]
)
def test_the_interval_is_that_of_the_row_the_resolution_falls_in(
    resolution: float, row: int
) -> None:
    _, low, high = INTERVALS[row]
    found = calibration().interval(resolution)
    assert found == pytest.approx((resolution * low, resolution * high))


def test_a_prediction_reads_resolutions_off_its_curves() -> None:
    edge = torch.arange(BANDS.count) < torch.tensor([[9], [14], [99]])
    curve = torch.where(edge, 0.9, 0.1)
    failed = torch.tensor([True, False, False])
    told = prediction({"blend": curve}, BANDS, calibration(), failed)
    expected = [BANDS_PER_UNIT / 8.5, BANDS_PER_UNIT / 13.5, BANDS_PER_UNIT / 19]
    assert told.resolution_angstrom.tolist() == pytest.approx(expected, rel=0.01)
    assert torch.equal(told.frc, curve)
    assert torch.equal(told.failed, failed)
    torch.testing.assert_close(told.score, curve.mean(-1))
    for resolution, (fine, coarse) in zip(
        told.resolution_angstrom.tolist(), told.interval_angstrom.tolist(), strict=True
    ):
        assert fine <= resolution <= coarse
        assert (fine, coarse) == pytest.approx(calibration().interval(resolution))


def test_smoothing_keeps_a_straight_line_and_its_ends() -> None:
    line = torch.linspace(1, 0, 12)
    torch.testing.assert_close(smoothed_curve(line)[1:-1], line[1:-1])
    assert float((smoothed_curve(line) - line).abs().max()) < 0.03
    single = torch.zeros(9)
    single[4] = 1
    assert smoothed_curve(single).tolist() == [0, 0, 0, 0.25, 0.5, 0.25, 0, 0, 0]


def test_one_bad_band_among_good_ones_does_not_end_a_view() -> None:
    curve = torch.full((BANDS.count,), 0.9)
    curve[10] = 0.2
    assert view_resolution(curve, BANDS) == pytest.approx(BANDS_PER_UNIT / (BANDS.count - 1))
    curve[9:12] = 0.2
    assert view_resolution(curve, BANDS) > BANDS_PER_UNIT / 10


def test_first_principles_without_a_calibration() -> None:
    """Two answers right by c each agree by c^2; a network is as sure as it is strong."""
    told = evidence()
    for name, value in (("agreement of restarts", 0.49), ("network's own certainty", 0.6)):
        told.values[..., FEATURES.index(name)] = value
    curves = uncalibrated(told)
    for name, value in (("iterated", 0.7), ("network", 0.6), ("blend", 0.7)):
        torch.testing.assert_close(curves[name], torch.full_like(curves[name], value))
    told.values[..., FEATURES.index("agreement of restarts")] = -0.3
    assert float(uncalibrated(told)["iterated"].max()) == 0
