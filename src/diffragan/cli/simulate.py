"""`diffragan simulate`: diffraction patterns and images of prepared structures."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

if TYPE_CHECKING:
    from diffragan.simulation.cluster import RunningScheduler, SlurmJobs


@dataclass(frozen=True)
class Arguments:
    """Simulate diffraction patterns, low- and high-resolution images of prepared structures.

    Example: diffragan simulate prepared/ --preset quick --orientations 8 --out data.zarr
    """

    structures: tyro.conf.Positional[tuple[Path, ...]]
    """Files that `diffragan prepare` wrote, folders of them, or lists that `split` wrote."""
    out: Path
    """The data set to write, a folder whose name ends in .zarr; with --scan, any new folder."""
    scan: bool = False
    """Simulate a scan over a field of many molecules and its overview image, as a laboratory would
    record them, with the truth beside."""
    format: tuple[str, ...] = ("mib",)
    """With --scan, the formats of its file: mib, tvips, empad or raw."""
    preset: str | None = None
    """Experiment to start from: paper (the default), paper-fine, paper-128, low-dose, ice,
    many-views, large or quick. With --scan: scan (the default) or scan-small."""
    config: Path | None = None
    """YAML file whose settings replace the preset's."""
    orientations: int | None = None
    """Orientations of each structure."""
    box_angstrom: float | None = None
    """Side of the box [Å]; pixels keep their size in a larger one, their number in a smaller."""
    accuracy: float | None = None
    """Relative error of the waves inside the recorded angle, 0.01 for 1 %; chooses sampling and
    slices where the preset or the configuration does not give them."""
    conformations: tuple[float, ...] = ()
    """The structures are conformations of one molecule: the share of each, as 0.7 0.3."""
    seed: int = 0
    """Seed of orientations and noise."""
    engine: str = "torch"
    """torch, or abtem for the reference engine (an extra)."""
    device: str = "auto"
    """auto, cpu or cuda."""
    workers: int | None = None
    """Processes; all cores when left out. The data do not depend on it. With --slurm: how many."""
    scheduler: str | None = None
    """A running Dask scheduler whose workers share this file system, as tcp://HOST:8786."""
    slurm: Path | None = None
    """YAML file with what Slurm jobs ask for; starts --workers workers in such jobs."""
    save_rotated_structures: bool = False
    """Also write every turned molecule as PDB, into a folder beside the data set."""


def run(arguments: Arguments) -> None:
    """Simulate, and say what was made."""
    from diffragan.config.load import load_experiment
    from diffragan.errors import ConfigError, nearest
    from diffragan.io.layout import largest_bytes
    from diffragan.io.store_checks import check_store_target
    from diffragan.io.triplets import KIND, triplet_specs
    from diffragan.simulation.abtem_engine import require_abtem
    from diffragan.simulation.dataset import simulate_dataset
    from diffragan.simulation.triplet import ENGINES
    from diffragan.simulation.workers import memory_bytes, worker_count
    from diffragan.structures.prepared import read_prepared_many

    if arguments.scan:
        _run_scan(arguments)
        return
    if arguments.format != ("mib",):
        raise ConfigError("--format is of scans; give --scan, too, or leave it out")
    cluster = _cluster(arguments)
    wanted: dict[str, Any] = {}
    if arguments.orientations is not None:
        wanted["orientations"] = arguments.orientations
    if arguments.accuracy is not None:
        wanted["numerics"] = {"accuracy": arguments.accuracy}
    if arguments.conformations:
        wanted["specimen"] = {"conformations": {"populations": list(arguments.conformations)}}
    experiment = load_experiment(arguments.preset, arguments.config, wanted)
    if arguments.box_angstrom is not None:
        in_box = experiment.in_box(arguments.box_angstrom)
        numerics = {**wanted.get("numerics", {}), **in_box.pop("numerics", {})}
        wanted |= {**in_box, "numerics": numerics}
        experiment = load_experiment(arguments.preset, arguments.config, wanted)
    if arguments.engine not in ENGINES:
        raise ConfigError(
            f"there is no engine '{arguments.engine}'; {nearest(arguments.engine, ENGINES)}"
        )
    if arguments.engine == "abtem":
        require_abtem()
    device = _device(arguments)
    check_store_target(arguments.out, KIND)
    structures = read_prepared_many(arguments.structures)
    molecules = 1 if experiment.specimen.conformations.populations else len(structures)
    items = molecules * experiment.orientations
    workers = 1
    if device == "cpu" and cluster is None:
        workers = worker_count(arguments.workers, items, experiment)
    specs = triplet_specs(experiment, items, 0)
    megabytes = largest_bytes(specs) / 1e6
    print(
        f"{items} triplets of {', '.join(s.name for s in structures[:5])}"
        f"{' and others' if len(structures) > 5 else ''}: at most {megabytes:.0f} MB on disk, "
        f"about {workers * memory_bytes(experiment) / 1e9:.1f} GB of memory"
        f"{' for each thread of a worker' if cluster else ''}"
    )
    folder = None
    if arguments.save_rotated_structures:
        folder = arguments.out.with_name(arguments.out.stem + "_rotated")
    simulate_dataset(
        structures,
        experiment,
        arguments.seed,
        arguments.out,
        engine=arguments.engine,
        device=device,
        workers=arguments.workers,
        cluster=cluster,
        rotated_folder=folder,
    )
    print(f"wrote {arguments.out}")


def _run_scan(arguments: Arguments) -> None:
    """Make a whole experiment; refuse options that are of single molecules."""
    from diffragan.cli.simulate_scan import make_experiment
    from diffragan.errors import ConfigError

    others = {
        "orientations": arguments.orientations,
        "box-angstrom": arguments.box_angstrom,
        "accuracy": arguments.accuracy,
        "conformations": arguments.conformations or None,
        "scheduler": arguments.scheduler,
        "slurm": arguments.slurm,
        "save-rotated-structures": arguments.save_rotated_structures or None,
        "engine": None if arguments.engine == "torch" else arguments.engine,
        "device": None if arguments.device in ("auto", "cpu") else arguments.device,
    }
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise ConfigError(f"--{given[0]} does not go with --scan; leave it out")
    make_experiment(
        arguments.structures,
        arguments.out,
        arguments.preset,
        arguments.config,
        arguments.seed,
        arguments.format,
        arguments.workers,
    )


def _cluster(arguments: Arguments) -> "RunningScheduler | SlurmJobs | None":
    """Where else than on this machine the workers are, if anywhere."""
    from diffragan.config.load import load_slurm
    from diffragan.errors import ConfigError
    from diffragan.simulation.cluster import RunningScheduler, SlurmJobs

    if arguments.scheduler is None and arguments.slurm is None:
        return None
    if arguments.scheduler is not None and arguments.slurm is not None:
        raise ConfigError("--scheduler and --slurm exclude each other; give one of them")
    if arguments.scheduler is not None:
        if arguments.workers is not None:
            raise ConfigError(
                "the workers of a running scheduler are there already; leave --workers out"
            )
        return RunningScheduler(arguments.scheduler)
    assert arguments.slurm is not None
    if arguments.workers is None:
        raise ConfigError("--slurm needs to know how many workers; give --workers N, too")
    return SlurmJobs(load_slurm(arguments.slurm), arguments.workers)


def _device(arguments: Arguments) -> str:
    """Return the device to compute on; workers elsewhere compute on their CPU."""
    from diffragan.device import choose_device
    from diffragan.errors import ConfigError

    if arguments.scheduler is None and arguments.slurm is None:
        return choose_device(arguments.device)
    if arguments.device not in ("auto", "cpu"):
        raise ConfigError(
            f"workers on a cluster compute on the CPU, and --device is '{arguments.device}'; leave "
            "one of them out"
        )
    return "cpu"
