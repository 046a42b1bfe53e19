"""Parts of the page of a scan: places on the picture, maps in bytes, looks, R-factors."""

import numpy as np
import pytest

from diffragan.acquisition.hits.classes import CLASSES
from diffragan.acquisition.overview.frames import ImageFrame
from diffragan.acquisition.overview.matching import Reason
from diffragan.evaluation.ingest.ground import Ground
from diffragan.evaluation.ingest.hit_pictures import pictured_items
from diffragan.evaluation.ingest.looks import MARKS, looks_of
from diffragan.evaluation.ingest.phased_hits import PhasedHit
from diffragan.evaluation.ingest.scan_maps import NOTHING_KNOWN, STEPS, ScanMap, class_map
from diffragan.evaluation.ingest.tables import class_bars
from diffragan.evaluation.view_pictures import pattern_picture


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("factor", [1, 2])
def test_y_goes_upwards_whichever_way_the_rows_run(flipped: bool, factor: int) -> None:
    """A pixel of the image lies on its own place of the picture."""
    frame = ImageFrame((60, 80), 5.0, flipped)
    ground = Ground(frame, factor)
    row, column = 45, 13
    image = np.zeros(frame.shape)
    image[row, column] = 1
    shown = image if flipped else image[::-1]
    there = np.argwhere(shown)[0][::-1] + 0.5
    assert ground.place(frame.to_angstrom([[column, row]]))[0] * factor == pytest.approx(there)
    above, below = ground.place([[0.0, 50.0], [0.0, -50.0]])
    assert above[1] < below[1]
    assert ground.place([[50.0, 0.0]])[0, 0] > ground.place([[-50.0, 0.0]])[0, 0]


def test_a_map_spans_its_colours_and_leaves_out_what_is_not_there() -> None:
    values = np.append(np.linspace(2, 4, 99), np.nan)
    steps = ScanMap("a", "b", values).steps(110)
    assert steps[0] == 0
    assert steps[98] == STEPS
    assert (np.diff(steps[:99].astype(int)) >= 0).all()
    assert (steps[99:] == NOTHING_KNOWN).all()
    still = ScanMap("a", "b", np.full(4, 3.0))
    assert (still.steps(4) == 0).all()


def test_the_map_of_classes_has_their_colours() -> None:
    of_class = np.array([1, 4, 1, 3])
    one = class_map(of_class)
    assert one.steps(5).tolist() == [1, 4, 1, 3, NOTHING_KNOWN]
    colours = one.colours(5)
    assert (colours[0] == colours[2]).all()
    assert len(np.unique(colours, axis=0)) == 4


def test_bars_add_up() -> None:
    counts = dict.fromkeys(CLASSES, 0) | {"ice": 150, "protein": 50}
    bars = {bar.name: bar for bar in class_bars(counts)}
    assert sum(bar.percent for bar in bars.values()) == pytest.approx(100)
    assert bars["ice"].at == 100
    assert bars["protein"].at == pytest.approx(100 / 3)


def test_every_fate_has_its_own_colour_and_mark() -> None:
    looks = looks_of([reason.value for reason in Reason] + ["of a later version"])
    assert len({(look.colour, look.mark) for look in looks}) == len(Reason) + 1
    assert looks[0].name == "kept"
    assert all(look.mark in MARKS for look in looks)


def test_pictures_are_of_all_items_or_evenly_spread() -> None:
    assert pictured_items(3) == [0, 1, 2]
    assert pictured_items(0) == []
    some = pictured_items(1001, 100)
    assert len(set(some)) == 100
    assert max(np.diff(some)) <= 11


def test_one_count_is_lighter_than_many_and_none_is_white() -> None:
    pattern = np.zeros((16, 16))
    pattern[3, 4], pattern[5, 6] = 1, 20
    grey = pattern_picture(pattern, np.ones((16, 16), bool), 0.3)[::-1]
    assert grey[0, 0] == 255
    assert grey[5, 6] < grey[3, 4] < 240


def test_what_phasing_says_is_worded_as_far_as_it_is_known() -> None:
    image, unknown = np.zeros((4, 4), np.float32), float("nan")
    assert PhasedHit(image, 0.5, unknown, unknown, None, False).words() == "R-factor 0.500"
    words = PhasedHit(image, 0.5, 0.4, 0.6, (3.0, 2.5, 4.0), True).words()
    assert words == (
        "failed; expected 3.00 Å, 2.50 to 4.00; R-factor 0.500, R-free 0.600, "
        "of counting alone 0.400"
    )
