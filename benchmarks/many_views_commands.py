"""Commands that made what docs/results/many-views.md shows, from what the runs left."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diffragan.evaluation.many_views.robustness import Robustness
from diffragan.evaluation.many_views.runs import Run
from diffragan.evaluation.many_views.simulated import NONE, Simulated, names_of

FILES = ("data", "wrong", "other", "ice")
"""Arguments that name files; their folders are left out."""
UNTOLD = ("data", "folder", "out")
USUAL = {"turned": "0.0", "starts": "1", "noise": "False"}
"""Values that benchmarks take without being told."""


def block(lines: Iterable[str]) -> str:
    """Set commands, each once, in the order they come."""
    return "```bash\n{}\n```".format("\n".join(dict.fromkeys(lines)))


def of_runs(runs: Sequence[Run]) -> str:
    return block(_of_run(run) for run in runs)


def _of_run(run: Run) -> str:
    inputs, asked = list(run.fsc["provenance"]["inputs"]), dict(run.settings)
    words = [
        "diffragan",
        "reconstruct",
        next((n for n in inputs if n.endswith(".zarr")), "DATA.zarr"),
    ]
    words += ["--method", "phase-extension"]
    for name in ("poses", "limit_per_angstrom", "views", "mass_kda", "diameter_angstrom", "starts",
                 "seed"):  # fmt: skip
        value = asked.get(name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", f"{value}"]
    for flag, ending in (("--star", ".star"), ("--start", ".mrc")):
        for name in inputs:
            words += [flag, name] if name.endswith(ending) else []
    if asked.get("start_resolution_angstrom") is not None:
        words += ["--start-resolution-angstrom", f"{asked['start_resolution_angstrom']}"]
    words += ["--keep-all"] if asked.get("keep_all") else []
    return shlex.join([*words, "--out", run.place.name])


def of_simulated(runs: Sequence[Simulated]) -> str:
    return block(_of_benchmark("many_views.py", one.arguments) for one in runs)


def of_robustness(found: Sequence[Robustness]) -> str:
    return block(_of_benchmark("many_views_robustness.py", one.arguments) for one in found)


def of_dragonfly(records: Sequence[Mapping[str, Any]]) -> str:
    return block(
        f"{_of_benchmark('many_views_dragonfly.py', r['arguments'])} --folder emc" for r in records
    )


def _of_benchmark(script: str, arguments: Mapping[str, str]) -> str:
    words = ["python", f"benchmarks/{script}", *names_of(arguments["data"])]
    for name, value in arguments.items():
        if name in UNTOLD or value in {NONE, USUAL.get(name)}:
            continue
        told = [] if value == "True" else names_of(value) if name in FILES else [value]
        words += [f"--{name.replace('_', '-')}", *told]
    return shlex.join(words)
