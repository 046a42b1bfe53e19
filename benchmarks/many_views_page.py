"""Fill docs/results/many-views.md from what runs left: no number typed by hand.

Run: python benchmarks/many_views_page.py --exact DIR ... --counted FILE.json ...
Only blocks whose input is given are made; all others stay as they are. DIR is a folder that
`diffragan reconstruct --method phase-extension` wrote; what GNU time said of it is read from
DIR.time beside it (`/usr/bin/time -v -o DIR.time`). FILE.json is of benchmarks/many_views.py, or of
benchmarks/many_views_dragonfly.py for --dragonfly. The errors of orientations need the data sets
that they are of, by --truth. The table of costs holds the runs that are given, so it stays as it
is unless --cost asks for it.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import many_views_commands as commands
import many_views_tables as tables
from paper_page import filled_or_told, put
from single_image_page import Block, write_figures

from diffragan.errors import InputError
from diffragan.evaluation.many_views.exposure_figure import exposure_figure
from diffragan.evaluation.many_views.merging_figure import MERGED, merging_figure
from diffragan.evaluation.many_views.orientation_errors import Oriented, oriented
from diffragan.evaluation.many_views.orientations_figure import orientations_figure
from diffragan.evaluation.many_views.phasers_figure import phasers_figure
from diffragan.evaluation.many_views.robustness import Robustness, read_robustness
from diffragan.evaluation.many_views.robustness_figure import robustness_figure
from diffragan.evaluation.many_views.runs import Run, read_run
from diffragan.evaluation.many_views.shells_figure import shells_figure
from diffragan.evaluation.many_views.simulated import Simulated, read_simulated
from diffragan.evaluation.page_record import read_metrics_file
from diffragan.evaluation.single_image.evaluations import ALONE, MAIN, Evaluation, Scores
from diffragan.io.files import output_folder, read_json, write_text
from diffragan.io.triplets import TripletStore

PAGE = "many-views.md"
FOLDER = "many-views"
TOGETHER = "many-views"


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that was given."""

    exact: Sequence[Run] = ()
    counted: Sequence[Simulated] = ()
    unknown: Sequence[Oriented] = ()
    turned: Sequence[Simulated] = ()
    control: Sequence[Simulated] = ()
    noise: Sequence[Simulated] = ()
    robustness: Sequence[Robustness] = ()
    single: Sequence[Evaluation] = ()
    dragonfly: Sequence[Mapping[str, Any]] = ()
    cost: bool = False

    @property
    def runs(self) -> list[tuple[str, Run]]:
        """Maps of `reconstruct`, and what each was of."""
        exact = [("exact patterns, known poses", run) for run in self.exact]
        return exact + [(f"poses {one.run.settings['poses']}", one.run) for one in self.unknown]

    @property
    def simulated(self) -> list[tuple[str, Simulated]]:
        """Runs of the benchmark, and what each was of; one given twice counts once."""
        found: dict[str, tuple[str, Simulated]] = {}
        for one in (*self.counted, *self.turned, *self.control, *self.noise):
            dose = "no noise" if one.dose is None else f"{one.patterns:,} x {one.dose:,g} e/Å²"
            poses = f"turned by {one.turned_degrees:g}°" if one.turned_degrees else "known poses"
            found.setdefault(repr((one.run, one.arguments)), (f"{dose}, {poses}", one))
        return list(found.values())


def blocks(inputs: Inputs) -> dict[str, Block]:
    """Make the blocks of all sections whose inputs are there."""
    found = {}
    if inputs.exact:
        figure = {"exact": partial(shells_figure, inputs.exact, "exact patterns, known poses")}
        found["exact"] = Block(
            f"{tables.of_exact(inputs.exact)}\n\n{commands.of_runs(inputs.exact)}", figure
        )
    if inputs.counted:
        exposed = any(one.exposure is not None for one in inputs.counted)
        found["counted"] = Block(
            f"{tables.of_counted(inputs.counted)}\n\n{commands.of_simulated(inputs.counted)}",
            {"exposure": partial(exposure_figure, inputs.counted)} if exposed else {},
        )
    if inputs.unknown:
        runs = [one.run for one in inputs.unknown]
        found["unknown"] = Block(
            f"{tables.of_unknown(inputs.unknown)}\n\n{commands.of_runs(runs)}",
            {"orientations": partial(orientations_figure, inputs.unknown)},
        )
    if inputs.turned:
        found["turned"] = Block(
            f"{tables.of_turned(inputs.turned)}\n\n{commands.of_simulated(inputs.turned)}"
        )
    if inputs.control:
        found["control"] = Block(
            f"{tables.of_control(inputs.control)}\n\n{commands.of_simulated(inputs.control)}"
        )
    if inputs.noise:
        text = f"{tables.of_noise(inputs.noise)}\n\n{commands.of_simulated(inputs.noise)}"
        found["noise"] = Block(text)
    if inputs.robustness:
        texts = [tables.of_robustness(one) for one in inputs.robustness]
        texts.append(commands.of_robustness(inputs.robustness))
        drawn = {
            f"robustness-{one.molecule}": partial(robustness_figure, one)
            for one in inputs.robustness
        }
        found["robustness"] = Block("\n\n".join(texts), drawn)
    if inputs.single:
        found["single"] = _single(inputs.single)
    if inputs.dragonfly:
        found["dragonfly"] = Block(
            f"{tables.of_dragonfly(inputs.dragonfly)}\n\n{commands.of_dragonfly(inputs.dragonfly)}",
            {"dragonfly": partial(merging_figure, inputs.dragonfly)},
        )
    if inputs.cost:
        if not inputs.simulated and all(run.cost is None for _, run in inputs.runs):
            raise InputError("--cost: no run is given whose cost is known; give what left DIR.time")
        found["cost"] = Block(tables.of_cost(inputs.runs, inputs.simulated))
    return found


def _single(evaluations: Sequence[Evaluation]) -> Block:
    texts, figures = [], {}
    for number, evaluation in enumerate(evaluations, 1):
        scores = compared(evaluation)
        texts.append(tables.of_phasers(evaluation, scores))
        figures[f"single-{number}"] = partial(phasers_figure, evaluation, scores)
    return Block("\n\n".join(texts), figures)


def compared(evaluation: Evaluation) -> dict[str, Scores]:
    """Scores of the map's views first, then of the page's single-image method, then of the rest."""
    methods = evaluation.metrics["methods"]
    first = [name for main in (TOGETHER, MAIN) for name in methods if name.startswith(main)]
    scores = {name: methods[name] for name in (*first, *methods)}
    alone = evaluation.scores(ALONE)
    return scores if alone is None else {**scores, ALONE: alone}


def fill(inputs: Inputs, out: Path) -> list[str]:
    """Fill the page in the folder `out`; return the names of the blocks made."""
    page = (out / PAGE).read_text(encoding="utf-8")
    found = blocks(inputs)
    folder = output_folder(out / FOLDER)
    for name, block in found.items():
        shown = write_figures(block, folder)
        page = put(page, name, "\n\n".join(part for part in (shown, block.text) if part))
    write_text(out / PAGE, page)
    return list(found)


def read_inputs(given: argparse.Namespace) -> Inputs:
    """Read all that the command names."""
    stores = [TripletStore(path) for path in given.truth]
    turned, control = _simulated(given.turned), _simulated(given.control)
    _needs(turned, "orientation_degrees", "--turned", "--turned DEGREES")
    _needs(control, "control_wrong", "--control", "--wrong OTHER.zarr")
    noise = _simulated(given.noise)
    _needs(noise, "noise", "--noise", "--noise")
    return Inputs(
        [read_run(folder) for folder in given.exact],
        _simulated(given.counted),
        [oriented(read_run(folder), stores) for folder in given.unknown],
        turned,
        control,
        noise,
        [read_robustness(path) for path in given.robustness],
        [Evaluation(read_metrics_file(path), {}) for path in given.single],
        [_dragonfly(path) for path in given.dragonfly],
        given.cost,
    )


def _simulated(paths: Sequence[Path]) -> list[Simulated]:
    return [one for path in paths for one in read_simulated(path)]


def _needs(runs: Sequence[Simulated], key: str, flag: str, option: str) -> None:
    for one in runs:
        if key not in one.run:
            raise InputError(
                f"{flag}: the run of {one.molecule} has no '{key}'; give many_views.py {option}"
            )


def _dragonfly(path: Path) -> Mapping[str, Any]:
    record = read_json(path)
    missing = [key for key in (*MERGED, "arguments") if key not in record]
    if missing:
        raise InputError(f"{path}: lacks '{missing[0]}'; give a JSON of many_views_dragonfly.py")
    return dict(record)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    folders: dict[str, Any] = {"nargs": "+", "default": [], "type": Path, "metavar": "DIR"}
    files = {**folders, "metavar": "FILE.json"}
    add = parser.add_argument
    add("--exact", help="maps from exact patterns at known poses", **folders)
    add("--counted", help="runs of many_views.py with --patterns and --dose", **files)
    add("--unknown", help="maps with --poses unknown or refine, from counts", **folders)
    add("--truth", help="data sets of --unknown", **{**folders, "metavar": "DATA.zarr"})
    add("--turned", help="runs of many_views.py with --turned", **files)
    add("--control", help="runs of many_views.py with --wrong", **files)
    add("--noise", help="runs of many_views.py with --noise", **files)
    add("--robustness", help="records of many_views_robustness.py", **files)
    add("--single", help="metrics.json of `diffragan evaluate`", **files)
    add("--dragonfly", help="records of many_views_dragonfly.py", **files)
    add("--cost", action="store_true", help="make the table of costs, of the runs given")
    add("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "results")
    arguments = parser.parse_args(words)
    out = arguments.out
    filled_or_told(lambda: (out / PAGE, fill(read_inputs(arguments), out)))


if __name__ == "__main__":
    main()
