"""Draw the figures of docs/experiment.md: what each experimental effect does to the data.

Run: python benchmarks/effect_figures.py [PREPARED.pdb] [--only NAME ...]; OpenMM's villin headpiece
without a file. Seeds are fixed, so the pictures do not change from run to run.
"""

import argparse
import tempfile
import time
from pathlib import Path

import effects_of_the_beam
import effects_of_the_detector
import effects_of_the_lens
import effects_of_the_specimen
from effects_drawing import save, subject, threads_of_one

from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import PreparedStructure, read_prepared

FOLDER = Path(__file__).parents[1] / "docs" / "images" / "effects"
PARTS = (
    effects_of_the_beam,
    effects_of_the_detector,
    effects_of_the_lens,
    effects_of_the_specimen,
)


def molecule(path: Path | None) -> PreparedStructure:
    if path is not None:
        return read_prepared(path)
    with tempfile.TemporaryDirectory() as folder:
        return read_prepared(write_preparation(prepare_structure(villin_path()), Path(folder)))


def main() -> None:
    draw = {name: function for part in PARTS for name, function in part.DRAW.items()}
    heights = {name: height for part in PARTS for name, height in part.HEIGHTS.items()}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("structure", nargs="?", type=Path, help="what `diffragan prepare` wrote")
    parser.add_argument("--only", nargs="+", choices=sorted(draw), default=list(draw))
    arguments = parser.parse_args()
    threads_of_one()
    began = time.perf_counter()
    of = subject(molecule(arguments.structure))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        save(FOLDER / f"{name}.png", draw[name], of, heights[name])
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
