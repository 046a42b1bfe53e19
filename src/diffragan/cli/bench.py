"""`diffragan bench`: how accurate and how fast waves are simulated, beside abTEM."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import tyro

if TYPE_CHECKING:
    from diffragan.config.experiment import Experiment
    from diffragan.structures.prepared import PreparedStructure

WHAT = ("simulate",)
AGAINST = ("abtem", "none")
ROWS = {
    "orientations_per_second": "waves of the preset a second, all cores",
    "peak_memory_gib": "peak memory of one process [GiB]",
    "converged_relative_l2_20mrad": "preset's psi_s against a fine one, inside 20 mrad",
    "converged_relative_l2_band": "the same in the whole band",
    "relative_l2_20mrad": "psi_s against abTEM at equal settings, inside 20 mrad",
    "relative_l2_band": "the same in the whole band",
    "diffraction_relative_l2": "pattern to 20 mrad against abTEM's",
    "image_50_relative_l2": "image at 50 Å defocus, contrast to 20 mrad",
    "image_1000_relative_l2": "image at 1,000 Å defocus, contrast to 20 mrad",
    "speedup_equal_settings": "times as fast as abTEM at equal settings",
    "speedup_paper_settings": "times as fast as abTEM at the paper's settings",
}


@dataclass(frozen=True)
class Arguments:
    """Measure how accurate and how fast waves are, beside abTEM at equal and the paper's settings.

    Differences are relative L2, the worst over the orientations. Ours runs one process a core with
    one thread each, as `simulate` does; abTEM transforms on all cores. Atoms are at rest.

    Example: diffragan bench simulate --against abtem --json bench.json
    """

    what: tyro.conf.Positional[str]
    """What to measure: simulate."""
    structure: Path | None = None
    """Prepared structure, or a PDB or mmCIF file that is prepared for this; the villin headpiece
    when left out."""
    json: Path | None = None
    """File for everything that was measured."""
    against: str = "abtem"
    """abtem (an extra), or none for speed and memory alone."""
    preset: str = "paper"
    """Experiment whose waves are timed."""
    box_angstrom: float | None = None
    """Side of the box [Å]; the preset's when left out."""
    orientations: int = 3
    """Random orientations to compare."""
    seed: int = 0
    """Seed of the orientations."""
    equal_sampling_angstrom: float = 0.07
    """Pixels of the comparison at equal settings [Å]."""
    equal_slices_angstrom: float = 2.0
    """Slices of the comparison at equal settings [Å]."""
    equal_states_per_angstrom: float | None = 1.6
    """Highest frequency of the states between which our multislice scatters there [1/Å]; none for
    all, as in abTEM."""
    skip_paper_settings: bool = False
    """Leave out abTEM at 0.05 Å pixels and 0.5 Å slices, which takes a minute."""


def run(arguments: Arguments) -> None:
    """Measure, print a table and write the JSON."""
    from diffragan.errors import ConfigError, OutputError, nearest
    from diffragan.io.files import write_json
    from diffragan.progress import progress_bar
    from diffragan.simulation.abtem_engine import require_abtem
    from diffragan.simulation.benchmark import Bench, run_bench

    if arguments.what not in WHAT:
        raise ConfigError(
            f"there is no benchmark '{arguments.what}'; {nearest(arguments.what, WHAT)}"
        )
    if arguments.against not in AGAINST:
        raise ConfigError(
            f"cannot compare with '{arguments.against}'; {nearest(arguments.against, AGAINST)}"
        )
    if arguments.against == "abtem":
        require_abtem("the comparison", "--against none")
    if arguments.json is not None and not arguments.json.parent.is_dir():
        raise OutputError(f"{arguments.json}: its folder does not exist; create it first")
    bench = Bench(
        structure=_structure(arguments.structure),
        experiment=_experiment(arguments),
        orientations=arguments.orientations,
        seed=arguments.seed,
        equal_sampling_angstrom=arguments.equal_sampling_angstrom,
        equal_slices_angstrom=arguments.equal_slices_angstrom,
        equal_states_per_angstrom=arguments.equal_states_per_angstrom,
        against_abtem=arguments.against == "abtem",
        paper_settings=not arguments.skip_paper_settings,
    )
    with progress_bar(bench.steps(), "measuring") as bar:
        report = run_bench(bench, bar.advance)
    _show(report)
    if arguments.json is not None:
        write_json(arguments.json, report)
        print(f"wrote {arguments.json}")


def _experiment(arguments: Arguments) -> "Experiment":
    from diffragan.config.load import load_experiment

    experiment = load_experiment(arguments.preset, None)
    if arguments.box_angstrom is None:
        return experiment
    return load_experiment(arguments.preset, None, experiment.in_box(arguments.box_angstrom))


def _structure(path: Path | None) -> "PreparedStructure":
    """Read a prepared structure, or prepare what is none."""
    from diffragan.structures.example import villin_path
    from diffragan.structures.prepare import prepare_structure, write_preparation
    from diffragan.structures.prepared import is_prepared, read_prepared

    if path is not None and is_prepared(path):
        return read_prepared(path)
    with TemporaryDirectory() as folder:
        return read_prepared(
            write_preparation(prepare_structure(path or villin_path()), Path(folder))
        )


def _show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    settings, machine = report["settings"], report["machine"]
    table = Table(
        title=f"{settings['structure']}: {settings['atoms']} atoms, {settings['orientations']} "
        f"orientations, preset {settings['preset']}, {machine['cores']} cores of {machine['cpu']}",
        show_header=False,
    )
    for key, meaning in ROWS.items():
        if key in report:
            value = report[key]
            plain = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
            table.add_row(meaning, f"{value:.2%}" if "relative_l2" in key else plain)
    Console(width=100).print(table)
