"""What can be wrong with a stream of views, found before its first one."""

from collections.abc import Sequence

from diffragan.config.experiment import Experiment
from diffragan.config.stream import StreamSettings
from diffragan.errors import ConfigError, InputError
from diffragan.simulation.conformations import check_populations
from diffragan.simulation.orientations import Size, check_fits
from diffragan.simulation.plan import Plan
from diffragan.simulation.specimen import with_thermal_motion
from diffragan.structures.prepared import PreparedStructure


def check_stream(
    structures: Sequence[PreparedStructure],
    experiment: Experiment,
    settings: StreamSettings,
    seed: int,
    start: int,
    items: int | None,
) -> None:
    """Refuse what no stream can be made of; the arguments are those of `TripletStream`.

    Raises
    ------
    ConfigError : A number cannot be used, or two settings contradict each other.
    InputError : There is no molecule.
    """
    if not structures:
        raise InputError("no structures to simulate; give files that `diffragan prepare` wrote")
    if seed < 0 or start < 0:
        raise ConfigError(f"seed {seed} and start {start}: both must be whole numbers from 0 on")
    if items is not None and items < 1:
        raise ConfigError(f"items is {items}; use 1 or more, or leave it out for an endless stream")
    conformations, weights = experiment.specimen.conformations, settings.weights
    check_populations(conformations, len(structures))
    if weights is not None and len(weights) != len(structures):
        raise ConfigError(
            f"weights has {len(weights)} numbers for {len(structures)} structures; give one each"
        )
    if weights is not None and conformations.populations:
        raise ConfigError(
            "weights and specimen.conformations.populations both say how often a structure is "
            "shown; give one of the two"
        )
    for one in structures:
        with_thermal_motion(one.model, experiment.specimen, one.name)


def check_every_orientation_fits(plan: Plan) -> None:
    """Make sure that every molecule fits however it is turned, as it will be in an endless stream.

    Raises
    ------
    ConfigError : The probe does not hold a molecule.
    InputError : The box or the ice does not hold one.
    """
    experiment = plan.experiment
    experiment.beam.check_probe_holds(max(plan.extents_angstrom))
    check_fits(
        [
            Size(structure.name, extent, extent)
            for structure, extent in zip(plan.structures, plan.extents_angstrom, strict=True)
        ],
        experiment.box_angstrom,
        experiment.specimen.ice_thickness_angstrom,
    )
