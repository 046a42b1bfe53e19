"""One pass over a data set: every result and every quick control judged, view by view.

Batches are read, judged and forgotten, on all cores; what stays is some numbers for each view.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from diffragan.evaluation.controls import CONTROLS, IMAGE_ALONE
from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.evaluation.r_free import free_set_of
from diffragan.evaluation.resemblance import (
    MOST_TRUTHS,
    MOST_VIEWS,
    Pictures,
    Resemblance,
    resemblance,
)
from diffragan.evaluation.scores import (
    BatchScores,
    ViewScores,
    check_finite,
    read_truth,
    score_batch,
)
from diffragan.in_order import in_order
from diffragan.io.phased import PREDICTED_FREQUENCY, PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.models.encoding import contrast
from diffragan.phasing.achieved import image_bands
from diffragan.phasing.evidence import Bands
from diffragan.phasing.free_set import FreeSet
from diffragan.phasing.protocol import high_resolution_images, read_observations
from diffragan.progress import progress_bar
from diffragan.typing import Images, Tensor, Waves

BATCH = 8
"""Views judged together: some 100 MB for each thread in the paper's setting."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a method made of some items."""

    store: PhasedStore
    rows: Mapping[int, int]
    """Row of each item in the store."""
    free: FreeSet | None = None
    """Pixels that the method was not shown."""

    @classmethod
    def of(cls, store: PhasedStore) -> "Result":
        """Find the items of a store."""
        items = [int(item) for item in store.read("source_item")]
        rows = {item: row for row, item in enumerate(items)}
        return cls(store, rows, free_set_of(store))

    def bands(self, device: str) -> Bands | None:
        """Return the bands in which resolutions were predicted; `None` where they were not."""
        if not self.store.predicts:
            return None
        (count,) = self.store.store.describe(PREDICTED_FREQUENCY).shape
        return image_bands(self.store.experiment, count, device)

    def read(self, items: Sequence[int], device: str) -> tuple[Waves, Images]:
        """Read waves and images of some items."""
        rows = [self.rows[item] for item in items]
        waves, images = (
            torch.from_numpy(self.store.read(name, rows)).to(device) for name in ("wave", "image")
        )
        return waves, images


@dataclass(slots=True)
class Judged:
    """What one pass over the data finds."""

    methods: dict[str, ViewScores]
    controls: dict[str, ViewScores]
    pictures: dict[str, Pictures]
    """Of each method, and of the truth and the low-resolution image under names of their own."""
    envelope_share: dict[int, float] = field(default_factory=dict)
    """Share of the box that the molecule of each item covers."""

    def resemblance(self, method: str) -> Resemblance:
        """Return what the images of a method are like."""
        forms = [self.pictures[name] for name in LOW_RESOLUTION]
        return resemblance(self.pictures[_method(method)], self.pictures[TRUTH], forms)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is found of some items."""

    items: Sequence[int]
    scores: dict[str, tuple[Sequence[int], BatchScores]]
    pictures: dict[str, dict[int, Tensor]]
    envelope_share: list[float]


TRUTH = "truth"
LOW_RESOLUTION = ("low-resolution image, counted", "low-resolution image, from its phases")


def _method(name: str) -> str:
    """Name the pictures of a method, which may itself be called truth."""
    return f"method {name}"


def judge_all(
    data: TripletStore,
    results: Mapping[str, Result],
    limit: MeasuredLimit,
    threads: int = 1,
    device: str = "cpu",
) -> Judged:
    """Judge every view of every result, and the controls that no method enters into.

    Raises
    ------
    InputError : A store is damaged, or holds values that are not finite.
    """
    judged = sorted({item for result in results.values() for item in result.rows})
    compared = {
        _method(name): spread(sorted(result.rows), MOST_VIEWS) for name, result in results.items()
    }
    every = sorted({item for items in compared.values() for item in items})
    pictures = {
        **{name: Pictures(items) for name, items in compared.items()},
        **{name: Pictures(every) for name in LOW_RESOLUTION},
        TRUTH: Pictures(sorted({*every, *spread(judged, MOST_TRUTHS)})),
    }
    found = Judged(
        {name: ViewScores(limit) for name in results},
        {name: ViewScores(limit) for name in CONTROLS},
        pictures,
    )

    def work(items: Sequence[int]) -> _Batch:
        return _judge_batch(data, results, items, pictures, limit, device)

    batches = [judged[start : start + BATCH] for start in range(0, len(judged), BATCH)]
    with progress_bar(len(judged), "judging") as bar:
        for batch in in_order(work, batches, threads):
            _keep(found, batch)
            bar.advance(len(batch.items))
    return found


def spread(items: Sequence[int], count: int) -> list[int]:
    """Choose `count` of the items, evenly from the first to the last."""
    if count < 1:
        return []
    if count >= len(items):
        return list(items)
    return [items[round(i * (len(items) - 1) / max(count - 1, 1))] for i in range(count)]


def _judge_batch(
    data: TripletStore,
    results: Mapping[str, Result],
    items: Sequence[int],
    pictures: Mapping[str, Pictures],
    limit: MeasuredLimit,
    device: str,
) -> _Batch:
    truth, seen = read_truth(data, items, device), read_observations(data, items, device)
    counted = contrast(seen.low_resolution, seen.low_resolution_dose, data.experiment)
    made = {
        TRUTH: pictures[TRUTH].made(items, truth.images),
        LOW_RESOLUTION[0]: pictures[LOW_RESOLUTION[0]].made(items, counted),
    }
    scores: dict[str, tuple[Sequence[int], BatchScores]] = {}
    for name, result in results.items():
        rows = [row for row, item in enumerate(items) if item in result.rows]
        if rows:
            own = [items[row] for row in rows]
            waves, images = result.read(own, device)
            check_finite(own, waves, images)
            free = None if result.free is None else result.free.mask(truth.measured)
            bands = result.bands(device)
            found = score_batch(waves, images, truth.rows(rows), limit, free, bands)
            scores[_method(name)] = own, found
            made[_method(name)] = pictures[_method(name)].made(own, images)
    for name, control in CONTROLS.items():
        waves = control(seen, items)
        images = high_resolution_images(waves, data.experiment)
        scores[name] = items, score_batch(waves, images, truth, limit)
        if name == IMAGE_ALONE:
            made[LOW_RESOLUTION[1]] = pictures[LOW_RESOLUTION[1]].made(items, images)
    return _Batch(items, scores, made, truth.envelope.float().mean((-2, -1)).tolist())


def _keep(found: Judged, batch: _Batch) -> None:
    for name, scores in found.methods.items():
        if _method(name) in batch.scores:
            scores.take(*batch.scores[_method(name)])
    for name, scores in found.controls.items():
        scores.take(*batch.scores[name])
    for name, made in batch.pictures.items():
        found.pictures[name].keep(made)
    found.envelope_share |= dict(zip(batch.items, batch.envelope_share, strict=True))
