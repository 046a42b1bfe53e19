"""What phasing many views together leaves on disk."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from diffragan.io.files import output_folder, write_json
from diffragan.progress import tell
from diffragan.reconstruction.many_views.agreement import Judge
from diffragan.reconstruction.many_views.extension import CycleRecord, Extended
from diffragan.reconstruction.many_views.pipeline import PhasedTogether
from diffragan.reconstruction.many_views.structure import structure_in
from diffragan.reconstruction.maps import Maps
from diffragan.reconstruction.reconstruct import Agreement, measure_agreement, write_maps
from diffragan.typing import Volume


def write_results(
    result: PhasedTogether,
    folder: Path,
    truth: Volume | None = None,
    record: Mapping[str, Any] | None = None,
    more_factors: Mapping[str, Any] | None = None,
) -> Agreement:
    """Write `map.mrc`, its halves, `fsc.json`, `prtf.json` and `r_factors.json`.

    Parameters
    ----------
    truth : True potential on the grid, origin at n // 2, for simulated data [V].
    record : Kept in `fsc.json`.
    more_factors : Kept in `r_factors.json`.

    Raises
    ------
    OutputError : The folder cannot be written to.
    """
    output_folder(folder)
    maps = as_maps(result)
    agreement = measure_agreement(maps, result.grid, truth, result.merged.limit_per_angstrom)
    kept = {
        "limit_per_angstrom": result.merged.limit_per_angstrom,
        "resolution_fsc_0p5_angstrom": agreement.resolution_fsc_truth_0p5_angstrom,
        **(record or {}),
    }
    write_maps(folder, maps, agreement, result.grid, kept)
    write_json(folder / "prtf.json", prtf_record(result))
    factors = r_factor_record(result)
    if not factors["structure"]["found"]:
        tell(
            f"{folder}: the map foretells reflections it never saw no better than chance (R-free "
            f"{factors['structure']['r_free']:.2f}): these patterns show no structure"
        )
    write_json(folder / "r_factors.json", {**factors, **(more_factors or {})})
    return agreement


def as_maps(result: PhasedTogether) -> Maps:
    """Return maps with their origin at n // 2, as files have them."""
    full, half1, half2 = (
        torch.fft.fftshift(part.volume) for part in (result.full, result.half1, result.half2)
    )
    return Maps(full, half1, half2, result.merged.views)


def prtf_record(result: PhasedTogether) -> dict[str, Any]:
    """Agreement of the phases of several starts; null of a single one."""
    prtf = result.full.prtf
    return {
        "frequency_per_angstrom": _frequencies(result, 0 if prtf is None else len(prtf)),
        "prtf": prtf,
        "starts": len(result.full.runs),
    }


def r_factor_record(result: PhasedTogether) -> dict[str, Any]:
    """R-factors of every cycle, and of the chosen one's shells, for the map and its halves."""
    parts = {"map": result.full, "half1": result.half1, "half2": result.half2}
    shells = len(result.full.runs[0].records[0].r_factors.work_by_shell)
    verdict = structure_in(result.full.volume, Judge(result.merged, result.free))
    return {
        "frequency_per_angstrom": _frequencies(result, shells),
        "structure": {**asdict(verdict), "found": verdict.found},
        **{name: [_run(run) for run in part.runs] for name, part in parts.items()},
    }


def _run(run: Extended) -> dict[str, Any]:
    chosen = run.records[run.chosen].r_factors
    return {
        "chosen": run.chosen,
        "cycles": [_cycle(record) for record in run.records],
        "work_by_shell": chosen.work_by_shell,
        "free_by_shell": chosen.free_by_shell,
    }


def _cycle(record: CycleRecord) -> dict[str, Any]:
    return {
        "iteration": record.iteration,
        "limit_per_angstrom": record.limit_per_angstrom,
        "support_angstrom3": record.support_angstrom3,
        "r_work": record.r_factors.work,
        "r_free": record.r_factors.free,
        "free_gain": record.r_factors.free_gain,
    }


def _frequencies(result: PhasedTogether, shells: int) -> list[float]:
    return [shell / result.grid.box_angstrom for shell in range(shells)]
