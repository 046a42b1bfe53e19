"""Draw the figure of a simulated experiment in docs/scan.md.

Run: python benchmarks/scan_figure.py FOLDER, with a folder that `diffragan simulate --scan` wrote.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from diffragan.config.load import load_acquisition
from diffragan.evaluation.style import INK, figure_style
from diffragan.io.files import atomic_path
from diffragan.io.mrc import read_mrc
from diffragan.io.scans.open import open_scan
from diffragan.io.scans.truth import ScanTruth, read_truth
from diffragan.io.scans.upright import upright

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "simulated-scan.png"
SHOWN = ("empty", "ice", "protein", "crystalline_ice", "carbon")
MEAN_FRAMES = 400
SOFT_PIXELS = 2.0


def chosen_frame(truth: ScanTruth, name: str) -> int:
    """Return the frame that shows a class best."""
    arrays = truth.arrays
    frames = np.flatnonzero(truth.is_class(name))
    best = arrays.frame_share + arrays.crystalline_share + (arrays.carbon_angstrom > 100)
    if name == "carbon":
        best = -np.abs(arrays.carbon_angstrom - 150)
    return int(frames[np.argmax(best[frames])])


def draw_pattern(axis: Axes, frame: NDArray[np.float64], title: str) -> None:
    """Draw a pattern, logarithmic."""
    axis.imshow(np.log10(frame + 0.3), cmap="magma", vmin=-0.5, vmax=3, origin="lower")
    axis.set_title(title, fontsize=10, color=INK)
    axis.set_xticks([])
    axis.set_yticks([])


def main(folder: Path) -> None:
    """Draw overview, mean pattern and one pattern of each class."""
    truth = read_truth(folder)
    known = load_acquisition(folder / "experiment.yaml").scan
    scan = open_scan(next(folder.glob("scan.mib")), known)
    image, pixel, _ = read_mrc(folder / "overview.mrc")
    with figure_style():
        figure = plt.figure(figsize=(11, 4.9), layout="constrained")
        grid = figure.add_gridspec(2, 5, width_ratios=[1] * 5)
        whole = figure.add_subplot(grid[:, :2])
        soft = gaussian_filter(image[0], SOFT_PIXELS)
        low, high = np.percentile(soft, [0.5, 99.5])
        side = image.shape[-1] * pixel / 10
        whole.imshow(
            soft, cmap="gray", vmin=low, vmax=high, extent=(0, side, 0, side), origin="lower"
        )
        places = truth.arrays.molecule_pixel * pixel / 10
        whole.plot(places[:, 1], places[:, 0], "o", mfc="none", ms=7, mew=0.6, color="#d95f02")
        whole.set_title("overview image, molecules circled", fontsize=10, color=INK)
        whole.set_xlabel("nm")
        mean = np.mean([upright(scan.read(i, i + 1)[0], known) for i in sound(truth)], axis=0)
        draw_pattern(figure.add_subplot(grid[0, 2]), mean, f"mean of {MEAN_FRAMES}")
        for number, name in enumerate(SHOWN, start=1):
            at = chosen_frame(truth, name)
            frame = upright(scan.read(at, at + 1)[0], known).astype(float)
            axis = figure.add_subplot(grid[number // 3, 2 + number % 3])
            draw_pattern(axis, frame, name.replace("_", " "))
        with atomic_path(PICTURE) as beside:
            figure.savefig(beside, dpi=110, metadata={"Software": None})
        plt.close(figure)


def sound(truth: ScanTruth) -> NDArray[np.int64]:
    """Return frames for the mean: evenly over the scan, none saturated."""
    frames = np.flatnonzero(~truth.is_class("saturated"))
    return frames[np.linspace(0, len(frames) - 1, MEAN_FRAMES).astype(np.int64)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
