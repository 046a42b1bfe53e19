"""Draw the figure of docs/evaluation-measures.md: what the maps of the measures show on villin.

Run: python benchmarks/measure_figure.py [VIEWS]. Views are simulated with preset `quick`, seed 0,
and phased by 300 iterations of HIO, which takes about a second a view.
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Rectangle

from diffragan.alignment import align
from diffragan.config.load import load_experiment
from diffragan.evaluation.difference import difference_mask, mask_edges
from diffragan.evaluation.frc import frc_curves
from diffragan.evaluation.frc_map import frc_map, frc_map_sums, frc_mask
from diffragan.evaluation.gallery import molecule_half_width
from diffragan.evaluation.metrics import MeasuredLimit, measured_limit, resolution
from diffragan.evaluation.similarity import SIMILAR, mean_ssim, ssim_map
from diffragan.evaluation.style import INK, MUTED, figure_style
from diffragan.io.triplets import TripletStore
from diffragan.phasing.protocol import read_observations
from diffragan.phasing.registry import make_phaser
from diffragan.simulation.dataset import simulate_dataset
from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import read_prepared
from diffragan.typing import Images, Tensor

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "measures.png"
BATCH = 16
ITERATIONS = 300
VERMILION = "#D55E00"


def phased_villin(views: int) -> tuple[Images, Images, MeasuredLimit]:
    """Recovered images as phased, true images, and the measured limit."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        molecule = read_prepared(write_preparation(prepare_structure(villin_path()), where))
        experiment = load_experiment("quick", overrides={"orientations": views})
        data = TripletStore(simulate_dataset([molecule], experiment, 0, where / "v.zarr"))
        phaser = make_phaser("hio", {"iterations": ITERATIONS})
        images = [
            phaser.phase(read_observations(data, range(first, min(first + BATCH, views)))).images
            for first in range(0, views, BATCH)
        ]
        true = torch.from_numpy(data.read("high_resolution"))
        return torch.cat(images), true, measured_limit(experiment)


def draw_map(ax: Axes, recovered: Images, true: Images, limit: MeasuredLimit) -> None:
    frc = frc_map(frc_map_sums(recovered, true))
    half = frc.shape[-1] / 2 / limit.box_angstrom
    extent = (-half, half, -half, half)
    shown = ax.imshow(frc, cmap="cividis", vmin=0, vmax=1, origin="lower", extent=extent)
    ax.contour(frc_mask(frc).float(), levels=[0.5], colors="white", linewidths=0.5, extent=extent)
    axis = 1 / limit.axis_angstrom
    ax.add_patch(Rectangle((-axis, -axis), 2 * axis, 2 * axis, fill=False, ec=VERMILION, lw=1.2))
    for angstrom in (5.0, 2.0):
        ax.add_patch(Circle((0, 0), 1 / angstrom, fill=False, ec="white", lw=0.6, ls="--"))
    ax.set_xlabel("spatial frequency [1/Å]")
    ax.figure.colorbar(shown, ax=ax, shrink=0.8, label="correlation over views")


def draw_picture(ax: Axes, picture: Tensor, true: Tensor, cmap: str = "gray") -> None:
    half = molecule_half_width(true[None].double().numpy())
    middle = picture.shape[-1] // 2
    part = slice(max(0, middle - half), middle + half)
    values = picture[part, part]
    low, high = (0.0, 1.0) if cmap != "gray" else np.percentile(values, [0.1, 99.9])
    shown = ax.imshow(values, cmap=cmap, origin="lower", vmin=low, vmax=high)
    if cmap != "gray":
        ax.contour(values > SIMILAR, levels=[0.5], colors="white", linewidths=0.6)
        ax.figure.colorbar(shown, ax=ax, shrink=0.8, label="SSIM")
    ax.set_xticks([])
    ax.set_yticks([])


def draw_outline(ax: Axes, recovered: Tensor, true: Tensor) -> None:
    draw_picture(ax, recovered, true)
    half, middle = molecule_half_width(true[None].double().numpy()), true.shape[-1] // 2
    part = slice(max(0, middle - half), middle + half)
    edges = mask_edges(difference_mask(recovered, true))[part, part].numpy()
    colour = np.zeros((*edges.shape, 4))
    colour[edges] = (0.84, 0.37, 0.0, 1)
    ax.imshow(colour, origin="lower")


def main() -> None:
    views = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    found, true, limit = phased_villin(views)
    place = align(found, true)
    recovered = place.apply(found)
    curves = frc_curves(recovered, true, limit)
    angstrom = [resolution(curve, limit).angstrom for curve in curves.correlation]
    view = int(np.argsort(angstrom)[views // 2])
    for words, images in (("as phased", found), ("aligned", recovered)):
        mean = frc_curves(images, true, limit).mean().value
        print(f"{words}: mean FRC falls below 0.5 at {resolution(mean, limit).angstrom:.2f} Å")
    moved = place.shift_angstrom(limit.box_angstrom).norm(dim=1)
    print(
        f"{int((moved > 0).sum())} of {views} views moved, half of these by more than "
        f"{float(moved[moved > 0].median()):.2f} Å; {int(place.twin.sum())} turned"
    )
    ssim = ssim_map(recovered[view], true[view])
    print(f"view {view}: {angstrom[view]:.2f} Å, SSIM {float(mean_ssim(ssim)):.3f}")
    with figure_style():
        figure, axes = plt.subplots(1, 4, figsize=(10.2, 2.75), layout="constrained")
        draw_map(axes[0], recovered, true, limit)
        draw_picture(axes[1], true[view], true[view])
        draw_outline(axes[2], recovered[view], true[view])
        draw_picture(axes[3], ssim, true[view], cmap="cividis")
        titles = (f"2D FRC of {views} views", "truth", "recovered, with differences", "SSIM")
        for ax, title in zip(axes, titles, strict=True):
            ax.set_title(title, color=INK)
            ax.tick_params(colors=MUTED)
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(PICTURE, dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
