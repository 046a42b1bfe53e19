"""Validate a folder that `reconstruct` wrote, and write into it what was found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.chimerax import SCRIPT, write_chimerax_script
from diffragan.io.files import write_json, write_text
from diffragan.io.mrc import read_mrc, write_volume
from diffragan.io.structures import fits_pdb, write_structure
from diffragan.reconstruction.validation.docking import dock
from diffragan.reconstruction.validation.docking_verdict import docking_summary, hand_is_told
from diffragan.reconstruction.validation.gold_standard import GoldStandard, gold_standard
from diffragan.reconstruction.validation.hand import mirror_volume
from diffragan.reconstruction.validation.local_resolution import local_resolution
from diffragan.reconstruction.validation.map_model import map_model_correlation
from diffragan.reconstruction.validation.mask_file import read_mask
from diffragan.reconstruction.validation.masks import soft_mask
from diffragan.reconstruction.validation.model_in_map import ModelInMap, measure_model
from diffragan.reconstruction.validation.residue_model import ResidueModel, read_residue_model
from diffragan.reconstruction.validation.residue_table import residue_table
from diffragan.reconstruction.validation.words import validation_words
from diffragan.typing import Volume

RECORD = "validation.json"
HALVES = ("half1", "half2")
RESULTS = (
    RECORD,
    "mask.mrc",
    "local_resolution.mrc",
    "docked.cif",
    "docked.pdb",
    "residues.csv",
    SCRIPT,
)
PERCENTILES = (5, 25, 50, 75, 95)
"""Of the local resolution."""
BINS = 40
EQUAL_PIXELS = 1e-3


def validate_folder(
    folder: Path,
    model: Path | None = None,
    *,
    mask_file: Path | None = None,
    known_shift_angstrom: Sequence[float] | None = None,
    in_place: bool = False,
    limit_per_angstrom: float | None = None,
    truth: Volume | None = None,
    local: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure the map in a folder, and lay a model into it.

    Writes `validation.json`, `mask.mrc` and `chimerax.cxc`; with half maps `local_resolution.mrc`;
    with a model `docked.pdb`, `docked.cif` and `residues.csv`. Where the mirrored map fits the
    model, the maps of that hand are written as `map_mirrored.mrc` and so on, and everything refers
    to them; `map.mrc` is left as it is, unless `in_place`.

    Parameters
    ----------
    folder : Holds `map.mrc`, and `half1.mrc` and `half2.mrc` where there are half maps.
    model : PDB or mmCIF file.
    mask_file : Mask of the correlations, in the frame and hand of the map that is left in the
        folder; made from the map when not given.
    known_shift_angstrom : All that the model must be moved by along x, y, z, where orientations are
        known and it is that of the data; it is docked when not given.
    in_place : Whether mirrored maps take the place of those that were there.
    limit_per_angstrom : Where the data of the map end; at Nyquist if not given [1/Å].
    truth : `(z, y, x)`, the true potential on the map's grid.
    local : Whether to measure local resolution.
    seed : Of the random phases.

    Returns
    -------
    What `validation.json` holds; `words` in it are sentences to show.

    Raises
    ------
    InputError : A map is missing, damaged, flat or of another size, or the model or the mask
        cannot be used.
    """
    atoms = None if model is None else _placed(read_residue_model(model), known_shift_angstrom)
    maps, grid = _read_maps(folder)
    own_mask = None if mask_file is None else read_mask(mask_file, grid)
    _remove_older_results(folder)
    docking = None
    files = {name: f"{name}.mrc" for name in maps}
    to_dock = atoms is not None and known_shift_angstrom is None
    # A mask that was given is of the hand that docking leaves, so docking goes by one of its own.
    mask = _made_mask(maps, grid) if own_mask is None or to_dock else own_mask
    gold = _gold(maps, grid, mask, seed, limit_per_angstrom)
    finest = None if gold is None else gold.resolution_angstrom
    if atoms is not None and to_dock:
        unmasked = None if gold is None else gold.unmasked
        docking = dock(maps["map"], grid, atoms, resolution_angstrom=finest, fsc_half_maps=unmasked)
        # Where the hand is a guess the model is shown in the map as it is.
        mirrored = docking.mirrored and hand_is_told(docking)
        pose = docking.in_mirrored if mirrored else docking.as_is
        atoms = atoms.moved(pose.rotation, pose.shift)
        if mirrored:
            maps = {name: mirror_volume(volume) for name, volume in maps.items()}
            mask = mirror_volume(mask)
            truth = None if truth is None else mirror_volume(truth)
            if not in_place:
                files = {name: f"{name}_mirrored.mrc" for name in maps}
            for name, volume in maps.items():
                _write(folder / files[name], volume, grid, f"{name}, mirrored through z = 0")
        if own_mask is not None:
            mask, gold = own_mask, _gold(maps, grid, own_mask, seed, limit_per_angstrom)
            finest = None if gold is None else gold.resolution_angstrom
    files["mask"] = "mask.mrc"
    _write(folder / files["mask"], mask, grid, "mask")
    resolved = None
    if local and gold is not None:
        resolved = local_resolution(maps[HALVES[0]], maps[HALVES[1]], grid, mask)
        files["local_resolution"] = "local_resolution.mrc"
        _write(folder / files["local_resolution"], resolved, grid, "local resolution in Angstrom")
    fit = None
    if atoms is not None:
        fit = measure_model(
            maps["map"], grid, atoms, resolution_angstrom=finest, local_resolution=resolved
        )
        files |= _write_model(folder, atoms, fit)
    result: dict[str, Any] = {
        "pixels": grid.pixels,
        "pixel_angstrom": grid.pixel_angstrom,
        "files": files,
        "mask_file": None if mask_file is None else mask_file.name,
        "gold_standard": None if gold is None else gold.summary(),
        "local_resolution": None if resolved is None else _distribution(resolved),
        "docking": None
        if docking is None or atoms is None
        else docking_summary(docking, atoms.name),
        "model": None if atoms is None else atoms.name,
        "truth": None,
        **({} if fit is None else fit.summary()),
    }
    if truth is not None:
        shells = map_model_correlation(maps["map"], grid, truth, mask)
        if limit_per_angstrom is not None:
            shells = shells.within(limit_per_angstrom)
        result["truth"] = shells.summary()
    result["words"] = validation_words(result)
    spread = None if resolved is None else result["local_resolution"]["percentiles_angstrom"]
    limits = None if spread is None else (spread[0], spread[-1])
    write_chimerax_script(folder, files, grid.pixels, limits)
    write_json(folder / RECORD, result)
    return result


def _placed(atoms: ResidueModel, shift_angstrom: Sequence[float] | None) -> ResidueModel:
    """Shift a model; one that need not move comes back untouched."""
    if shift_angstrom is None or not any(shift_angstrom):
        return atoms
    return atoms.moved(np.eye(3), np.array(shift_angstrom))


def _read_maps(folder: Path) -> tuple[dict[str, Volume], Grid]:
    """Read the map and, where both are there, its halves."""
    names = ["map"]
    if all((folder / f"{name}.mrc").exists() for name in HALVES):
        names += HALVES
    maps: dict[str, Volume] = {}
    sampling: dict[str, float] = {}
    for name in names:
        path = folder / f"{name}.mrc"
        values, pixel, kind = read_mrc(path)
        if kind != "volume" or len(set(values.shape)) != 1:
            size = " x ".join(map(str, values.shape))
            raise InputError(f"{path}: a {kind} of {size}; a cubic map is needed")
        maps[name], sampling[name] = torch.from_numpy(values), pixel
    pixel, side = sampling["map"], len(maps["map"])
    for name, volume in maps.items():
        if len(volume) != side or abs(sampling[name] - pixel) > EQUAL_PIXELS * pixel:
            raise InputError(
                f"{folder / name}.mrc: has {len(volume)} voxels of {sampling[name]:.3f} Å along a "
                f"side and map.mrc {side} of {pixel:.3f} Å; reconstruct all of them again"
            )
    return maps, Grid(side, side * pixel)


def _made_mask(maps: Mapping[str, Volume], grid: Grid) -> Volume:
    """Make a mask of the halves' mean, or of the map where there are none."""
    halves = [maps[name] for name in HALVES if name in maps]
    return soft_mask(torch.stack(halves).mean(0) if halves else maps["map"], grid)


def _gold(
    maps: Mapping[str, Volume],
    grid: Grid,
    mask: Volume,
    seed: int,
    limit_per_angstrom: float | None,
) -> GoldStandard | None:
    """Correlate the halves, where there are any, as far as their data reach."""
    halves = [maps[name] for name in HALVES if name in maps]
    if not halves:
        return None
    gold = gold_standard(halves[0], halves[1], grid, mask, seed)
    return gold if limit_per_angstrom is None else gold.within(limit_per_angstrom)


def _remove_older_results(folder: Path) -> None:
    """Leave nothing of another map or model beside what is about to be written."""
    mirrored = [f"{name}_mirrored.mrc" for name in ("map", *HALVES)]
    for name in (*RESULTS, *mirrored):
        (folder / name).unlink(missing_ok=True)


def _write(path: Path, volume: Volume, grid: Grid, label: str) -> None:
    write_volume(path, volume.cpu().numpy(), grid.pixel_angstrom, label)


def _write_model(folder: Path, atoms: ResidueModel, fit: ModelInMap) -> dict[str, str]:
    """Write the model in the map's frame and the table of its residues; return the files' names."""
    write_structure(atoms.structure, folder / "docked.cif")
    if fits_pdb(atoms.structure):
        write_structure(atoms.structure, folder / "docked.pdb")
    write_text(folder / "residues.csv", residue_table(fit))
    return {"model": "docked.cif", "residues": "residues.csv"}


def _distribution(resolved: Volume) -> dict[str, Any]:
    inside = resolved.numpy()[resolved.numpy() > 0]
    counts, edges = (
        np.histogram(inside, BINS) if len(inside) else (np.zeros(BINS), np.arange(BINS + 1))
    )
    found = np.percentile(inside, PERCENTILES).tolist() if len(inside) else []
    return {
        "percentiles": list(PERCENTILES),
        "percentiles_angstrom": found,
        "histogram_edges_angstrom": edges.tolist(),
        "histogram_voxels": counts.tolist(),
    }
