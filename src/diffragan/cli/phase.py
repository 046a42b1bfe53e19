"""`diffragan phase`: recover the waves of a data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

if TYPE_CHECKING:
    from diffragan.io.observations import ObservationStore
    from diffragan.phasing.registry import MapSource


@dataclass(frozen=True)
class Arguments:
    """Recover the wave of every pattern of a data set by one method.

    Methods: hybrid (a small network finds envelope and first phases, iterations on the measured
    moduli finish them, several times, and what they agree on is kept), network (that network
    alone), low-resolution (the image alone), er, hio, raar (iterations without a network), cgan
    (the paper's network; needs --weights), many-views (a map of all views of a molecule, seen from
    each and refined on its own pattern). Writes the store, and beside it an MRC stack with a RELION
    STAR file. hybrid says of each view which resolution to expect, in both.

    Example: diffragan phase data.zarr --out phased.zarr
    """

    data: tyro.conf.Positional[Path]
    """Data set that `diffragan simulate` wrote."""
    out: Path
    """Store to write, a folder whose name ends in .zarr."""
    method: str = "hybrid"
    """hybrid, network, low-resolution, er, hio, raar, cgan or many-views."""
    weights: Path | None = None
    """Training run of a learned method; hybrid and network have weights of their own."""
    map: Path | None = None
    """Folder of `diffragan reconstruct` with the map that many-views goes by, or a folder of such
    folders by molecule; maps are made by phase extension, beside the store, when left out."""
    effort: str | None = None
    """How much work hybrid spends on each view: quick, normal (when left out) or best."""
    restarts: int | None = None
    """Starts of each view by hybrid; by the effort when left out."""
    iterations: int | None = None
    """Iterations of an iterative method (1500 when left out; of hybrid by the effort)."""
    restraint: float | None = None
    """Pull of the low-resolution image on the phases of an iterative method (0.3 when left out)."""
    free_fraction: float | None = None
    """Share of the measured pixels to keep out of phasing, for R-free; 0.05 is usual."""
    samples: int | None = None
    """Draw each answer so often with dropout, and keep the mean and the spread; cgan only."""
    seed: int | None = None
    """Seed of the samples, or of hybrid's restarts (0 when left out)."""
    views: int | None = None
    """Phase only the first views of the data set."""
    device: str = "auto"
    """auto, cpu or cuda."""


def run(arguments: Arguments) -> None:
    """Phase, and say what was written."""
    from diffragan.device import choose_device
    from diffragan.errors import ConfigError
    from diffragan.io.phased import KIND, PhasedStore
    from diffragan.io.store_checks import check_store_target
    from diffragan.io.triplets import open_data
    from diffragan.phasing.dataset import phase_dataset
    from diffragan.phasing.foretold import foretold
    from diffragan.phasing.free_set import FreeSet, WithholdingPhaser
    from diffragan.phasing.particles import check_particle_names, write_particle_stack
    from diffragan.phasing.registry import make_phaser, recorded_settings, wanted_entry
    from diffragan.reconstruction.phasers import ALL_PHASERS, recorded_maps

    check_store_target(arguments.out, KIND)
    check_particle_names(arguments.out)
    data = open_data(arguments.data)
    draws = arguments.samples is not None or arguments.method == "hybrid"
    if arguments.seed is not None and not draws:
        raise ConfigError("--seed is that of the samples; add --samples, or leave it out")
    wanted = {
        "effort": arguments.effort,
        "restarts": arguments.restarts,
        "iterations": arguments.iterations,
        "restraint": arguments.restraint,
        "samples": arguments.samples,
        "seed": arguments.seed,
    }
    settings = {name: value for name, value in wanted.items() if value is not None}
    device = choose_device(arguments.device)
    if arguments.views is not None and arguments.views < 1:
        raise ConfigError(f"--views is {arguments.views}; use 1 or more")
    count = min(arguments.views or len(data), len(data))
    fraction = arguments.free_fraction
    free = None if fraction is None else FreeSet(fraction)
    wanted_entry(arguments.method, settings, arguments.weights, ALL_PHASERS)  # before long work
    maps = _maps(arguments, data, device)
    phaser = make_phaser(
        arguments.method, settings, arguments.weights, device, maps=maps, phasers=ALL_PHASERS
    )
    recorded = {**recorded_settings(phaser, settings, arguments.weights), **recorded_maps(maps)}
    if free is not None:
        phaser, recorded = WithholdingPhaser(phaser, free), {**recorded, **free.recorded}
    phase_dataset(
        data,
        phaser,
        arguments.out,
        method=arguments.method,
        settings=recorded,
        items=range(count),
        device=device,
        with_spread=arguments.samples is not None,
    )
    phased = PhasedStore(arguments.out)
    stack, star = write_particle_stack(phased)
    print(
        f"wrote {arguments.out}, {stack.name} and {star.name}: {count} "
        f"view{'' if count == 1 else 's'} by {arguments.method}"
        + (f", means of {arguments.samples} samples with their spread" if arguments.samples else "")
    )
    if words := foretold(phased):
        print(words)


def _maps(arguments: Arguments, data: "ObservationStore", device: str) -> "MapSource | None":
    """Find the maps that a method goes by, or make them."""
    from diffragan.errors import ConfigError
    from diffragan.phasing.registry import MapSource
    from diffragan.reconstruction.many_views.own_maps import make_maps, maps_beside
    from diffragan.reconstruction.phasers import ALL_PHASERS

    if not ALL_PHASERS[arguments.method].needs_maps:
        return None if arguments.map is None else MapSource(arguments.map, data)
    if arguments.free_fraction is not None:
        raise ConfigError(
            f"method '{arguments.method}' goes by maps, which have seen all pixels; leave "
            "--free-fraction out"
        )
    folder = arguments.map or make_maps(data, maps_beside(arguments.out), device)
    return MapSource(folder, data)
