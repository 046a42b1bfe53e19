"""Which molecules a beam lights."""

import numpy as np
import pytest
from small_scan import SETTINGS, picks_at, registration_of_scan

from diffragan.acquisition.agreement import Evidence, evidence_of
from diffragan.acquisition.overview.matching import Reason, match

BEAM, RADIUS = 50.0, 20.0


@pytest.mark.parametrize(
    ("outside", "reason", "evidence"),
    [(0.4, Reason.SEVERAL, Evidence.OTHER), (0.8, Reason.KEPT, Evidence.ONE)],
)
def test_a_neighbour_counts_from_a_tenth_of_it_on(
    outside: float, reason: Reason, evidence: Evidence
) -> None:
    """Its middle lies so many of its radii outside the beam: a fifth of it is lit, or 3 %."""
    registration = registration_of_scan()
    own = registration.positions_angstrom.reshape(-1, 2)[14]
    away = np.array([BEAM + outside * RADIUS, 0.0])
    picks = picks_at(np.stack([own, own + away]))
    assert match(np.array([14]), registration, picks, SETTINGS).reason == (reason,)
    assert evidence_of(registration, picks, 2 * BEAM)[14] == evidence
