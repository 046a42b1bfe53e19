from typing import Any

import pytest
from pydantic import ValidationError

from diffragan.config.specimen import (
    ConformationSettings,
    OrientationSettings,
    SpecimenSettings,
)


def test_the_default_is_one_molecule_at_rest_in_vacuum() -> None:
    plain = SpecimenSettings()
    assert plain.ice_thickness_angstrom is None
    assert plain.thermal_motion == "none"
    assert plain.configurations == 1
    assert plain.orientations.preferred_axis is None
    assert plain.conformations.populations is None
    assert plain.conformations.mode_amplitude_angstrom == 0


def test_settings_come_back_from_what_a_store_keeps() -> None:
    settings = SpecimenSettings(
        ice_thickness_angstrom=300,
        thermal_motion="frozen_phonons",
        b_factor_a2=20,
        orientations=OrientationSettings(preferred_axis=(0, 0, 1), spread_degrees=15),
        conformations=ConformationSettings(populations=(0.7, 0.3), mode_amplitude_angstrom=1),
    )
    assert SpecimenSettings.model_validate(settings.model_dump(mode="json")) == settings
    plain = SpecimenSettings()
    assert SpecimenSettings.model_validate(plain.model_dump(mode="json")) == plain


def test_what_is_not_given_has_a_value() -> None:
    assert SpecimenSettings(thermal_motion="frozen_phonons").configurations == 16
    assert SpecimenSettings(thermal_motion="b_factors", b_factor_a2=20).configurations == 1
    assert OrientationSettings(preferred_axis=(0, 0, 1), spread_degrees=15).fraction == 1
    assert ConformationSettings(mode_amplitude_angstrom=1).mode_count == 5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ice_thickness_angstrom": 0}, "greater than 0"),
        ({"b_factor_a2": -1, "thermal_motion": "b_factors"}, "greater than or equal to 0"),
        ({"b_factor_a2": 20}, "b_factor_a2 is 20 but thermal_motion is 'none'"),
        ({"thermal_motion": "frozen_phonons", "b_factor_a2": 0}, "do not move"),
        ({"thermal_motion": "b_factors", "phonon_configurations": 4}, "not 'b_factors'"),
        ({"thermal_motion": "hot"}, "'none', 'b_factors' or 'frozen_phonons'"),
        ({"orientations": {"spread_degrees": 5}}, "spread_degrees needs a preferred_axis"),
        ({"orientations": {"preferring_fraction": 1}}, "preferring_fraction needs a preferred"),
        ({"orientations": {"both_sides": True}}, "both_sides needs a preferred_axis"),
        ({"orientations": {"preferred_axis": (0, 0, 1)}}, "needs its spread_degrees"),
        (
            {"orientations": {"preferred_axis": (0, 0, 0), "spread_degrees": 5}},
            "preferred_axis has no length",
        ),
        ({"conformations": {"populations": (1.0,)}}, "two conformations or more"),
        ({"conformations": {"populations": ()}}, "two conformations or more"),
        ({"conformations": {"populations": (1.2, -0.2)}}, "holds -0.2; a share is not negative"),
        ({"conformations": {"populations": (0.7, 0.2)}}, "add up to 0.9; they must add up to 1"),
        ({"conformations": {"modes": 3}}, "modes needs mode_amplitude_angstrom above 0"),
    ],
)
def test_contradictions_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SpecimenSettings.model_validate(settings)
