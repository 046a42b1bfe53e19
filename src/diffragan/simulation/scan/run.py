"""A whole simulated experiment: its scan, its overview image, and the truth beside them."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from diffragan.config.scan_simulation import ScanSimulation
from diffragan.in_order import in_order, thread_count
from diffragan.io.mrc import write_stack
from diffragan.io.scans.experiment_folder import (
    check_new_folder,
    new_experiment_folder,
    write_acquisition,
)
from diffragan.io.scans.truth import write_truth
from diffragan.io.scans.write import scan_file_name, scan_writer
from diffragan.progress import progress_bar
from diffragan.simulation.scan.classes import LIT_SHARE, SATURATED_SHARE, frame_class
from diffragan.simulation.scan.counts import counted, file_type, in_file, largest_count
from diffragan.simulation.scan.frames import expected_pattern, light
from diffragan.simulation.scan.lattice import image_side
from diffragan.simulation.scan.nominal import nominal_settings
from diffragan.simulation.scan.overview import overview_counts
from diffragan.simulation.scan.scene import Scene, make_scene
from diffragan.simulation.scan.truth_of_scan import truth_of
from diffragan.structures.prepared import PreparedStructure

BLOCK = 16
"""Frames that a thread makes at a time."""
OVERVIEW_NAME = "overview.mrc"
BYTES_PER_IMAGE_PIXEL = 130
"""Memory of the overview image at its peak, for each pixel."""
BASE_BYTES = 0.6e9


@dataclass(frozen=True, slots=True)
class Made:
    """A few frames and what they were."""

    counts: NDArray[np.float64]
    """`(frame, q_y, q_x)`, upright."""
    rows: tuple[dict[str, Any], ...]
    """For each frame, the values of the truth's arrays that only its making tells."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a simulation asks of the machine."""

    memory_bytes: float
    disk_bytes: float


def needs(settings: ScanSimulation, formats: Sequence[str]) -> Needs:
    """Estimate memory and disk of an experiment."""
    frame = settings.camera.pixels**2
    disk = 4.0 * image_side(settings) ** 2 + 8.0 * frame * settings.field.molecules
    for name in formats:
        dtype, _ = file_type(settings.camera, name)
        disk += settings.frames * (frame * dtype.itemsize + 1024)
    memory = BASE_BYTES + BYTES_PER_IMAGE_PIXEL * image_side(settings) ** 2
    return Needs(memory, disk)


def scan_files(folder: Path, formats: Sequence[str]) -> dict[str, Path]:
    """Name the scan's file in each format; some formats end alike, so all but the first say it."""
    stems = ("scan" if number == 0 else f"scan-{name}" for number, name in enumerate(formats))
    return {
        name: folder / scan_file_name(stem, name) for name, stem in zip(formats, stems, strict=True)
    }


@torch.no_grad()
def simulate_scan(
    structures: Sequence[PreparedStructure],
    settings: ScanSimulation,
    seed: int,
    out: Path,
    *,
    formats: Sequence[str] = ("mib",),
    workers: int | None = None,
) -> None:
    """Make a simulated experiment in a new folder.

        scan.FORMAT       the frames, in each format asked for; the second is scan-NAME.FORMAT
        overview.mrc      the image of the field
        experiment.yaml   what a laboratory would know, for `ingest`
        truth.json/.npz   what really was

    The same for any number of workers.

    Parameters
    ----------
    structures : Kinds of molecules, as likely as each other.
    out : The folder; it must not be there yet.
    workers : Threads; all cores when left out.

    Raises
    ------
    ConfigError : A format is not known or cannot hold the frames.
    InputError : The molecules do not fit into the field.
    OutputError : The folder is there already, or the disk too small.
    """
    threads = thread_count(workers)
    check_new_folder(out, int(needs(settings, formats).disk_bytes))
    scene = make_scene(settings, structures, seed, threads)
    with new_experiment_folder(out) as folder:
        rows = _write_frames(scene, seed, folder, formats, threads)
        image = overview_counts(
            scene.instrument, scene.overview, scene.image_lattice, _generator(seed, 3, 0)
        )
        image = image[::-1] if settings.image.flipped_y else image
        write_stack(folder / OVERVIEW_NAME, image[None], settings.image.pixel_angstrom, "overview")
        for number, name in enumerate(formats):
            stem = "experiment" if number == 0 else f"experiment-{name}"
            write_acquisition(folder / f"{stem}.yaml", nominal_settings(settings, name))
        write_truth(folder, truth_of(scene, structures, seed, rows))


def _write_frames(
    scene: Scene, seed: int, folder: Path, formats: Sequence[str], threads: int
) -> list[dict[str, Any]]:
    settings = scene.instrument.settings
    side = settings.camera.pixels
    near = _near_molecules(scene)
    blocks = [
        range(first, min(first + BLOCK, settings.frames))
        for first in range(0, settings.frames, BLOCK)
    ]
    rows: list[dict[str, Any]] = []
    with ExitStack() as open_files, progress_bar(settings.frames, "frames") as bar:
        writers = []
        for name, path in scan_files(folder, formats).items():
            dtype, most = file_type(settings.camera, name)
            writer = open_files.enter_context(
                scan_writer(
                    path, name, settings.path.shape, (side, side), dtype,
                    nominal_settings(settings, name).scan,
                )
            )  # fmt: skip
            writers.append((writer, dtype, most))
        work: Callable[[range], Made] = lambda block: _make(scene, seed, block, near)  # noqa: E731
        for made in in_order(work, blocks, threads):
            for writer, dtype, most in writers:
                writer(in_file(made.counts, settings.camera, dtype, most))
            rows.extend(made.rows)
            bar.advance(len(made.rows))
    return rows


def _generator(seed: int, part: int, number: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, part, number]))


def _near_molecules(scene: Scene) -> list[list[int]]:
    """For each frame, the molecules that may reach into its window."""
    if not scene.placed:
        return [[] for _ in scene.beam]
    lattice = scene.instrument.lattice
    reach = scene.instrument.window_pixels * lattice.pixel_angstrom
    box = max(wave.scattered.box_angstrom for wave in scene.waves)
    tree = cKDTree(np.stack([one.place for one in scene.placed]))
    found = tree.query_ball_point(scene.beam, 0.75 * (reach + box))
    return [sorted(numbers) for numbers in found]


def _make(scene: Scene, seed: int, block: range, near: list[list[int]]) -> Made:
    frames, rows = [], []
    for number in block:
        counts, row = _one(scene, number, near[number], _generator(seed, 2, number))
        frames.append(counts)
        rows.append(row)
    return Made(np.stack(frames), tuple(rows))


def _one(
    scene: Scene, number: int, near: list[int], generator: np.random.Generator
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    instrument, beam = scene.instrument, scene.beam[number]
    lit = light(instrument, scene.field, beam, near)
    y, x = scene.centres[number].tolist()
    pattern = expected_pattern(instrument, lit.wave, (y, x), lit.lost)
    counts = counted(instrument, pattern, float(scene.exposures[number]), generator)
    camera = instrument.settings.camera
    ice, carbon = (lit.weight * lit.window.thickness).sum((-2, -1)).tolist()
    crystalline = float((lit.weight * lit.window.crystalline).sum())
    strongest = int(np.argmax(lit.shares)) if lit.shares else -1
    hit = strongest >= 0 and lit.shares[strongest] >= LIT_SHARE
    molecule = near[strongest] if hit else -1
    full = int((counts >= largest_count(camera)).sum())
    return counts, {
        "frame_class": frame_class(
            saturated=full >= max(2, SATURATED_SHARE * counts.size),
            carbon_angstrom=carbon,
            ice_angstrom=ice,
            crystalline_share=crystalline,
            shares=lit.shares,
            damaged=molecule >= 0 and scene.placed[molecule].damaged,
        ),
        "frame_molecule": molecule,
        "frame_share": lit.shares[strongest] if hit else 0.0,
        "frame_offset": scene.placed[molecule].place - beam if hit else np.zeros(2),
        "frame_lit": sum(share >= LIT_SHARE for share in lit.shares),
        "ice_angstrom": ice,
        "carbon_angstrom": carbon,
        "crystalline_share": crystalline,
        "lost": lit.lost,
    }
