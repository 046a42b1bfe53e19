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


@pytest.mark.parametrize(("reaches_out", "kept"), [(0.15, True), (0.2, False)])
def test_a_molecule_is_whole_as_long_as_a_fiftieth_of_it_is_cut_off_at_most(
    reaches_out: float, kept: bool
) -> None:
    registration = registration_of_scan()
    hits = SETTINGS.hits.model_copy(update={"largest_offset_angstrom": None})
    settings = SETTINGS.model_copy(update={"hits": hits})
    own = registration.positions_angstrom.reshape(-1, 2)[14]
    away = np.array([BEAM - RADIUS + reaches_out * RADIUS, 0.0])
    found = match(np.array([14]), registration, picks_at((own + away)[None]), settings)
    assert found.reason == (Reason.KEPT if kept else Reason.OFF_CENTRE,)
