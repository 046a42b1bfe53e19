"""`diffragan demo`: the whole way on a small protein, in minutes."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffragan.io.phased import PhasedStore
    from diffragan.io.triplets import TripletStore
    from diffragan.structures.prepared import PreparedStructure

METHODS = ("low-resolution", "hio", "raar", "cgan", "network", "hybrid")
MAPPED_METHOD = "hybrid"
ITERATIONS = 800
HYBRID: dict[str, Any] = {"effort": "normal", "restarts": 2, "iterations": 800}
"""Two restarts are the fewest whose agreement says how far to trust a view; a molecule this small
needs no more iterations, small as its grid is."""
TRAINING_VIEWS = 160
VIEWS = 32
CONTROL_VIEWS = 4
TRAINING_MINUTES = 0.7
ATOMS_OF_VILLIN = 582
ENTRY_LETTERS = 4
"""Of a PDB ID, with which names of prepared entries begin."""
BOX_PER_DIMENSION = 1.3
"""Smallest box side over a molecule's largest dimension."""


@dataclass(frozen=True)
class Arguments:
    """Go the whole way on a small real protein, and write a report to look at.

    Prepares a structure, simulates patterns and noisy images of it, trains the paper's network at a
    small size, phases unseen views by it, by iterations, and by the hybrid of both that comes with
    its weights, judges them with controls, and reconstructs a map. Without a structure it takes the
    villin headpiece that comes with OpenMM and needs no connection.

    Example: diffragan demo --out demo
    """

    structure: str | None = None
    """PDB or mmCIF file, or a PDB ID to download; villin when left out."""
    out: Path = Path("demo")
    """Folder for everything the demo makes; a data set in it is replaced."""
    seed: int = 0
    """Seed of orientations, noise and training."""
    device: str = "auto"
    """auto, cpu or cuda."""


def run(arguments: Arguments) -> None:
    """Run every stage, print a closing table and the paths to look at."""
    from rich.console import Console

    from diffragan.cli.evaluate import closing_table
    from diffragan.device import choose_device
    from diffragan.evaluation.protocol import evaluate
    from diffragan.io.files import output_folder
    from diffragan.io.phased import PhasedStore
    from diffragan.io.triplets import TripletStore
    from diffragan.reconstruction.phased import reconstruct_store

    began = time.monotonic()
    device = choose_device(arguments.device)
    out = output_folder(arguments.out)
    molecule = _prepare(arguments.structure, out)
    training, unseen = _simulate(molecule, out, arguments.seed, device)
    network = _train(training, out / "network", arguments.seed, device)
    stores = {name: _phase(unseen, name, network, out, device) for name in METHODS}
    data, phased = TripletStore(unseen), [PhasedStore(path) for path in stores.values()]
    reconstruct_store(PhasedStore(stores[MAPPED_METHOD]), data.structures(), out / "map")
    metrics = evaluate(data, phased, out / "evaluation", CONTROL_VIEWS, device)
    report = _report(metrics, data, phased, molecule, out)
    console = Console()
    console.print(closing_table(metrics))
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    console.print(
        f"{minutes} min {seconds} s. Look at:\n"
        f"  {report}  (in a browser)\n"
        f"  {out / 'map' / 'map.mrc'}  (ChimeraX, Coot)\n"
        f"  {stores[MAPPED_METHOD].with_suffix('.star')}  (RELION)",
        highlight=False,
        soft_wrap=True,
    )


def _prepare(structure: str | None, out: Path) -> "PreparedStructure":
    from diffragan.cli.prepare import find_structure
    from diffragan.io.files import output_folder
    from diffragan.structures.example import villin_path
    from diffragan.structures.prepare import prepare_structure, write_preparation
    from diffragan.structures.prepared import read_prepared

    folder = output_folder(out / "structure")
    if structure is None:
        # OpenMM calls the file test.pdb; everything downstream carries the name of its file.
        source = output_folder(folder / "source") / "villin.pdb"
        source.write_bytes(villin_path().read_bytes())
    else:
        source = find_structure(structure)
    print(f"preparing {source.name}")
    return read_prepared(write_preparation(prepare_structure(source), folder))


def _simulate(
    molecule: "PreparedStructure", out: Path, seed: int, device: str
) -> tuple[Path, Path]:
    """Make the views to train on and those to phase, at different random orientations."""
    from diffragan.config.load import load_experiment
    from diffragan.simulation.dataset import simulate_dataset

    # A larger molecule gets a box in which its pattern is sampled finely enough. That takes longer
    # for each view, so it gets fewer.
    preset = load_experiment("quick")
    preset_box = preset.box_angstrom
    largest = float(molecule.record["largest_dimension_angstrom"])
    box = max(preset_box, float(ceil(BOX_PER_DIMENSION * largest)))
    cost = (len(molecule.model.positions) / (4 * ATOMS_OF_VILLIN)) ** 0.5 * (box / preset_box) ** 2
    share = min(1.0, 1 / cost)
    paths = out / "training.zarr", out / "views.zarr"
    for path, views, own_seed in zip(
        paths, (TRAINING_VIEWS, VIEWS), (2 * seed + 1, 2 * seed), strict=True
    ):
        wanted = {"orientations": max(8, int(share * views)), **preset.in_box(box)}
        experiment = load_experiment("quick", None, wanted)
        simulate_dataset([molecule], experiment, own_seed, path, device=device)
    return paths


def _train(data: Path, run: Path, seed: int, device: str) -> Path:
    """Train the network anew; an older one of the demo is replaced."""
    from diffragan.config.load import load_training
    from diffragan.errors import OutputError
    from diffragan.io.checkpoints import has_checkpoint
    from diffragan.training.loop import train

    if run.is_dir():
        if not has_checkpoint(run, "last"):
            raise OutputError(
                f"{run}: not a training run, and will not be replaced; choose another --out"
            )
        shutil.rmtree(run)
    settings = load_training("paper-small", None, {"seed": seed})
    train(data, settings, run, device=device, max_minutes=TRAINING_MINUTES)
    return run


def _phase(data: Path, method: str, network: Path, out: Path, device: str) -> Path:
    from diffragan.io.phased import PhasedStore
    from diffragan.io.triplets import TripletStore
    from diffragan.phasing.dataset import phase_dataset
    from diffragan.phasing.foretold import foretold
    from diffragan.phasing.particles import write_particle_stack
    from diffragan.phasing.registry import PHASERS, make_phaser, recorded_settings

    weights = network if PHASERS[method].needs_weights else None
    settings: dict[str, Any] = {"iterations": ITERATIONS} if PHASERS[method].iterates else {}
    if method == "hybrid":
        settings = HYBRID
    phaser = make_phaser(method, settings, weights, device)
    path = phase_dataset(
        TripletStore(data),
        phaser,
        out / f"{method}.zarr",
        method=method,
        settings=recorded_settings(phaser, settings, weights),
        device=device,
    )
    phased = PhasedStore(path)
    write_particle_stack(phased)
    if words := foretold(phased):
        print(f"{method}, {words}")
    return path


def _report(
    metrics: dict[str, Any],
    data: "TripletStore",
    phased: "list[PhasedStore]",
    molecule: "PreparedStructure",
    out: Path,
) -> Path:
    from diffragan.evaluation.figures import draw_figures
    from diffragan.evaluation.report import write_report
    from diffragan.evaluation.sections import read_reconstruction

    folder = out / "evaluation"
    figures = draw_figures(data, phased, metrics, folder, [out / "map"])
    title = f"{molecule.name}: phased single-molecule electron diffraction"
    maps = [read_reconstruction(out / "map")]
    return write_report(metrics, figures, folder, title, _notes(molecule, data), maps)


def _notes(molecule: "PreparedStructure", data: "TripletStore") -> list[str]:
    """Say what a small demo shows and what not."""
    from diffragan.phasing.weights import packaged_weights, read_unrolled

    trained_on = read_unrolled(packaged_weights()).description["molecules"]
    views, box = len(data), data.experiment.box_angstrom
    largest = float(molecule.record["largest_dimension_angstrom"])
    return [
        f"This is a demonstration on simulated data: {views} views of one molecule, "
        f"{molecule.name} ({molecule.mass_kda:.1f} kDa), with noise-free patterns, in vacuum.",
        f"The molecule is {largest:.0f} Å across in a box of {box:.0f} Å, so its pattern is "
        "sampled finely enough to be phased. Small molecules are the easy case, and one that fills "
        "its box is phased less well.",
        f"The paper's network (cgan) was trained for {TRAINING_MINUTES * 60:.0f} seconds on other "
        "orientations of this same molecule. That is a far easier test than the paper's, which "
        "phases proteins the network never saw, and its result says nothing about those.",
        f"The network of hybrid (network: alone, without iterations) came with the program. It was "
        f"trained on {len(trained_on)} proteins, {_seen(molecule.name, trained_on)}.",
        f"The map ({MAPPED_METHOD}) uses the true orientations, which an experiment does not know, "
        f"and {views} views are too few to fill 3D space to the resolution of the images.",
    ]


def _seen(name: str, trained_on: Sequence[str]) -> str:
    """Say whether a network knows a molecule, by the entry that both are named after."""
    entry = name.lower()[:ENTRY_LETTERS]
    if any(other.lower()[:ENTRY_LETTERS] == entry for other in trained_on):
        return "and this is one of them: others it will phase less well"
    return "and this is none of them"
