"""Are two experiments the same to a network? If not: what differs, and how to make it the same."""

from operator import attrgetter
from typing import Any

from diffragan.config.beam import BeamSettings, InelasticSettings
from diffragan.config.experiment import Experiment
from diffragan.config.optics import OpticsSettings

SPECIMEN = ("ice_thickness_angstrom", "thermal_motion", "b_factor_a2")
"""Settings of a specimen that change what every view looks like."""
LENS = tuple(OpticsSettings.model_fields)
MATCHED = (
    "energy_kev",
    "box_angstrom",
    "diffraction.max_angle_mrad",
    "diffraction.direct_beam_pixels",
    *(f"{lens}.{key}" for lens in ("high_resolution", "low_resolution") for key in LENS),
    *(f"specimen.{key}" for key in SPECIMEN),
    *(f"beam.{key}" for key in BeamSettings.model_fields),
    *(f"inelastic.{key}" for key in InelasticSettings.model_fields),
    "detector.point_spread_pixels",
    "image_pixels",
    "wave_pixels",
)
"""Settings in which an experiment must be the one a network was trained for."""


def first_difference(wanted: Experiment, given: Experiment) -> tuple[str, Any, Any] | None:
    """Name the first setting that matters and differs, with the wanted and the given value."""
    for name in MATCHED:
        one, other = attrgetter(name)(wanted), attrgetter(name)(given)
        if one != other:
            return name, one, other
    return None


def matching_command(wanted: Experiment, name: str) -> str:
    """Return the command that makes data in which the setting `name` is as wanted."""
    value = attrgetter(name)(wanted)
    command = f"diffragan simulate STRUCTURES --preset {wanted.preset}"
    if name == "box_angstrom":
        return f"`{command} --box-angstrom {value:g} --out NAME.zarr`"
    *outer, key = name.split(".")
    line = f"{key}: {'null' if value is None else value}"
    for group in reversed(outer):
        line = f"{group}: {{{line}}}"
    return f"`{command} --config FILE --out NAME.zarr`, where FILE says `{line}`"
