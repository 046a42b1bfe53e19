"""`diffragan reconstruct`: a 3D map from phased images, or from the patterns of many views."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

if TYPE_CHECKING:
    from diffragan.reconstruction.pipeline import Extras, Reconstruction
    from diffragan.reconstruction.request import Request

OF_PHASE_EXTENSION = (
    "limit_per_angstrom", "start", "start_resolution_angstrom", "mass_kda", "star", "views",
    "pattern_rounds", "keep_all",
)  # fmt: skip

WHOLE = 0.9
"""Share of Fourier space from which on nothing is said of what the views leave out."""


@dataclass(frozen=True)
class Arguments:
    """Make a 3D map of phased images or of many views' patterns, and say how good it is.

    Poses: known (taken as they are), shifts (only where each molecule lies is refined), refine
    (orientations too, near the known ones), unknown (found, from random starts). Writes map.mrc,
    half1.mrc, half2.mrc, mask.mrc, fsc.json, fsc.star, particles.star, validation.json, a script
    for ChimeraX, and with --model the docked model. Several molecules get a folder each. A run
    that was stopped goes on when the same command is given again.

    --method phase-extension needs no phased images: it merges the patterns of a data set in 3D and
    extends the phases of a coarse map of its low-resolution images. It writes prtf.json,
    r_factors.json and left_out.json too.

    Example: diffragan reconstruct phased.zarr --out map

    Example: diffragan reconstruct views.zarr --method phase-extension --out map
    """

    images_of: tyro.conf.Positional[Path]
    """Store that `diffragan phase` wrote, a STAR file with its stack, or a data set."""
    out: Path
    """Folder for the maps."""
    method: Literal["phased-images", "phase-extension"] = "phased-images"
    """What the map is made from: images phased one by one, or patterns merged in 3D."""
    poses: Literal["known", "shifts", "refine", "unknown"] | None = None
    """What is done about orientations and shifts. When left out, shifts of phased images are
    refined where there are 16 or more, and other poses are taken as known."""
    engine: Literal["embedded", "relion"] = "embedded"
    """Who makes the map; relion must be installed (3.1 or later)."""
    images: Literal["phased", "truth", "low-resolution"] = "phased"
    """Of a data set: truth takes the true images, the best that any phasing can give;
    low-resolution the defocused ones, for a coarse map without any pattern."""
    molecule: str | None = None
    """Only this molecule of those in the data."""
    data: Path | None = None
    """Data set with the true molecules; where it was phased from when left out."""
    model: Path | None = None
    """PDB or mmCIF file to dock into the map and to judge it by."""
    mask: Path | None = None
    """MRC file of a mask from 0 to 1 on the map's grid, for the masked correlations; made from the
    map when left out."""
    half_sets: Literal["auto", "alternate", "random", "file"] = "auto"
    """How images are halved; auto takes the file's halves, or every other image."""
    symmetry: str = "C1"
    """C1, Cn or Dn, with the main axis along z."""
    diameter_angstrom: float | None = None
    """Of the molecule [Å]; nine tenths of the box when left out."""
    max_shift_angstrom: float = 7.0
    """Farthest a molecule may lie from the middle of its image [Å]."""
    starts: int = 3
    """Random starts of the embedded engine where nothing is known; of phase extension, runs from
    slightly different coarse maps, whose maps are averaged."""
    iterations: int | None = None
    """Most iterations of a refinement; until nothing changes any more when left out."""
    ranks: int = 3
    """Processes of RELION's refinement."""
    local_resolution: bool = False
    """Measure the local resolution too, which takes a minute or more."""
    limit_per_angstrom: float | None = None
    """Phase extension: highest frequency used of the patterns [1/Å]; their end when left out."""
    start: Path | None = None
    """Phase extension: coarse map to start from; made from the images when left out."""
    start_resolution_angstrom: float | None = None
    """Phase extension: of the coarse map [Å]; where its halves part when made from images."""
    mass_kda: float | None = None
    """Phase extension: of the molecule [kDa]; that of the data set's molecule when left out."""
    star: Path | None = None
    """Phase extension: STAR file with the views' orientations, if not those of the data set."""
    views: int | None = None
    """Phase extension: only so many of the first views."""
    pattern_rounds: int = 0
    """Phase extension: most rounds of refinement against every pattern itself, multiple scattering
    included, after all else. A round takes some 13 ms of a core for each pattern, for the map and
    once more for its halves. It gained nothing on small proteins; worth a trial on large ones."""
    keep_all: bool = False
    """Phase extension: use patterns that fit nothing too."""
    threads: int | None = None
    """Cores to use; all when left out. Any number gives the same maps."""
    page: bool = True
    """Write reconstruction.html, the map and its measures to look at."""
    seed: int = 0
    """Of everything random."""
    device: str = "auto"
    """auto, cpu or cuda."""


def run(arguments: Arguments) -> None:
    """Reconstruct, and print the resolutions."""
    from diffragan.reconstruction.needs import usual_way
    from diffragan.reconstruction.open_source import open_source
    from diffragan.reconstruction.pipeline import reconstruct_all

    if arguments.method == "phase-extension":
        from diffragan.cli.phase_extension import reconstruct_by_phase_extension

        reconstruct_by_phase_extension(arguments, _extras(arguments))
        return
    _check_method(arguments)
    request, extras = _request(arguments), _extras(arguments)
    sets = open_source(
        arguments.images_of,
        images=None if arguments.images == "phased" else arguments.images,
        data=arguments.data,
        molecule=arguments.molecule,
    )
    if arguments.poses is None:
        request = request.model_copy(update={"poses": usual_way(sets, request.engine)})
    for made in reconstruct_all(sets, request, arguments.out, extras):
        for line in _words(made, request):
            print(line)
        if arguments.page:
            from diffragan.evaluation.reconstruction_page import write_reconstruction_page

            write_reconstruction_page(made.folder, made.name)
    print(f"wrote {arguments.out}")


def _check_method(arguments: Arguments) -> None:
    from dataclasses import fields

    from diffragan.errors import ConfigError

    usual = {field.name: field.default for field in fields(arguments)}
    for name in OF_PHASE_EXTENSION:
        if getattr(arguments, name) != usual[name]:
            raise ConfigError(f"--{name.replace('_', '-')} needs --method phase-extension")


def _request(arguments: Arguments) -> "Request":
    from pydantic import ValidationError

    from diffragan.errors import ConfigError
    from diffragan.reconstruction.request import Request

    taken = (
        "poses", "engine", "symmetry", "half_sets", "seed", "starts", "iterations", "ranks",
        "diameter_angstrom", "max_shift_angstrom",
    )  # fmt: skip
    values = {name: getattr(arguments, name) for name in taken}
    values["poses"] = arguments.poses or "known"
    try:
        return Request.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-")
        raise ConfigError(f"--{name} is {first['input']}: {first['msg'].lower()}") from None


def _extras(arguments: Arguments) -> "Extras":
    from diffragan.device import choose_device
    from diffragan.in_order import thread_count
    from diffragan.reconstruction.pipeline import Extras

    return Extras(
        model=arguments.model,
        mask=arguments.mask,
        local_resolution=arguments.local_resolution,
        device=choose_device(arguments.device),
        threads=thread_count(arguments.threads),
    )


def _words(made: "Reconstruction", request: "Request") -> list[str]:
    """Say how good a map is, one line for each thing known of it."""

    def words(angstrom: float | None) -> str:
        return "the end of the data" if angstrom is None else f"{angstrom:.2f} Å"

    found = made.agreement
    line = f"{made.name}: halves agree (FSC 0.143) to {words(found.resolution_fsc_0p143_angstrom)}"
    if found.fsc_truth is not None:
        limit = words(found.resolution_fsc_truth_0p5_angstrom)
        line += f", map and true potential (FSC 0.5) to {limit}"
    lines = [line]
    reached = made.record["coverage"]
    if reached["share_of_fourier_space"] < WHOLE:
        lines.append(
            f"the views reach {reached['share_of_fourier_space']:.0%} of Fourier space at "
            f"{reached['at_angstrom']:.1f} Å; the map is undetermined in the rest"
        )
    if request.poses == "unknown" or "mirrored" in made.record["hand"]:
        lines.append(f"hand: {made.record['hand']}")
    if made.validation is not None:
        # The first tells of the halves in a mask; what the truth says stands above.
        lines += [str(line) for line in made.validation["words"] if "true potential" not in line]
    return lines
