"""One made-up field, its image and its picks, for all tests of the overview image."""

from pathlib import Path

import pytest
from made_up_field import ELECTRON, Field, counts, make_field, optics

from diffragan.acquisition.overview.defocus import Defocus
from diffragan.acquisition.overview.picking import Picks, pick
from diffragan.config.acquisition import AcquisitionSettings, OverviewSettings, ScanSettings
from diffragan.io.overview_image import OverviewImage

PIXEL, DOSE, DEFOCUS = 2.5, 1000.0, 4000.0


@pytest.fixture(scope="session")
def field() -> Field:
    return make_field(576, PIXEL, 24)


@pytest.fixture(scope="session")
def overview(field: Field) -> OverviewImage:
    return OverviewImage(
        Path("overview.mrc"), counts(field, optics(DEFOCUS), DOSE), PIXEL, 1.0, DOSE, ()
    )


@pytest.fixture(scope="session")
def settings() -> AcquisitionSettings:
    return AcquisitionSettings(
        scan=ScanSettings(step_angstrom=50, beam_diameter_angstrom=160, scan_to_detector_deg=20),
        overview=OverviewSettings(scan_to_image_deg=5),
    )


@pytest.fixture(scope="session")
def picks(overview: OverviewImage, settings: AcquisitionSettings) -> Picks:
    lens = Defocus(DEFOCUS, 10, 0, 0, True, None)
    return pick(overview, lens, settings.overview, ELECTRON)
