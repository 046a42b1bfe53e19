"""Fill docs/results/single-image.md from evaluations and a training log: no number typed by hand.

Run: python benchmarks/single_image_page.py --fine EVAL --cell EVAL --dose 100=EVAL ...
EVAL is a folder that `diffragan evaluate` wrote. Only sections whose input is given are made; all
others stay as they are. Predictions are pooled over all evaluations that are given, and only where
--fine or --cell is among them, so that a series made alone does not replace them by fewer views.
--learning names a JSON with a list of {"views": training views seen, "evaluation": EVAL}, whose
paths start at its folder.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import single_image_tables as tables
from paper_page import COLOURS, filled_or_told, put
from PIL import Image

from diffragan.errors import InputError
from diffragan.evaluation.paper.captioned import Captioned
from diffragan.evaluation.paper.column import column_style
from diffragan.evaluation.single_image.conditions import CONDITIONS, Case, series
from diffragan.evaluation.single_image.conditions_figure import conditions_figure
from diffragan.evaluation.single_image.evaluations import Evaluation, read_evaluation
from diffragan.evaluation.single_image.learning import read_learning
from diffragan.evaluation.single_image.learning_figure import Trained, learning_figure
from diffragan.evaluation.single_image.mean_curves import curves_figure
from diffragan.evaluation.single_image.pooled_predictions import predicting, predictions_figure
from diffragan.evaluation.single_image.size_figure import size_figure
from diffragan.evaluation.style import RASTER_DPI
from diffragan.io.files import atomic_path, read_json, write_text

PAGE = "single-image.md"
FOLDER = "single-image"
PAPERS_DEFOCUS = 1000.0
WHOLE = {
    "fine": "Fine sampling",
    "cell": "The paper's cell",
    "headline": "1AUP, fine sampling",
    "headline_best": "1AUP, fine sampling, `--effort best`",
    "headline_cell": "1AUP, the paper's cell",
}
"""Evaluations in the paper's conditions, and their names in captions."""


@dataclass(slots=True)
class Block:
    """What stands between two markers of the page."""

    text: str
    figures: Mapping[str, Callable[[], Captioned]] = field(default_factory=dict)
    """By the name of their file; drawn in the style of a column."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that was given."""

    whole: Mapping[str, Evaluation]
    series: Mapping[str, list[Case]]
    training: Path | None
    trained: Trained
    costs: Sequence[Mapping[str, Any]]

    @property
    def evaluations(self) -> dict[str, Evaluation]:
        """Every evaluation once, by a short name."""
        found = {name.replace("_", " "): e for name, e in self.whole.items()}
        for name, cases in self.series.items():
            for case in cases:
                if not any(case.evaluation is other for other in found.values()):
                    found[f"{name} {case.value:,g}"] = case.evaluation
        return found


def blocks(inputs: Inputs) -> dict[str, Block]:
    """Make the blocks of all sections whose inputs are there."""
    found = {}
    for name, evaluation in inputs.whole.items():
        text = tables.of_methods(evaluation)
        if len(evaluation.proteins) > 1:
            text = f"{text}\n\n{tables.of_proteins(evaluation)}"
        curves = partial(curves_figure, evaluation, WHOLE[name])
        found[name.replace("_", "-")] = Block(text, {f"curves-{name.replace('_', '-')}": curves})
    sized = {WHOLE[n]: inputs.whole[n] for n in ("fine", "cell") if n in inputs.whole}
    if sized:
        found["size"] = Block("", {"size": partial(size_figure, sized)})
        found["control"] = Block(
            "\n\n".join(f"{words}. {tables.of_use(e)}" for words, e in sized.items())
        )
    for name, cases in inputs.series.items():
        text = (
            tables.of_defocus(cases, PAPERS_DEFOCUS)
            if name == "defocus"
            else tables.of_conditions(cases, CONDITIONS[name].words)
        )
        found[name] = Block(text, {name: partial(conditions_figure, name, cases)})
    predicted = predicting(inputs.evaluations)
    if sized and predicted:
        figure = {"predicted": partial(predictions_figure, predicted)}
        found["predicted"] = Block(tables.of_predictions(predicted), figure)
    if inputs.costs:
        found["cost"] = Block(tables.of_cost(inputs.costs))
    if inputs.training is not None:
        learning = read_learning(inputs.training)
        figure = {"learning": partial(learning_figure, learning, inputs.trained)}
        found["learning"] = Block(tables.of_learning(learning, inputs.trained), figure)
    return found


def write_figures(block: Block, folder: Path) -> str:
    """Draw the figures of a block; return what shows them, with captions."""
    shown = []
    for name, draw in block.figures.items():
        with column_style():
            made = draw()
            with atomic_path(folder / f"{name}.png") as beside:
                made.figure.savefig(beside, dpi=RASTER_DPI, metadata={"Software": None})
        with Image.open(folder / f"{name}.png") as full:
            palette = full.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        palette.save(folder / f"{name}.png", optimize=True)
        shown.append(f"![{made.alt}]({folder.name}/{name}.png)\n\n*{made.caption}*")
    return "\n\n".join(shown)


def fill(inputs: Inputs, out: Path) -> list[str]:
    """Fill the page in the folder `out`; return the names of the blocks made."""
    page = (out / PAGE).read_text(encoding="utf-8")
    (out / FOLDER).mkdir(exist_ok=True)
    found = blocks(inputs)
    for name, block in found.items():
        shown = write_figures(block, out / FOLDER)
        page = put(page, name, "\n\n".join(part for part in (shown, block.text) if part))
    write_text(out / PAGE, page)
    return list(found)


def read_inputs(given: argparse.Namespace) -> Inputs:
    """Read all that the command names."""
    whole = {n: read_evaluation(getattr(given, n)) for n in WHOLE if getattr(given, n)}
    base = [whole[name] for name in ("fine", "cell") if name in whole]
    found = {}
    for name in CONDITIONS:
        named = dict(_valued(name, word) for word in getattr(given, name))
        if named:
            read = {value: read_evaluation(folder) for value, folder in named.items()}
            found[name] = series(name, read, base)
    costs = [dict(read_json(path)) for path in given.cost]
    return Inputs(whole, found, given.training, _trained(given.learning), costs)


def _valued(name: str, word: str) -> tuple[float, Path]:
    value, _, folder = word.partition("=")
    try:
        return float(value), Path(folder)
    except ValueError:
        raise InputError(f"--{name} {word}: not VALUE=EVALUATION, as in 1000=evaluation") from None


def _trained(path: Path | None) -> list[tuple[float, Evaluation]]:
    if path is None:
        return []
    try:
        named = [(float(row["views"]), path.parent / row["evaluation"]) for row in read_json(path)]
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f'{path}: not a list of {{"views": number, "evaluation": folder}}; write it so'
        ) from None
    return [(views, read_evaluation(folder)) for views, folder in sorted(named)]


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in WHOLE:
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, metavar="EVAL")
    for name, condition in CONDITIONS.items():
        parser.add_argument(
            f"--{name}", nargs="+", default=[], metavar="VALUE=EVAL", help=condition.words
        )
    parser.add_argument("--training", type=Path, help="training.csv of the network")
    parser.add_argument("--learning", type=Path, help="JSON of evaluations by training views seen")
    parser.add_argument(
        "--cost", type=Path, nargs="+", default=[], help="JSON of single_image_cost.py"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "results")
    arguments = parser.parse_args(words)
    out = arguments.out
    filled_or_told(lambda: (out / PAGE, fill(read_inputs(arguments), out)))


if __name__ == "__main__":
    main()
