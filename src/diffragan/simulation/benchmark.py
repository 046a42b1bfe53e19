"""Benchmark of the wave computation: its accuracy and its speed, beside abTEM's."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import ConfigError
from diffragan.fourier import resample
from diffragan.grid import Grid
from diffragan.io.machine import cores, cpu_model
from diffragan.simulation.abtem_engine import abtem_mid_plane_wave, abtem_on_all_cores
from diffragan.simulation.agreement import agreement, spectra_agreement, without_linear_placement
from diffragan.simulation.orientations import (
    check_fits,
    item_generator,
    posed,
    random_pose,
    size_in_poses,
)
from diffragan.simulation.stopwatch import WaveWorkers, race
from diffragan.simulation.wave_task import WaveTask, conventional_task, fine_task, preset_task
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.prepared import PreparedStructure
from diffragan.typing import Waves

PAPER_SAMPLING_ANGSTROM, PAPER_SLICES_ANGSTROM = 0.05, 0.5
"""Settings of the DiffraGAN paper's simulations with abTEM."""
PAPER_TURNS = 2
FINE_BAND_FACTOR, FINE_SLICES_ANGSTROM = 2.5, 0.5
"""How much wider the band of the fine computation is than the preset's, and its slices."""
TURNS = 3
BYTES_PER_GIB = 2**30

Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is benchmarked."""

    structure: PreparedStructure
    experiment: Experiment
    orientations: int = 3
    seed: int = 0
    equal_sampling_angstrom: float = 0.07
    """Pixels of the comparison with abTEM at equal settings [Å]."""
    equal_slices_angstrom: float = 2.0
    equal_states_per_angstrom: float | None = 1.6
    """Highest frequency of the states between which our multislice scatters there [1/Å]; None: all,
    as in abTEM."""
    against_abtem: bool = True
    paper_settings: bool = True
    """Also time abTEM at the paper's settings."""

    def steps(self) -> int:
        """How often `step` is called."""
        races = 2 + (self.equal_states_per_angstrom is not None)
        compared = self.orientations + races * TURNS + PAPER_TURNS * self.paper_settings
        return TURNS + self.orientations + compared * self.against_abtem

    def models(self) -> list[AtomicModel]:
        """Return the molecule at rest in each orientation.

        Raises
        ------
        InputError : It does not fit the box.
        """
        name, at_rest = self.structure.name, replace(self.structure.model, b_factors=None)
        generators = (
            item_generator(self.seed, self.structure.sha256, number)
            for number in range(self.orientations)
        )
        models = [posed(at_rest, random_pose(at_rest, generator)) for generator in generators]
        check_fits([size_in_poses(name, models)], self.experiment.box_angstrom, None)
        return models


@torch.no_grad()
def run_bench(bench: Bench, step: Callable[[], None]) -> Report:
    """Measure everything; differences are the worst over the orientations.

    Parameters
    ----------
    bench : What to measure.
    step : Called when a part of the work is done, `bench.steps()` times.

    Raises
    ------
    ConfigError : The settings cannot be benchmarked.
    InputError : The molecule does not fit the box.
    MissingExtraError : abTEM is wanted and not installed.
    """
    if bench.orientations < 1 or bench.seed < 0:
        raise ConfigError("orientations must be 1 or more, and the seed not negative")
    if min(bench.equal_sampling_angstrom, bench.equal_slices_angstrom) <= 0:
        raise ConfigError("the equal sampling and slices must be above 0 Å")
    if bench.equal_states_per_angstrom is not None and not bench.equal_states_per_angstrom > 0:
        raise ConfigError("the frequency of the equal comparison's states must be above 0 1/Å")
    if bench.experiment.specimen.ice_thickness_angstrom is not None:
        raise ConfigError(
            f"the preset '{bench.experiment.preset}' has ice, and waves are timed for molecules in "
            "vacuum; use another preset"
        )
    models = bench.models()
    tasks = [preset_task(model, bench.experiment) for model in models]
    report: Report = {"details": {}, "settings": _settings(bench, tasks), "machine": _machine()}
    with WaveWorkers(tasks, cores()) as workers:
        seconds = []
        for _ in range(TURNS):
            seconds.append(workers.seconds_per_wave())
            step()
        report["orientations_per_second"] = 1 / median(seconds)
        report["peak_memory_gib"] = workers.peak_memory_bytes() / BYTES_PER_GIB
        _add(report, _convergence(tasks, step))
        if bench.against_abtem:
            _add(report, _equal_settings(bench, models, step))
            if bench.paper_settings:
                _add(report, _paper_settings(tasks, workers, step))
    return report


def _add(report: Report, part: Report) -> None:
    report["details"] |= part.pop("details", {})
    report |= part


def _on(wave: Waves, grid: Grid) -> Waves:
    return resample(wave, grid.pixels)


def _convergence(tasks: Sequence[WaveTask], step: Callable[[], None]) -> Report:
    """Compare the preset's waves with our own fine ones."""
    worst = []
    for task in tasks:
        band = FINE_BAND_FACTOR * task.whole.pixels / (3 * task.whole.box_angstrom)
        fine = fine_task(task, band, min(FINE_SLICES_ANGSTROM, task.slice_thickness_angstrom / 4))
        expected = _on(fine.whole_wave(), task.whole)
        worst.append(spectra_agreement(task.whole_wave(), expected, task.whole, task.electron))
        step()
    angle, band = (max(values) for values in zip(*worst, strict=True))
    return {"converged_relative_l2_20mrad": angle, "converged_relative_l2_band": band}


def _equal_settings(
    bench: Bench, models: Sequence[AtomicModel], step: Callable[[], None]
) -> Report:
    """Compare waves, patterns, images and times with abTEM's at equal sampling and slices."""
    tasks = [_equal_task(bench, model) for model in models]
    full = [replace(task, multiple_scattering_per_angstrom=None) for task in tasks]
    grid, electron = tasks[0].whole, tasks[0].electron

    def theirs(task: WaveTask) -> Waves:
        return abtem_mid_plane_wave(
            task.model, grid, electron, task.slice_thickness_angstrom, grid.pixel_angstrom
        )

    found, explained, narrow = [], [], []
    for task, complete in zip(tasks, full, strict=True):
        ours, expected = task.whole_wave(), theirs(task)
        narrow.append(spectra_agreement(ours, complete.whole_wave(), grid, electron))
        found.append(asdict(agreement(ours, expected, grid, electron)))
        undone = without_linear_placement(expected, grid)
        explained.append(spectra_agreement(ours, undone, grid, electron))
        step()
    worst = {key: max(one[key] for one in found) for key in found[0]}
    turn = _in_turns(tasks)
    with WaveWorkers(tasks, cores()) as workers:
        times = race(workers, lambda: theirs(next(turn)), TURNS, step)
        with abtem_on_all_cores(cores()):
            theirs(tasks[0])  # plans the transforms anew
            tuned = race(workers, lambda: theirs(next(turn)), TURNS, step)
    all_states = times
    if bench.equal_states_per_angstrom is not None:
        with WaveWorkers(full, cores()) as workers:
            all_states = race(workers, lambda: theirs(next(turn)), TURNS, step)
    return {
        "relative_l2_20mrad": worst["angle"],
        "relative_l2_band": worst["band"],
        "diffraction_relative_l2": worst["diffraction"],
        "image_50_relative_l2": worst["image_50"],
        "image_1000_relative_l2": worst["image_1000"],
        "speedup_equal_settings": times.speedup,
        "details": {
            "equal_seconds": times.ours,
            "equal_abtem_seconds": times.theirs,
            "equal_abtem_seconds_all_cores": tuned.theirs,
            "speedup_equal_settings_abtem_all_cores": tuned.speedup,
            "equal_seconds_all_states": all_states.ours,
            "speedup_equal_settings_all_states": all_states.speedup,
            "all_states_relative_l2_20mrad": max(angle for angle, _ in narrow),
            "all_states_relative_l2_band": max(band for _, band in narrow),
            "linear_placement_undone_relative_l2_20mrad": max(angle for angle, _ in explained),
            "linear_placement_undone_relative_l2_band": max(band for _, band in explained),
        },
    }


def _paper_settings(
    tasks: Sequence[WaveTask], workers: WaveWorkers, step: Callable[[], None]
) -> Report:
    """Compare the preset's waves and times with abTEM's at the settings of the paper."""
    whole, electron = tasks[0].whole, tasks[0].electron
    box = whole.box_angstrom
    grid = Grid(round(box / PAPER_SAMPLING_ANGSTROM), box)
    # One slice is enough to plan the transforms.
    abtem_mid_plane_wave(tasks[0].model, grid, electron, 2 * box, grid.pixel_angstrom)
    turn = _in_turns(tasks)
    waves: list[tuple[WaveTask, Waves]] = []

    def theirs() -> None:
        task = next(turn)
        wave = abtem_mid_plane_wave(
            task.model, grid, electron, PAPER_SLICES_ANGSTROM, grid.pixel_angstrom
        )
        waves.append((task, wave))

    times = race(workers, theirs, PAPER_TURNS, step)
    differences = [
        spectra_agreement(task.whole_wave(), _on(wave, whole), whole, electron)
        for task, wave in waves
    ]
    return {
        "speedup_paper_settings": times.speedup,
        "details": {
            "preset_seconds": times.ours,
            "paper_abtem_seconds": times.theirs,
            "converged_abtem_relative_l2_20mrad": max(angle for angle, _ in differences),
            "converged_abtem_relative_l2_band": max(band for _, band in differences),
        },
    }


def _equal_task(bench: Bench, model: AtomicModel) -> WaveTask:
    return conventional_task(
        model,
        bench.experiment,
        bench.equal_sampling_angstrom,
        bench.equal_slices_angstrom,
        bench.equal_states_per_angstrom,
    )


def _in_turns(tasks: Sequence[WaveTask]) -> Iterator[WaveTask]:
    while True:
        yield from tasks


def _settings(bench: Bench, tasks: Sequence[WaveTask]) -> Report:
    experiment, task = bench.experiment, tasks[0]
    equal = _equal_task(bench, tasks[0].model)
    return {
        "structure": bench.structure.name,
        "structure_sha256": bench.structure.sha256,
        "mass_kda": bench.structure.mass_kda,
        "atoms": len(task.model.positions),
        "thermal_motion": "none",
        "orientations": bench.orientations,
        "seed": bench.seed,
        "preset": experiment.preset,
        "accuracy": experiment.numerics.accuracy,
        "energy_kev": experiment.energy_kev,
        "box_angstrom": experiment.box_angstrom,
        "max_angle_mrad": experiment.diffraction.max_angle_mrad,
        "preset_pixels": task.whole.pixels,
        "preset_pixels_computed": task.part.pixels,
        "preset_slice_thickness_angstrom": task.slice_thickness_angstrom,
        "equal_pixels": equal.whole.pixels,
        "equal_pixel_angstrom": equal.whole.pixel_angstrom,
        "equal_pixels_computed": equal.part.pixels,
        "equal_slice_thickness_angstrom": equal.slice_thickness_angstrom,
        "equal_states_per_angstrom": equal.multiple_scattering_per_angstrom,
        "paper_sampling_angstrom": PAPER_SAMPLING_ANGSTROM,
        "paper_slice_thickness_angstrom": PAPER_SLICES_ANGSTROM,
        "fine_band_factor": FINE_BAND_FACTOR,
        "fine_slice_thickness_angstrom": FINE_SLICES_ANGSTROM,
    }


def _machine() -> Report:
    return {
        "cpu": cpu_model(),
        "cores": cores(),
        "our_processes": cores(),
        "our_threads_each": 1,
        "abtem": "as installed; where named so, transforms on all cores",
        "versions": {name: _version(name) for name in ("torch", "numpy", "abtem", "pyfftw")},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
