"""Defocus from Thon rings."""

from pathlib import Path

import numpy as np
import pytest
from made_up_field import ELECTRON, Field, counts, optics

from diffragan.acquisition.overview.defocus import Defocus, estimate_defocus
from diffragan.config.acquisition import OverviewSettings
from diffragan.errors import InputError
from diffragan.io.overview_image import OverviewImage

PIXEL = 2.5


def estimated(
    field: Field, defocus: float, settings: OverviewSettings, astigmatism: float = 0.0
) -> Defocus:
    lens = optics(defocus, settings.aperture_mrad, astigmatism, 30.0)
    image = OverviewImage(Path("a.mrc"), counts(field, lens, 1000.0), PIXEL, 1.0, 1000.0, ())
    return estimate_defocus(image, settings, ELECTRON)


@pytest.mark.parametrize("defocus", [3000.0, 10_000.0, 30_000.0])
def test_the_defocus_is_found_within_its_error(field: Field, defocus: float) -> None:
    found = estimated(field, defocus, OverviewSettings())
    assert found.determined
    assert found.warning is None
    assert abs(found.defocus_angstrom - defocus) < 5 * found.standard_error_angstrom
    assert abs(found.defocus_angstrom / defocus - 1) < 0.02


def test_few_rings_within_an_aperture_do_not_determine_it(field: Field) -> None:
    found = estimated(field, 1000.0, OverviewSettings(aperture_mrad=5.0))
    assert not found.determined
    assert found.warning is not None
    assert "overview.defocus_angstrom" in found.warning


def test_a_nominal_value_is_a_prior_where_rings_are_few(field: Field) -> None:
    settings = OverviewSettings(aperture_mrad=5.0, defocus_angstrom=1100.0)
    found = estimated(field, 1000.0, settings)
    assert found.determined
    assert abs(found.defocus_angstrom - 1000) < 250


def test_rings_overrule_a_nominal_value_with_a_warning(field: Field) -> None:
    found = estimated(field, 10_000.0, OverviewSettings(defocus_angstrom=5000.0))
    assert abs(found.defocus_angstrom - 10_000) < 100
    assert found.warning is not None
    assert "overview.defocus_angstrom" in found.warning


def test_an_overfocused_nominal_value_gives_the_sign(field: Field) -> None:
    found = estimated(field, -5000.0, OverviewSettings(defocus_angstrom=-5200.0))
    assert abs(found.defocus_angstrom + 5000) < 60


def test_astigmatism_is_found_with_its_direction(field: Field) -> None:
    found = estimated(field, 8000.0, OverviewSettings(), astigmatism=500.0)
    assert abs(found.astigmatism_angstrom - 500) < 80
    assert abs(found.astigmatism_angle_deg - 30) < 8


def test_an_image_of_coarse_pixels_is_refused() -> None:
    electrons = np.random.default_rng(0).poisson(50.0, (128, 128)).astype(np.float32)
    image = OverviewImage(Path("a.mrc"), electrons, 100.0, 1.0, 1.0, ())
    with pytest.raises(InputError, match="rings"):
        estimate_defocus(image, OverviewSettings(), ELECTRON)
