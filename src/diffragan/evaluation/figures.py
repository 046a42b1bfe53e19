"""All figures of an evaluation, as PNG and SVG, each with a caption and a text for the blind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from diffragan.evaluation.curves import draw_frc, shows_bands
from diffragan.evaluation.gallery import draw_gallery
from diffragan.evaluation.paper.column import column_style
from diffragan.evaluation.per_view import draw_per_view
from diffragan.evaluation.predicted_figure import draw_predicted
from diffragan.evaluation.predictions import prediction_words, predicts
from diffragan.evaluation.sections import (
    Reconstruction,
    draw_reconstruction,
    read_reconstruction,
)
from diffragan.evaluation.style import RASTER_DPI, figure_style
from diffragan.evaluation.views import write_views
from diffragan.evaluation.wording import limit_text, resolution_of
from diffragan.io.files import atomic_path, output_folder
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore


@dataclass(frozen=True, slots=True)
class Drawn:
    """One figure on disk."""

    name: str
    """`gallery`, `frc`, `per_view`, `predicted` for each method that predicts, or `map` for each
    reconstruction."""
    png: Path
    svg: Path
    caption: str
    alt: str


def draw_figures(
    data: TripletStore,
    phased: Sequence[PhasedStore],
    metrics: Mapping[str, Any],
    out: Path,
    reconstructions: Sequence[Path] = (),
) -> list[Drawn]:
    """Draw every figure into `out/figures`, and write pictures of views for the page.

    Parameters
    ----------
    phased : The stores that `evaluate` judged, in the same order.
    metrics : What `evaluate` returned.
    reconstructions : Folders that `reconstruct` wrote, or folders of such folders.

    Raises
    ------
    InputError : A reconstruction is incomplete.
    """
    folder = output_folder(out / "figures")
    maps = [read_reconstruction(path) for path in find_reconstructions(reconstructions)]
    best = ", ".join(f"{name} {resolution_of(m)}" for name, m in metrics["methods"].items())
    with figure_style():
        drawn = [
            save(
                draw_gallery(data, phased, metrics),
                folder / "gallery",
                "Some views: the diffraction pattern on a logarithmic scale (the direct beam is "
                "masked), the low-resolution image, what each method recovered, and the truth. "
                "Each picture has its own grey scale, as FRC takes no notice of contrast; below it "
                "the resolution of that view at FRC 0.5.",
                f"Rows of pictures, one row for each view. Mean resolutions: {best}.",
            ),
            save(
                draw_frc(metrics),
                folder / "frc",
                "Fourier ring correlation with the true image, mean over the views"
                f"{', with a band of one standard deviation' if shows_bands(metrics) else ''}. "
                "Dashed: controls; in a method's own colour that method given the wrong pattern.",
                f"Curves of correlation against resolution; {limit_text(metrics)}. They fall below "
                f"0.5 at: {best}.",
            ),
            save(
                draw_per_view(metrics),
                folder / "per_view",
                "Resolution at FRC 0.5 of every single view, the bar at the median. Open triangles "
                "are bounds: up where a curve never falls below 0.5, down where it never rises "
                "above.",
                f"Points for each view and method. Mean curves give: {best}.",
            ),
        ]
    drawn += draw_predictions(data, metrics, out)
    write_views(data, phased, metrics, out)
    return drawn + draw_maps(maps, out)


def draw_predictions(data: TripletStore, metrics: Mapping[str, Any], out: Path) -> list[Drawn]:
    """Draw predicted against true resolution into `out/figures` for every method that predicts."""
    folder = output_folder(out / "figures")
    entries = data.store.attributes["structures"]
    telling = {name: m for name, m in metrics["methods"].items() if predicts(m)}
    drawn = []
    for number, (name, method) in enumerate(telling.items(), start=1):
        owners = data.read("structure", method["items"])
        proteins = [str(entries[int(owner)]["name"]) for owner in owners]
        with column_style():
            figure = draw_predicted(method, proteins)
            words = prediction_words(name, method)
            drawn.append(
                save(
                    figure,
                    folder / ("predicted" if number == 1 else f"predicted_{number}"),
                    f"Resolution of each view as {name} predicted it without the truth, and as it "
                    "is; grey, where it was stated to lie. The line is where both are alike. Views "
                    "in which phasing was said to have failed are open.",
                    f"Points of true over predicted resolution. {words}",
                    "predicted",
                )
            )
    return drawn


def draw_maps(maps: Sequence[Reconstruction], out: Path) -> list[Drawn]:
    """Draw sections and correlations of every map into `out/figures`."""
    folder = output_folder(out / "figures")
    with figure_style():
        return [
            save(
                draw_reconstruction(found),
                folder / ("map" if number == 1 else f"map_{number}"),
                found.caption,
                found.alt,
                "map",
            )
            for number, found in enumerate(maps, start=1)
        ]


def save(figure: Figure, stem: Path, caption: str, alt: str, name: str | None = None) -> Drawn:
    """Write a figure as PNG and SVG; the same figure gives the same bytes."""
    png, svg = stem.with_suffix(".png"), stem.with_suffix(".svg")
    with atomic_path(png) as beside:
        figure.savefig(beside, dpi=RASTER_DPI, metadata={"Software": None})
    with atomic_path(svg) as beside:
        figure.savefig(beside, dpi=RASTER_DPI, metadata={"Date": None})
    return Drawn(name or stem.name, png, svg, caption, alt)


def find_reconstructions(folders: Sequence[Path]) -> list[Path]:
    """Folders with a map: those given, or those inside where several molecules have one each."""
    found: list[Path] = []
    for folder in folders:
        inside = sorted(path.parent for path in folder.glob("*/fsc.json"))
        found.extend(inside if inside and not (folder / "fsc.json").exists() else [folder])
    return found
