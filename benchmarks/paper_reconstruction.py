"""The test that reconstructs: maps from phased and from true images, and the model in them."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from paper_place import Place

from diffragan.alignment import align
from diffragan.errors import ConfigError
from diffragan.evaluation.paper.judged import judge_store
from diffragan.evaluation.paper.reconstruction import Chain, FittedMap, draw_reconstructions
from diffragan.evaluation.paper.surface import band_limited
from diffragan.evaluation.style import INK, method_colours
from diffragan.grid import Grid
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.physics.forward import projected_potential_of
from diffragan.progress import track
from diffragan.reconstruction.reconstruct import reconstruct_phased
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.residue_correlation import (
    LEAST_RADIUS_ANGSTROM,
    Voxels,
    residue_correlations,
    residue_sigmas,
    voxels_near,
)
from diffragan.reconstruction.views import Batch
from diffragan.rotations import matrix_from_quaternion
from diffragan.structures.prepared import PreparedStructure, read_prepared_many
from diffragan.structures.residue_ranges import Residue, read_residues

TRUE_IMAGES = "true images"
LABELS = {TRUE_IMAGES: TRUE_IMAGES, "low-resolution": "low-res. image alone"}
MOST_RESULTS = 2
BATCH = 16
HYDROGEN = 1


def run_reconstruction(place: Place) -> None:
    stores = dict(list(place.results.items())[:MOST_RESULTS])
    molecule, structure = _molecule(place)
    data = place.test
    grid, limit = data.experiment.wave_grid, 1 / data.experiment.corner_limit_per_angstrom
    finest = max(limit, 2 * grid.pixel_angstrom)
    truth = true_potential_map(structure.model, grid)
    residues = read_residues(structure.path)
    chain, places = chain_of(structure, residues, grid)
    model_map = band_limited(truth, grid, finest).numpy()
    rows = [i for i in place.items if int(data.read("structure", [i])[0]) == molecule]
    if len(rows) < 2:
        raise ConfigError("half maps need two views or more; give more by --views")
    colours = {TRUE_IMAGES: INK, **method_colours(list(stores))}
    maps = []
    for name in (TRUE_IMAGES, *stores):
        batches = _batches(data, stores.get(name), rows, name)
        found, agreement = reconstruct_phased(
            batches, grid, place.out / "maps" / name.replace(" ", "-"), truth=truth,
            band_limit_per_angstrom=1 / finest,
        )  # fmt: skip
        volume = found.full.numpy()
        maps.append(
            FittedMap(
                LABELS.get(name, f"phased, {name}"),
                colours[name],
                volume,
                agreement,
                residue_correlations(volume, model_map, places),
                residue_sigmas(volume, places),
                found.views,
            )
        )
    caption = (
        f"Maps of {chain.name} ({chain.mass_kda:.1f} kDa) from {len(rows)} views at known "
        "orientations, and the model in them where the truth has it (the paper's Figure 8): from "
        "the true images, and from images that were phased one by one and laid on their truth, as "
        "they are judged. a: surfaces that hold the "
        "same volume. b, c: sections through the middle; atoms of the section in c. d: Fourier "
        "shell correlation with the true potential, dashed between half maps. e: correlation of "
        f"the map with the model's own within {LEAST_RADIUS_ANGSTROM:g} Å of each residue's atoms; "
        "points: residues, line: mean of five. f: mean of the map there, in its standard "
        "deviations, over the residue's distance from the centre of mass: a fall would be density "
        "that is missing at the periphery."
    )
    alt = "; ".join(f"{m.name}: {_angstrom(m)}" for m in maps)
    results = {
        "molecule": chain.name,
        "mass_kda": chain.mass_kda,
        "residues": list(chain.labels),
        "distance_from_centre_angstrom": chain.distance.tolist(),
        "radius_angstrom": LEAST_RADIUS_ANGSTROM,
        "finest_angstrom": finest,
        "maps": {m.name: m.summary() for m in maps},
        "images": {n: judge_store(data, s).of([molecule]).summary() for n, s in stores.items()},
    }
    place.record(
        "reconstruction", "maps from phased and from true images", results,
        {"reconstruction": (draw_reconstructions(maps, chain, grid), caption, alt)},
    )  # fmt: skip


def _angstrom(found: FittedMap) -> str:
    value = found.agreement.resolution_fsc_truth_0p5_angstrom
    return "FSC 0.5 to the end of the data" if value is None else f"FSC 0.5 at {value:.2f} Å"


def _molecule(place: Place) -> tuple[int, PreparedStructure]:
    """Find the molecule whose prepared file was given in the test data."""
    given = read_prepared_many(place.arguments.structures)
    if len(given) != 1:
        raise ConfigError("this test needs --structures: one prepared protein of the test data")
    hashes = [entry["sha256"] for entry in place.test.store.attributes["structures"]]
    if given[0].sha256 not in hashes:
        raise ConfigError(f"{given[0].path}: is not among the proteins of {place.arguments.test}")
    return hashes.index(given[0].sha256), given[0]


def chain_of(
    structure: PreparedStructure, residues: Sequence[Residue], grid: Grid
) -> tuple[Chain, list[Voxels]]:
    """Gather the model without hydrogen, and the voxels around each residue."""
    positions = structure.model.positions.double().numpy()
    numbers = structure.model.atomic_numbers.numpy()
    heavy = numbers != HYDROGEN
    parts = [np.arange(*r.atoms)[heavy[slice(*r.atoms)]] for r in residues]
    distance = np.array([np.linalg.norm(positions[part].mean(0)) for part in parts])
    chain = Chain(
        structure.name, structure.mass_kda, positions[heavy], numbers[heavy],
        [f"{r.name} {r.number}" for r in residues], distance,
    )  # fmt: skip
    return chain, [voxels_near(positions[part], grid, LEAST_RADIUS_ANGSTROM) for part in parts]


def _batches(
    data: TripletStore, phased: PhasedStore | None, items: Sequence[int], name: str
) -> Iterator[Batch]:
    """Projected potentials of the true waves, or of phased ones laid on their truth."""
    row_of = {} if phased is None else {int(i): r for r, i in enumerate(phased.read("source_item"))}
    shown = [item for item in items if phased is None or item in row_of]
    starts = range(0, len(shown), BATCH)
    for start in track(starts, len(starts), f"inserting {name}"):
        some = shown[start : start + BATCH]
        if phased is None:
            waves = torch.from_numpy(data.read("exit_wave", some))
        else:
            rows = [row_of[item] for item in some]
            images, waves = (torch.from_numpy(phased.read(k, rows)) for k in ("image", "wave"))
            true = torch.from_numpy(data.read("high_resolution", some))
            waves = align(images, true).apply(waves)
        turns = torch.from_numpy(matrix_from_quaternion(data.read("orientation", some)))
        shifts = torch.from_numpy(data.read("shift", some))
        yield projected_potential_of(waves, data.experiment.electron), turns, shifts
