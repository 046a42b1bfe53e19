"""`diffragan reconstruct --method phase-extension`: a map from patterns of many views."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffragan.cli.reconstruct import Arguments
    from diffragan.reconstruction.many_views.request import PhaseExtensionRequest
    from diffragan.reconstruction.pipeline import Extras, Reconstruction

ALONE = {
    "engine": "the engines take phased images",
    "images": "it takes a data set's patterns",
    "data": "it takes a data set's patterns",
    "half_sets": "its halves are the even and the odd views",
    "symmetry": "it knows no symmetry yet",
    "mask": "its mask is made from the map",
    "max_shift_angstrom": "patterns do not tell of shifts",
    "iterations": "free reflections end it",
    "ranks": "it needs no RELION",
}
"""Options of the other method, and why this one has none of them."""
TAKEN = (
    "poses", "limit_per_angstrom", "start_resolution_angstrom", "mass_kda", "diameter_angstrom",
    "views", "starts", "pattern_rounds", "keep_all", "seed",
)  # fmt: skip


def reconstruct_by_phase_extension(arguments: "Arguments", extras: "Extras") -> None:
    """Merge patterns, extend phases, and print what the maps are worth."""
    from dataclasses import fields

    from diffragan.errors import ConfigError
    from diffragan.reconstruction.many_views.given_poses import views_as_in_star
    from diffragan.reconstruction.many_views.run import reconstruct_views
    from diffragan.reconstruction.many_views.views import open_views

    usual = {field.name: field.default for field in fields(arguments)}
    for name, why in ALONE.items():
        if getattr(arguments, name) != usual[name]:
            raise ConfigError(
                f"--{name.replace('_', '-')} is not for --method phase-extension: {why}"
            )
    request = _request(arguments)
    sets = open_views(
        arguments.images_of, request.limit_per_angstrom, arguments.molecule, request.views
    )
    if arguments.star is not None:
        if len(sets) > 1:
            raise ConfigError(
                f"--star is of one molecule, and the views are of {len(sets)}; name it with "
                "--molecule"
            )
        if request.poses == "unknown":
            raise ConfigError("--star gives poses, and --poses unknown has none; leave one out")
        sets = [views_as_in_star(sets[0], arguments.star)]
    for made in reconstruct_views(sets, request, arguments.out, extras, arguments.start):
        for line in _words(made):
            print(line)
        if arguments.page:
            from diffragan.evaluation.reconstruction_page import write_reconstruction_page

            write_reconstruction_page(made.folder, made.name)
    print(f"wrote {arguments.out}")


def _request(arguments: "Arguments") -> "PhaseExtensionRequest":
    from pydantic import ValidationError

    from diffragan.errors import ConfigError
    from diffragan.reconstruction.many_views.request import PhaseExtensionRequest

    try:
        return PhaseExtensionRequest.model_validate(
            {name: getattr(arguments, name) for name in TAKEN}
            | {"poses": arguments.poses or "known"}
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-")
        reason = first["msg"].lower()
        raise ConfigError(
            f"--{name} is {first['input']}, for --method phase-extension: {reason}"
        ) from None


def _words(made: "Reconstruction") -> list[str]:
    """Say how good a map is, one line for each thing known of it."""
    end = 1 / float(made.record["limit_per_angstrom"])

    def words(angstrom: float | None) -> str:
        # One shell beyond the data a map is empty, which ends no agreement.
        if angstrom is None or angstrom < end * 1.02:
            return f"the end of the data, {end:.2f} Å"
        return f"{angstrom:.2f} Å"

    found, start = made.agreement, made.record["start"]
    limit = words(found.resolution_fsc_0p143_angstrom)
    line = f"{made.name}: halves agree (FSC 0.143) to {limit}"
    if found.fsc_truth is not None:
        limit = words(found.resolution_fsc_truth_0p5_angstrom)
        line += f", map and true potential (FSC 0.5) to {limit}"
    lines = [line, f"R-work {made.record['r_work']:.3f}, R-free {made.record['r_free']:.3f}"]
    if made.record["found_poses"] is not None:
        lines.append(f"hand: {made.record['hand']}")
    if start["halves_share_it"]:
        lines.append(
            f"the halves share their start, so they tell nothing of what is coarser than "
            f"{start['resolution_angstrom']:.1f} Å"
        )
    if not made.record["start_fits"]:
        lines.append(
            "the patterns do not fit this start: it is of another molecule, lies otherwise, or the "
            "patterns tell too little; do not trust the map"
        )
    if made.validation is not None:
        lines += [str(line) for line in made.validation["words"] if "true potential" not in line]
    return lines
