"""The paper's tests of its network on our data: figures and JSON, one command each.

Run: python benchmarks/paper_tests.py NAME ... --run RUN --test TEST.zarr --out DIR
RUN is what `diffragan train` wrote, TEST.zarr what `diffragan simulate` made of unseen proteins.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import paper_dose
import paper_new_data
import paper_reconstruction
import paper_training
import paper_unseen
from paper_place import Place

from diffragan.device import choose_device
from diffragan.errors import DiffraganError
from diffragan.evaluation.paper.column import column_style
from diffragan.phasing.registry import PHASERS

TESTS: dict[str, Callable[[Place], None]] = {
    "training": paper_training.run_training,
    "unseen": paper_unseen.run_unseen,
    "views": paper_unseen.run_views,
    "size-and-shape": paper_unseen.run_size_and_shape,
    "pictures": paper_unseen.run_pictures,
    "small": paper_new_data.run_small,
    "stability": paper_new_data.run_stability,
    "defocus": paper_new_data.run_defocus,
    "dose-defocus": paper_dose.run_dose_defocus,
    "reconstruction": paper_reconstruction.run_reconstruction,
    "training-proteins": paper_training.run_training_proteins,
    "patch-size": paper_training.run_patch_size,
}
SMALL_TRAINING = Path(__file__).parents[1] / "configs" / "paper-tests.yaml"


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("names", nargs="+", choices=list(TESTS), metavar="NAME", help=", ".join(TESTS))
    add("--run", type=Path, help="training run of the network")
    add("--test", type=Path, required=True, help="data set of unseen proteins")
    add("--train", type=Path, help="data set the network was trained on")
    add("--validation", type=Path, help="data set to validate small trainings on")
    add("--out", type=Path, required=True, help="folder for figures and JSON")
    add(
        "--phased", nargs="*", default=[], metavar="[NAME=]STORE",
        help="the phased test data, by any method; the network's are phased here when left out",
    )  # fmt: skip
    add("--other-runs", nargs="*", default=[], metavar="NAME=RUN", help="runs to draw beside --run")
    add(
        "--metrics", type=Path, help="metrics.json of `evaluate` on the test data, for its controls"
    )
    add(
        "--views", type=int, help="views of each protein to judge; all, or a few where each is slow"
    )
    add(
        "--structures",
        type=Path,
        nargs="*",
        default=[],
        help="prepared proteins: under 10 kDa, or the one to reconstruct",
    )
    add("--orientations", type=int, default=16, help="views of each protein that is simulated")
    add("--method", default="hio", choices=list(PHASERS), help="what phases changed data")
    add("--iterations", type=int, help="iterations of that method; its own when left out")
    add("--steps", type=int, help="steps of each small training")
    add("--training-config", type=Path, default=SMALL_TRAINING, help="settings of small trainings")
    add("--training-views", type=int, help="views each small training has in all")
    add("--seed", type=int, default=0)
    add("--workers", type=int, help="processes that simulate")
    add("--device", default="auto")
    arguments = parser.parse_args(words)
    arguments.command = ["benchmarks/paper_tests.py", *(sys.argv[1:] if words is None else words)]
    try:
        arguments.device = choose_device(arguments.device)
        place = Place(arguments)
        with column_style():
            for name in arguments.names:
                TESTS[name](place)
    except DiffraganError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
