"""A ChimeraX command script that opens a map with all that belongs to it.

The script lies beside the files it names: ChimeraX runs it in its own folder.
"""

from collections.abc import Mapping
from pathlib import Path

from diffragan.io.files import write_text

SCRIPT = "chimerax.cxc"
LEVEL_SIGMAS = 3.0
ZONE_ANGSTROM = 3.0
PALETTE = "#30487c:#3f8fc4:#8cc9a1:#f3d25b:#d1495b"
"""From fine to coarse."""
SKY, SAND = "#9fb9d6", "#e8b04a"


def chimerax_script(
    files: Mapping[str, str],
    pixels: int,
    resolution_range_angstrom: tuple[float, float] | None = None,
) -> str:
    """Write the commands: the model in a mesh, the half maps hidden, surfaces by resolution.

    Parameters
    ----------
    files : Names by what they are: `map`, and any of `model`, `half1`, `half2`, `local_resolution`.
    pixels : Side of the maps; voxel n // 2 is the model's origin, whatever a header says.
    resolution_range_angstrom : Finest and coarsest resolution of the colours [Å].
    """
    lines = ["# Open this file in ChimeraX: open chimerax.cxc", "close session"]
    numbers: dict[str, int] = {}
    for what in ("map", "model", "local_resolution", "half1", "half2"):
        if what in files:
            numbers[what] = len(numbers) + 1
            lines.append(f'open "{files[what]}" id {numbers[what]} name {what}')
    middle = pixels // 2
    for what, number in numbers.items():
        if what != "model":
            lines.append(f"volume #{number} originIndex {middle},{middle},{middle} step 1")
        if what in ("half1", "half2"):
            lines.append(f"volume #{number} sdLevel {LEVEL_SIGMAS:g} color {SAND}80")
            lines.append(f"hide #{number} models")
    main = numbers["map"]
    lines += [
        "set bgColor white",
        "lighting soft",
        "graphics silhouettes true",
        f"volume #{main} style surface sdLevel {LEVEL_SIGMAS:g} color {SKY}",
    ]
    if "local_resolution" in numbers:
        number = numbers["local_resolution"]
        lines.append(f"hide #{number} models")
        low, high = resolution_range_angstrom or (0.0, 0.0)
        limits = f" range {low:.2f},{high:.2f}" if high > low else ""
        lines.append(f"color sample #{main} map #{number} palette {PALETTE}{limits} key true")
    if "model" in numbers:
        number = numbers["model"]
        lines += [
            f"hide #{number} cartoons",
            f"show #{number} atoms",
            f"hide #{number} & H",
            f"style #{number} stick",
            f"color #{number} {SAND} target ac",
            f"color #{number} byhetero target a",
            f"transparency #{main} 60",
            f"# The mesh around the model alone: volume zone #{main} nearAtoms #{number} "
            f"range {ZONE_ANGSTROM:g}",
        ]
    lines += [
        "view",
        "# A film of a turn: movie record; turn y 2 180; wait 180; movie encode turn.mp4",
    ]
    return "\n".join(lines) + "\n"


def write_chimerax_script(
    folder: Path,
    files: Mapping[str, str],
    pixels: int,
    resolution_range_angstrom: tuple[float, float] | None = None,
) -> Path:
    """Write `chimerax.cxc` into the folder of the files it opens."""
    path = folder / SCRIPT
    write_text(path, chimerax_script(files, pixels, resolution_range_angstrom))
    return path
