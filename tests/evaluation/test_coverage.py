import math

import pytest
import torch

from diffragan.evaluation.coverage import measured_share
from diffragan.evaluation.metrics import measured_limit
from diffragan.io.triplets import TripletStore
from diffragan.physics.forward import measured_region


def test_rings_are_whole_to_the_axes_and_empty_beyond_the_corners() -> None:
    side = 21
    share = measured_share(measured_region(side, 0.5), 20)
    assert share[:9].tolist() == [1] * 9
    corner = math.ceil(10 * 2**0.5)
    between = share[10:corner]
    assert (between < 1).all()
    assert (between[1:] <= between[:-1]).all()
    assert share[corner + 1 :].tolist() == [0] * (len(share) - corner - 1)


@pytest.mark.parametrize("beam", [0.5, 2.5])
@pytest.mark.parametrize("rings", [5, 9, 16])
def test_shares_are_the_naive_ones(beam: float, rings: int) -> None:
    mask = measured_region(13, beam)
    share = measured_share(mask, rings)
    for ring in range(1, rings):
        members = [
            (y, x)
            for y in range(-rings, rings + 1)
            for x in range(-rings, rings + 1)
            if round(math.hypot(y, x)) == ring
        ]
        known = sum(max(abs(y), abs(x)) <= 6 and bool(mask[y + 6, x + 6]) for y, x in members)
        assert float(share[ring - 1]) == pytest.approx(known / len(members))


def test_the_measured_limit_of_a_data_set_is_where_rings_stop_being_whole(
    data: TripletStore,
) -> None:
    limit = measured_limit(data.experiment)
    share = measured_share(torch.from_numpy(data.read("measured")), limit.rings)
    whole = limit.frequency_per_angstrom <= 1 / limit.axis_angstrom * (1 + 1e-9)
    assert len(share) == len(whole)
    # A ring is one sample wide, so the outermost whole one is whole to its middle.
    assert (share[whole][:-1] == 1).all()
    assert share[whole][-1] > 0.9
    assert (share[~whole] < 1).all()
