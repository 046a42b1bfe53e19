"""Maps of true and of phased images of the same views, each judged alike: figures and JSON.

Run: python benchmarks/reconstruction_runs.py --data DATA.zarr --phased hybrid=STORE hio=STORE
     --prepared FOLDER --molecules 1aup_A 2end_A --out RUN
FOLDER has NAME.pdb of each molecule as `diffragan prepare` wrote it. True images go in at their
known poses; phased ones, which drift, by --poses: their shifts are then refined against the map's
own projections. RUN/reconstruction.json is what benchmarks/reconstruction_page.py fills the page
from. Maps that are there already are not made again.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from paper_reconstruction import chain_of

from diffragan.device import choose_device
from diffragan.errors import ConfigError, DiffraganError
from diffragan.evaluation.paper.column import column_style
from diffragan.evaluation.paper.reconstruction import FittedMap, draw_reconstructions
from diffragan.evaluation.paper.surface import band_limited
from diffragan.evaluation.style import INK, RASTER_DPI, method_colours
from diffragan.io.files import atomic_path, output_folder, read_json, write_json
from diffragan.io.mrc import read_mrc
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.reconstruction.pipeline import Extras, reconstruct_all
from diffragan.reconstruction.placing import moved
from diffragan.reconstruction.reconstruct import Agreement
from diffragan.reconstruction.request import Request
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.reconstruction.sources.stores import particles_of_store
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.residue_correlation import (
    residue_correlations,
    residue_sigmas,
)
from diffragan.structures.prepared import PreparedStructure, read_prepared
from diffragan.structures.residue_ranges import read_residues

TRUE_IMAGES = "true images"
RECORD = "reconstruction.json"


def sources(given: argparse.Namespace) -> dict[str, list[ParticleSet]]:
    """Particles of the data's true images and of each phased store, by molecule."""
    data = TripletStore(given.data)
    molecules = data.structures()
    found = {TRUE_IMAGES: particles_of_store(data, molecules)}
    for word in given.phased:
        name, _, place = word.partition("=")
        phased = PhasedStore(Path(place or name))
        if phased.source_identity != data.identity:
            raise ConfigError(f"--phased {word}: was phased from other data than {given.data}")
        found[name if place else phased.method] = particles_of_store(phased, molecules)
    return found


def make_map(
    particles: ParticleSet, name: str, model: Path, folder: Path, given: argparse.Namespace
) -> None:
    """Make and validate one map, unless it is there."""
    if (folder / "validation.json").is_file():
        return
    request = Request(
        poses="known" if name == TRUE_IMAGES else given.poses, engine=given.engine, seed=given.seed
    )
    threads, device = os.cpu_count() or 1, choose_device(given.device)
    extras = Extras(model, local_resolution=given.local, device=device, threads=threads)
    reconstruct_all([particles], request, folder, extras)


def read_map(folder: Path) -> tuple[torch.Tensor, Mapping[str, Any], Mapping[str, Any]]:
    volume = torch.from_numpy(read_mrc(folder / "map.mrc")[0])
    return volume, read_json(folder / "fsc.json"), read_json(folder / "validation.json")


def summary(fsc: Mapping[str, Any], validation: Mapping[str, Any]) -> dict[str, Any]:
    """Take the numbers of one map that the page shows."""
    return {
        "views": fsc["views"],
        "poses": fsc["poses"],
        "engine": fsc["engine"],
        "coverage": fsc["coverage"],
        "end_angstrom": 1 / fsc["frequency_per_angstrom"][-1],
        "resolution_fsc_truth_0p5_angstrom": fsc["resolution_fsc_0p5_angstrom"],
        "resolution_fsc_0p143_angstrom": fsc["resolution_fsc_0p143_angstrom"],
        "resolution_corrected_fsc_0p143_angstrom": validation["gold_standard"][
            "resolution_corrected_fsc_0p143_angstrom"
        ],
        "map_model_fsc_0p5_angstrom": validation["map_model"]["resolution_fsc_0p5_angstrom"],
        "q_score": validation["q_score"]["mean"],
        "shifts_moved_angstrom": fsc.get("shifts_moved_angstrom"),
        "map_off_truth_angstrom": fsc["map_off_truth_angstrom"],
    }


def draw(
    molecule: PreparedStructure, folders: Mapping[str, Path], particles: ParticleSet, out: Path
) -> dict[str, str]:
    """Draw all maps of a molecule beside each other; return the figure's record."""
    grid = particles.grid
    chain, places = chain_of(molecule, read_residues(molecule.path), grid)
    finest = 1 / (particles.band_limit_per_angstrom or grid.nyquist_per_angstrom)
    own = band_limited(true_potential_map(molecule.model, grid), grid, finest).numpy()
    colours = {TRUE_IMAGES: INK, **method_colours([n for n in folders if n != TRUE_IMAGES])}
    fitted = []
    for name, folder in folders.items():
        volume, fsc, _ = read_map(folder)
        agreement = Agreement(
            torch.tensor(fsc["frequency_per_angstrom"]),
            torch.tensor(fsc["fsc_half_maps"]),
            fsc["resolution_fsc_0p143_angstrom"],
            torch.tensor(fsc["fsc_truth"]),
            fsc["resolution_fsc_truth_0p5_angstrom"],
        )
        # The model is drawn where it was simulated; images that drifted moved the map off it.
        values = moved(volume, -torch.tensor(fsc["map_off_truth_angstrom"]), grid).numpy()
        label = name if name == TRUE_IMAGES else f"phased, {name}"
        fitted.append(
            FittedMap(
                label, colours[name], values, agreement, residue_correlations(values, own, places),
                residue_sigmas(values, places), fsc["views"],
            )
        )  # fmt: skip
    with column_style():
        figure = draw_reconstructions(fitted, chain, grid)
        with atomic_path(out / f"{molecule.name}.png") as beside:
            figure.savefig(beside, dpi=RASTER_DPI, metadata={"Software": None})
    words = ", ".join(f"{m.name}: {_angstrom(m.agreement)}" for m in fitted)
    return {
        "png": f"{molecule.name}.png",
        "alt": f"{molecule.name}: {words}",
        "caption": (
            f"{molecule.name} ({molecule.mass_kda:.1f} kDa), {fitted[0].views} views. a: surfaces "
            "of equal volume. b, c: sections, with the model in c. d: Fourier shell correlation "
            "with the true potential, dashed between half maps. e, f: fit by residue, along the "
            "chain and over the distance from its centre."
        ),
    }


def _angstrom(found: Agreement) -> str:
    value = found.resolution_fsc_truth_0p5_angstrom
    return "FSC 0.5 to the end of the data" if value is None else f"FSC 0.5 at {value:.2f} Å"


def run(given: argparse.Namespace) -> Path:
    out, by_source = output_folder(given.out), sources(given)
    molecules: list[dict[str, Any]] = []
    for name in given.molecules:
        model = given.prepared / f"{name}.pdb"
        prepared = read_prepared(model)
        folders, rows, drawn = {}, {}, None
        for source, sets in by_source.items():
            particles = next((p for p in sets if p.name == name), None)
            if particles is None:
                raise ConfigError(f"{given.data}: has no views of '{name}' as {source}")
            folder = out / name / source.replace(" ", "-")
            make_map(particles, source, model, folder, given)
            folders[source], drawn = folder, particles
            rows[source] = summary(*read_map(folder)[1:])
        assert drawn is not None
        molecules.append(
            {
                "name": name,
                "mass_kda": prepared.mass_kda,
                "pixels": drawn.grid.pixels,
                "pixel_angstrom": drawn.grid.pixel_angstrom,
                "maps": rows,
                "figure": draw(prepared, folders, drawn, out),
            }
        )
    words = [_without_folders(word) for word in given.words]
    command = " ".join(["python", "benchmarks/reconstruction_runs.py", *words])
    write_json(out / RECORD, {"molecules": molecules, "command": command, "seed": given.seed})
    return out / RECORD


def _without_folders(word: str) -> str:
    """Leave out of a command where files lay on this machine."""
    name, mark, place = word.rpartition("=")
    return f"{name}{mark}{Path(place).name}" if "/" in place else word


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="simulated views")
    add("--phased", nargs="*", default=[], metavar="[NAME=]STORE", help="the same views, phased")
    add("--molecules", nargs="+", required=True, metavar="NAME")
    add("--prepared", type=Path, required=True, help="folder with NAME.pdb of each molecule")
    add("--poses", choices=["known", "shifts"], default="shifts")
    add("--engine", choices=["embedded", "relion"], default="embedded")
    add("--local", action="store_true", help="local resolution too")
    add("--out", type=Path, required=True)
    add("--seed", type=int, default=0)
    add("--device", default="auto")
    given = parser.parse_args(words)
    given.words = sys.argv[1:] if words is None else list(words)
    try:
        print(f"wrote {run(given)}")
    except DiffraganError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
