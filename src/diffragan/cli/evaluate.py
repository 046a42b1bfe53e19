"""`diffragan evaluate`: judge phased waves against the truth, with controls, into a report."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

if TYPE_CHECKING:
    from rich.table import Table

    from diffragan.io.observations import ObservationStore


@dataclass(frozen=True)
class Arguments:
    """Judge phased waves against the truth of a simulated data set, and write a report.

    Observations that `ingest` made have no truth: R-factors and predicted resolutions are told.

    Every method is also run again with a wrong pattern, with none, and with a wrong image, which
    must destroy its score if it uses them. Writes report.html, metrics.json, tables and figures.

    Example: diffragan evaluate data.zarr hio.zarr cgan.zarr --out evaluation
    """

    data: tyro.conf.Positional[Path]
    """Data set that was phased."""
    phased: tyro.conf.Positional[tuple[Path, ...]]
    """Stores that `diffragan phase` wrote, or STAR files of images phased by other programs."""
    out: Path
    """Folder for the report."""
    control_views: int = 8
    """Views on which each method is run again with inputs replaced; 0 for none."""
    protocol: Literal["paper", "full"] = "full"
    """paper leaves out the controls that take seconds a view: HIO and RAAR."""
    training_data: Path | None = None
    """Data set the methods were trained on, for the nearest training view and the mean pattern."""
    stack_contrast: Literal["potential", "image"] = "potential"
    """What images of other programs show: projected potentials, the molecule white, or images as
    the data set's high-resolution lens forms them. Their scale does not matter."""
    reconstruction: tuple[Path, ...] = ()
    """Folders that `diffragan reconstruct` wrote, or MRC files, to show as maps."""
    title: str = "Phased electron diffraction, judged against the truth"
    """Heading of the report."""
    device: str = "auto"
    """auto, cpu or cuda."""
    paper_figures: bool = True
    """Draw the paper's Figures 3 to 8 and S1 to S3 for these data into figures/paper."""
    workers: int | None = None
    """Threads that judge; all cores when left out. The result does not depend on it."""


def run(arguments: Arguments) -> None:
    """Evaluate, draw, report, and print the table."""
    from rich.console import Console

    from diffragan.device import choose_device
    from diffragan.errors import ConfigError
    from diffragan.evaluation.figures import draw_figures, find_reconstructions
    from diffragan.evaluation.imported_stack import import_stack, is_stack
    from diffragan.evaluation.paper.of_evaluation import draw_paper_figures
    from diffragan.evaluation.predictions import prediction_words, predicts
    from diffragan.evaluation.protocol import evaluate
    from diffragan.evaluation.report import write_report
    from diffragan.evaluation.sections import read_reconstruction
    from diffragan.io.phased import PhasedStore
    from diffragan.io.triplets import TripletStore, open_data

    if arguments.control_views < 0:
        raise ConfigError(f"--control-views is {arguments.control_views}; use 0 or more")
    if not arguments.phased:
        raise ConfigError("name at least one store that `diffragan phase` wrote")
    device = choose_device(arguments.device)
    data = open_data(arguments.data)
    if not isinstance(data, TripletStore):
        _without_truth(arguments, data, device)
        return
    folder = arguments.out / "imported"
    phased = [
        import_stack(data, path, folder / f"{path.stem}.zarr", arguments.stack_contrast)
        if is_stack(path)
        else PhasedStore(path)
        for path in arguments.phased
    ]
    training = None if arguments.training_data is None else TripletStore(arguments.training_data)
    # Read before the long work, so that a wrong folder is told at once.
    maps = [read_reconstruction(f) for f in find_reconstructions(arguments.reconstruction)]
    metrics = evaluate(
        data,
        phased,
        arguments.out,
        arguments.control_views,
        device,
        protocol=arguments.protocol,
        training=training,
        workers=arguments.workers,
    )
    figures = draw_figures(data, phased, metrics, arguments.out, arguments.reconstruction)
    if arguments.paper_figures:
        draw_paper_figures(
            data, phased, metrics, arguments.out, training=training, maps=maps,
            workers=arguments.workers,
        )  # fmt: skip
    page = write_report(metrics, figures, arguments.out, arguments.title, (), maps)
    Console().print(closing_table(metrics))
    for name, method in metrics["methods"].items():
        if predicts(method):
            print(prediction_words(name, method))
    for words in metrics["warnings"]:
        print(f"warning: {words}")
    print(f"look at {page}, {arguments.out / 'metrics.json'}, {arguments.out / 'figures'}")


def _without_truth(arguments: Arguments, data: "ObservationStore", device: str) -> None:
    """Judge by what was measured, and draw some views."""
    from rich.console import Console

    from diffragan.errors import ConfigError
    from diffragan.evaluation.gallery import draw_gallery
    from diffragan.evaluation.imported_stack import is_stack
    from diffragan.evaluation.observed import evaluate_observed
    from diffragan.io.files import atomic_path, output_folder
    from diffragan.io.phased import PhasedStore

    for path in arguments.phased:
        if is_stack(path):
            raise ConfigError(
                f"{path}: images of other programs are judged against a truth, which observations "
                "have not; name stores that `diffragan phase` wrote"
            )
    if arguments.training_data is not None or arguments.reconstruction:
        raise ConfigError(
            "--training-data and --reconstruction belong to a comparison with the truth, which "
            "observations have not; leave them out"
        )
    phased = [PhasedStore(path) for path in arguments.phased]
    metrics = evaluate_observed(data, phased, arguments.out, device)
    picture = output_folder(arguments.out / "figures") / "gallery.png"
    with atomic_path(picture) as beside:
        draw_gallery(data, phased, metrics).savefig(beside, format="png", dpi=200)
    Console().print(_table_without_truth(metrics))
    for name, method in metrics["methods"].items():
        if words := method.get("foretold"):
            print(f"{name}: {words}")
    print(f"look at {arguments.out / 'metrics.json'}, {arguments.out / 'views.csv'} and {picture}")


def _table_without_truth(metrics: Mapping[str, Any]) -> "Table":
    """Return medians over the views of every method."""
    from math import isnan

    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    caption = "Medians over the views. A wave that is right leaves the R-factor of counting alone."
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=caption, caption_justify="left")
    table.add_column("method", overflow="fold")
    for heading in ("views", "R-factor", "of counting\nalone", "R-free", "foretold"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, method in metrics["methods"].items():
        resolution = method.get("predicted_resolution_median_angstrom")
        medians = (method[f"{n}_median"] for n in ("r_factor", "r_of_counting", "r_free"))
        table.add_row(
            name,
            f"{method['views']}",
            *("-" if isnan(value) else f"{value:.3f}" for value in medians),
            "-" if resolution is None else f"{resolution:.2f} Å",
        )
    return table


def closing_table(metrics: Mapping[str, Any]) -> "Table":
    """Return what `evaluate` found as a table for the terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from diffragan.evaluation.wording import (
        CONTROL_LABELS,
        limit_text,
        resolution_of,
        wrong_diffraction_of,
    )

    caption = f"Resolutions at FRC 0.5. The pattern was {limit_text(metrics)}."
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=caption, caption_justify="left")
    table.add_column("method", overflow="fold")
    for heading in ("image", "wave", "SSIM", "wrong\npattern"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")

    def row(name: str, scores: Mapping[str, Any], control: str, verdict: str, style: str) -> None:
        table.add_row(
            Text(name),
            resolution_of(scores),
            resolution_of(scores, "wave_"),
            f"{scores['ssim_mean']:.3f}",
            control,
            verdict,
            style=style,
        )

    for name, method in metrics["methods"].items():
        row(name, method, wrong_diffraction_of(method), method["verdict"], "")
    table.add_section()
    for name, control in metrics["controls"].items():
        row(CONTROL_LABELS.get(name, name), control, "", "control", "dim")
    return table
