"""Scores of every view of one method, as plain arrays: what the paper's tests are drawn from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.alignment import align
from diffragan.evaluation.controls import image_alone
from diffragan.evaluation.metrics import (
    MeasuredLimit,
    image_frc,
    measured_limit,
    resolution,
    structural_similarity,
)
from diffragan.in_order import in_order
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.protocol import high_resolution_images, read_observations
from diffragan.progress import progress_bar
from diffragan.typing import Images

BATCH = 16

BANDS_ANGSTROM = ((20.0, 5.0), (5.0, 3.0), (3.0, 2.0))
"""Resolutions between which FRC is also given. The paper's low-resolution image ends at 5 Å: what
is right beyond it came from the pattern, or from what the network remembers of proteins."""

Numbers = NDArray[np.float64]
Draw = Callable[[Sequence[int]], Images]
"""Gives the recovered images `(item, y, x)` of some items."""


@dataclass(frozen=True, slots=True)
class JudgedViews:
    """Scores of views of one method."""

    items: NDArray[np.int64]
    """`(view,)`, items of the data set."""
    structure: NDArray[np.int64]
    """`(view,)`, which molecule each is of."""
    curves: Numbers
    """`(view, ring)`, FRC of the images in rings 1, 2, ..."""
    ssim: Numbers
    """`(view,)`."""
    limit: MeasuredLimit

    def __len__(self) -> int:
        """Return the number of views."""
        return len(self.items)

    @property
    def frequency_per_angstrom(self) -> Numbers:
        """Frequency of the rings [1/Å]."""
        return np.asarray(self.limit.frequency_per_angstrom.numpy())

    @property
    def scores(self) -> Numbers:
        """Mean FRC of each view over the whole rings: one number without a threshold."""
        return np.asarray(self.curves[:, self.limit.whole_rings.numpy()].mean(1))

    def of(self, structures: Sequence[int]) -> "JudgedViews":
        """Keep the views of some molecules."""
        return self.take(np.flatnonzero(np.isin(self.structure, structures)))

    def take(self, rows: NDArray[np.intp]) -> "JudgedViews":
        """Keep some views."""
        return JudgedViews(
            self.items[rows], self.structure[rows], self.curves[rows], self.ssim[rows], self.limit
        )

    def summary(self) -> dict[str, Any]:
        """Describe the views in plain numbers, in the words of `metrics.json`."""
        mean = self.curves.mean(0)
        found = resolution(torch.from_numpy(mean), self.limit)
        each = [resolution(curve, self.limit).angstrom for curve in torch.from_numpy(self.curves)]
        return {
            "views": len(self),
            "frc_mean": mean.tolist(),
            "frc_std": self.curves.std(0).tolist(),
            "score_mean": float(self.scores.mean()),
            "score_std": float(self.scores.std()),
            "resolution_frc_0p5_angstrom": found.angstrom,
            "resolution_reaches_limit": found.reaches_limit,
            "resolution_starts_below": found.starts_below,
            "resolution_quartiles_angstrom": np.quantile(each, (0.25, 0.5, 0.75)).tolist(),
            "ssim_mean": float(self.ssim.mean()),
            "bands": [self._band(*band) for band in BANDS_ANGSTROM],
        }

    def _band(self, coarse: float, fine: float) -> dict[str, Any]:
        found = band_mean(self.curves, self.limit, (coarse, fine))
        return {
            "from_angstrom": coarse,
            "to_angstrom": fine,
            "frc_mean": float(found.mean()),
            "frc_std": float(found.std()),
        }


def band_mean(curves: Numbers, limit: MeasuredLimit, band: tuple[float, float]) -> Numbers:
    """Mean of each curve `(view, ring)` over the rings of a band of resolutions [Å]; 0 without one.

    Parameters
    ----------
    band : Coarse end, which belongs to it, and fine end, which does not [Å].
    """
    resolutions = 1 / limit.frequency_per_angstrom.numpy()
    inside = (resolutions <= band[0]) & (resolutions > band[1])
    return np.asarray(curves[:, inside].sum(1) / max(1, int(inside.sum())))


def judge(
    data: TripletStore, items: Sequence[int], draw: Draw, description: str, threads: int = 1
) -> JudgedViews:
    """Judge the images that `draw` gives of some items, batch by batch, each laid on its truth.

    Parameters
    ----------
    data : Holds the truth.
    items : Items of it; one at least.
    draw : Gives the recovered images.
    description : For the progress bar.
    threads : Batches judged at once; `draw` must bear that.
    """
    limit = measured_limit(data.experiment)

    def scores(batch: Sequence[int]) -> tuple[Numbers, Numbers]:
        true = torch.from_numpy(data.read("high_resolution", batch))
        recovered = _laid(draw(batch).cpu(), true)
        curves = image_frc(recovered, true, limit.rings).double().numpy()
        return curves, structural_similarity(recovered, true).double().numpy()

    batches = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
    found = []
    with progress_bar(len(items), description) as bar:
        judged = in_order(scores, batches, threads) if threads > 1 else map(scores, batches)
        for one in judged:
            found.append(one)
            bar.advance(len(one[1]))
    return JudgedViews(
        np.asarray(items, dtype=np.int64),
        data.read("structure", items).astype(np.int64),
        np.concatenate([curves for curves, _ in found]),
        np.concatenate([ssim for _, ssim in found]),
        limit,
    )


def laid_on_truth(data: TripletStore, draw: Draw) -> Draw:
    """Give images as they are judged: shifted, and turned half a turn, where that helps."""

    def laid(batch: Sequence[int]) -> Images:
        return _laid(draw(batch).cpu(), torch.from_numpy(data.read("high_resolution", batch)))

    return laid


def _laid(recovered: Images, true: Images) -> Images:
    return align(recovered, true).apply(recovered)


def judge_store(data: TripletStore, phased: PhasedStore) -> JudgedViews:
    """Judge every view of a phased store."""
    items = [int(item) for item in phased.read("source_item")]
    return judge(data, items, stored_images(phased), f"judging {phased.method}")


def judge_image_alone(data: TripletStore, items: Sequence[int], threads: int = 1) -> JudgedViews:
    """Judge what the low-resolution image alone says: the floor."""

    def draw(batch: Sequence[int]) -> Images:
        waves = image_alone(read_observations(data, batch), batch)
        return high_resolution_images(waves, data.experiment)

    return judge(data, items, draw, "low-resolution image alone", threads)


def stored_images(phased: PhasedStore) -> Draw:
    """Read recovered images from a phased store, by the items of the data set."""
    row_of = {int(item): row for row, item in enumerate(phased.read("source_item"))}

    def draw(batch: Sequence[int]) -> Images:
        return torch.from_numpy(phased.read("image", [row_of[int(item)] for item in batch]))

    return draw


def per_molecule(data: TripletStore, views: JudgedViews) -> list[dict[str, Any]]:
    """Describe the views of each molecule, the lightest first."""
    entries = data.store.attributes["structures"]
    shown = sorted({int(i) for i in views.structure}, key=lambda i: entries[i]["mass_kda"])
    return [
        {
            "name": entries[i]["name"],
            "structure": i,
            "mass_kda": float(entries[i]["mass_kda"]),
            **views.of([i]).summary(),
        }
        for i in shown
    ]
