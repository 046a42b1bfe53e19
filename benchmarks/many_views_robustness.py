"""What errors of an experiment do to phase extension: one curve for each kind of error.

Patterns are counted from a simulated data set without noise, after a fault was made in them that
merging does not know of. Each fault has a curve, from none to more than an experiment should have.
Run: python benchmarks/many_views_robustness.py DATA.zarr --other OTHER.zarr --ice ICE.zarr
[--only CURVE ...] [--patterns 8000 --dose 100] [--views 400] [--limit 0.6] [--out robustness.json]
OTHER.zarr holds another molecule simulated alike; ICE.zarr some views of the same one in ice. With
--out, each run is written as it ends, and runs that the file has are not made again.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from many_views import START_NOISE, counted, described, refined, turned_away
from many_views_faults import (
    in_ice,
    mean_of_ice,
    off_centre,
    strangers_among,
    with_strangers,
    without_middle,
    wrong_camera,
)

from diffragan.config.experiment import Experiment
from diffragan.errors import DiffraganError, InputError
from diffragan.grid import Grid
from diffragan.io.files import read_json, write_json
from diffragan.io.machine import cpu_model
from diffragan.reconstruction.many_views.coarse_starts import scaled_to, start_from_images
from diffragan.reconstruction.many_views.likelihood import posterior_intensity
from diffragan.reconstruction.many_views.merging import Merged, merge
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.pipeline import (
    ManyViewsSettings,
    Starts,
    grid_of,
    merge_halves,
    phase_together,
)
from diffragan.reconstruction.many_views.settings import ExtensionSettings
from diffragan.reconstruction.many_views.sorting import sort_patterns
from diffragan.reconstruction.many_views.starts import coarse_map
from diffragan.reconstruction.many_views.views import Views, open_views
from diffragan.reconstruction.truth import true_potential_map
from diffragan.typing import Volume

ORIENTATION_DEGREES = (0.5, 1, 2, 4, 8, 15)
CENTRE_PIXELS = (0, 0.25, 0.5, 1, 2)
MIDDLE_PER_ANGSTROM = (0.02, 0.04, 0.06, 0.1)
STRANGERS = (0.05, 0.1, 0.2, 0.4)
ICE_ANGSTROM = (50, 100, 200, 400)
CAMERA_PERCENT = (0.5, 1, 2, 5)
DEFOCUS_ANGSTROM = (0, 100, 200, 400)

Case = tuple[float, Callable[[], dict[str, Any]]]
"""How large a fault is, and what phases patterns that have it."""


@dataclass(frozen=True, slots=True)
class Study:
    """Patterns without a fault, and how each is phased."""

    views: Views
    patterns: PatternSet
    grid: Grid
    limit: float
    truth: Volume
    start: Volume
    dose: float
    """Of each view, all its patterns together [e/Å2]."""
    seed: int

    def phased(
        self, patterns: PatternSet, *, sort: bool = False, starts: Starts | None = None
    ) -> dict[str, Any]:
        """Count, merge and phase patterns; say how good the map is."""
        if not patterns.counted:
            patterns = counted(patterns, self.dose, self.seed)
        left_out: list[int] = []
        if sort:
            patterns, left_out = self.sorted(patterns)
        return {"left_out": left_out, **self.map_of(patterns, starts)}

    def map_of(self, patterns: PatternSet, starts: Starts | None = None) -> dict[str, Any]:
        """Merge and phase patterns that are counted."""
        settings = ManyViewsSettings(extension=ExtensionSettings(starts=1, seed=self.seed))
        halves = merge_halves(patterns, self.grid, self.limit, settings.scale_rounds)
        mass = self.views.mass_kda
        assert mass is not None  # the molecule is simulated
        result = phase_together(halves, starts or Starts.shared(self.start), mass, settings)
        return described(result, self.truth)

    def sorted(self, patterns: PatternSet) -> tuple[PatternSet, list[int]]:
        """Leave out, of each half apart, what fits nothing."""
        kept: list[int] = []
        for half in patterns.halves():
            merged = merge(half, self.grid, self.limit)
            fitting, _ = sort_patterns(half, merged, posterior_intensity(merged), self.grid)
            kept += fitting.kept
        return patterns.only(sorted(kept)), sorted(set(patterns.kept) - set(kept))


def study_of(arguments: argparse.Namespace) -> Study:
    """Read the data set that all curves are of."""
    limit = arguments.limit
    views = open_views(arguments.data, limit, first=arguments.views)[0]
    if views.model is None or views.diameter_angstrom is None or views.patterns.counted:
        raise InputError(f"{arguments.data}: give simulated data without the noise of counting")
    grid = grid_of(views.patterns.experiment.box_angstrom, views.diameter_angstrom, limit)
    truth = torch.fft.ifftshift(true_potential_map(views.model, grid))
    angstrom = ExtensionSettings().start_angstrom
    start = coarse_map(truth, grid, angstrom, START_NOISE, arguments.seed + 100)
    dose = arguments.dose * arguments.patterns / len(views.patterns)
    return Study(views, views.patterns, grid, limit, truth, start, dose, arguments.seed)


def curves(study: Study, arguments: argparse.Namespace) -> dict[str, list[Case]]:
    """Name every curve with its cases, in the order of their faults."""
    exact, seed = study.patterns, study.seed

    def cases(sizes: Iterable[float], fault: Callable[[float], PatternSet]) -> list[Case]:
        def phased(size: float) -> dict[str, Any]:
            return study.phased(fault(size))

        return [(size, partial(phased, size)) for size in sizes]

    found: dict[str, list[Case]] = {
        "orientation": [(d, partial(_as_turned, study, d)) for d in ORIENTATION_DEGREES],
        "orientation, refined": [(d, partial(_refined, study, d)) for d in ORIENTATION_DEGREES],
        "centring": cases(CENTRE_PIXELS, lambda rms: off_centre(exact, rms, seed)),
        "middle": cases(MIDDLE_PER_ANGSTROM, lambda radius: without_middle(exact, radius)),
        "camera": cases(CAMERA_PERCENT, lambda percent: wrong_camera(exact, percent)),
        "defocus": [(d, partial(_wrong_defocus, study, d)) for d in DEFOCUS_ANGSTROM],
    }
    if arguments.other is not None:
        others = open_views(arguments.other, study.limit)[0].patterns
        found["strangers"] = cases(STRANGERS, lambda share: with_strangers(exact, others, share))
        found["strangers, sorted"] = [
            (share, partial(_sorted, study, others, share)) for share in STRANGERS
        ]
    if arguments.ice is not None:
        wet = open_views(arguments.ice, study.limit)[0].patterns
        thickness = wet.experiment.specimen.ice_thickness_angstrom
        if thickness is None:
            raise InputError(f"{arguments.ice}: its molecules lie in no ice")
        ice = mean_of_ice(exact, wet) / thickness
        for name, told in (("ice", False), ("ice, background known", True)):
            found[name] = cases(ICE_ANGSTROM, partial(in_ice, exact, ice, told=told))
    return found | {"none": [(0, partial(study.phased, exact))]}


def _as_turned(study: Study, degrees: float) -> dict[str, Any]:
    return study.phased(turned_away(study.patterns, degrees, study.seed))


def _refined(study: Study, degrees: float) -> dict[str, Any]:
    patterns = counted(study.patterns, study.dose, study.seed)
    away = turned_away(patterns, degrees, study.seed)
    better, errors = refined(away, patterns.rotations, study.grid, study.limit)
    return {"orientation_degrees": errors, **study.map_of(better)}


def _sorted(study: Study, others: PatternSet, share: float) -> dict[str, Any]:
    strangers = set(strangers_among(study.patterns, share))
    found = study.phased(with_strangers(study.patterns, others, share), sort=True)
    out = set(found["left_out"])
    return {
        **found,
        "strangers_found": len(out & strangers) / max(len(strangers), 1),
        "own_lost": len(out - strangers) / (len(study.patterns) - len(strangers)),
    }


def _wrong_defocus(study: Study, angstrom: float) -> dict[str, Any]:
    """Start from the images, taken for images of another defocus."""
    patterns = counted(study.patterns, study.dose, study.seed)
    believed = replace(patterns, experiment=_with_defocus(patterns.experiment, angstrom))
    halves = believed.halves()
    diameter = study.views.diameter_angstrom
    assert diameter is not None  # the molecule is simulated
    start = start_from_images(study.views, halves, study.grid, diameter)
    merged: Merged = merge(patterns, study.grid, study.limit)
    start = scaled_to(start, merged)
    found = study.map_of(patterns, start.starts)
    return {"start_angstrom": start.resolution_angstrom, **found}


def _with_defocus(experiment: Experiment, more_angstrom: float) -> Experiment:
    lens = experiment.low_resolution
    defocus = lens.defocus_angstrom + more_angstrom
    return experiment.model_copy(
        update={"low_resolution": lens.model_copy(update={"defocus_angstrom": defocus})}
    )


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--other", type=Path, default=None, help="data of another molecule")
    parser.add_argument("--ice", type=Path, default=None, help="the same molecule in ice")
    parser.add_argument("--only", nargs="+", default=None, metavar="CURVE")
    parser.add_argument("--limit", type=float, default=0.6, help="end of the data [1/Å]")
    parser.add_argument("--views", type=int, default=400)
    parser.add_argument("--patterns", type=int, default=8000)
    parser.add_argument("--dose", type=float, default=100.0, help="of each pattern [e/Å2]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args(words)
    torch.set_num_threads(1)
    try:
        run(arguments)
    except DiffraganError as error:
        print(f"many_views_robustness: {error}", file=sys.stderr)
        return 2
    return 0


def run(arguments: argparse.Namespace) -> None:
    """Make all runs that are not there yet."""
    told = {
        name: str(value) for name, value in vars(arguments).items() if name not in ("only", "out")
    }
    record: dict[str, Any] = {"arguments": told, "cpu": cpu_model(), "runs": []}
    out: Path | None = arguments.out
    if out is not None and out.exists():
        record = dict(read_json(out))
        if record.get("arguments") != told:
            raise InputError(f"{out}: was made with other arguments; name another file")
    study = study_of(arguments)
    record |= {"molecule": study.views.name, "mass_kda": study.views.mass_kda}
    every = curves(study, arguments)
    unknown = sorted(set(arguments.only or ()) - set(every))
    if unknown:
        raise InputError(f"no curve '{unknown[0]}'; there are {', '.join(every)}")
    for name in arguments.only or every:
        for size, phase in every[name]:
            if any((one["curve"], one["size"]) == (name, size) for one in record["runs"]):
                continue
            used = time.process_time()
            found = {"curve": name, "size": size, **phase()}
            record["runs"].append({**found, "cpu_s": time.process_time() - used})
            print(json.dumps(record["runs"][-1]), flush=True)
            if out is not None:
                write_json(out, record)


if __name__ == "__main__":
    sys.exit(main())
