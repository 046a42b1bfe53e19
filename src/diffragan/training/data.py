"""Views of a data set as the networks see them: split, order and batches, all from the seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from diffragan.config.training import TrainingSettings
from diffragan.errors import InputError
from diffragan.io.triplets import TripletStore
from diffragan.models.encoding import (
    Encoding,
    contrast,
    encode_image,
    encode_observed,
    fit_encoding,
)
from diffragan.typing import Float, Int, Tensor

FEWEST_STRUCTURES_TO_SPLIT = 3
"""With fewer, keeping whole structures out would cost half of the data."""
FITTED_VIEWS = 256
"""Views that the scales are found on: they are averages and maxima of many pixels each."""
READ_VIEWS = 64
"""Views read at a time when all are brought into memory."""
BYTES_PER_PIXEL = 3 * 4
"""Two channels in, one out, in float32."""


@dataclass(frozen=True, slots=True)
class Split:
    """Items to learn from and items to judge by."""

    training: list[int]
    validation: list[int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some views, encoded."""

    observed: Float[Tensor, "item 2 y x"]
    """Pattern and low-resolution image."""
    truth: Float[Tensor, "item 1 y x"]
    """High-resolution image."""

    def to(self, device: torch.device) -> "Batch":
        """Move to a device."""
        return Batch(self.observed.to(device), self.truth.to(device))


def split_views(structure: Int[np.ndarray, " item"], fraction: float, seed: int) -> Split:
    """Choose which views are kept for validation.

    Whole structures are kept out where there are three or more, because views of one molecule
    resemble each other; of fewer structures, single views.

    Parameters
    ----------
    structure : Structure of each item.
    fraction : Share of the structures, or of the views, to keep out; at least one.

    Raises
    ------
    InputError : There are fewer than two views.
    """
    if len(structure) < 2:
        raise InputError(
            f"the data set has {len(structure)} view(s); training needs two or more, one of them "
            "for validation"
        )
    names = np.unique(structure)
    groups = structure if len(names) >= FEWEST_STRUCTURES_TO_SPLIT else np.arange(len(structure))
    members = np.unique(groups)
    count = min(max(1, round(fraction * len(members))), len(members) - 1)
    kept_out = np.random.default_rng(seed).permutation(members)[:count]
    is_validation = np.isin(groups, kept_out)
    return Split(np.flatnonzero(~is_validation).tolist(), np.flatnonzero(is_validation).tolist())


def batch_items(items: Sequence[int], batch: int, step: int, seed: int) -> list[int]:
    """Items of the batch of a step: each epoch has an order of its own from (seed, epoch).

    Nothing but the step is needed to know it, so a resumed run goes on with the very views that
    would have come.
    """
    places = range(step * batch, (step + 1) * batch)
    epochs = {place // len(items) for place in places}
    orders = {
        epoch: np.random.default_rng([seed, epoch]).permutation(len(items)) for epoch in epochs
    }
    return [items[orders[place // len(items)][place % len(items)]] for place in places]


def fit_to_training_views(store: TripletStore, split: Split, pixels: int) -> Encoding:
    """Find the scales of the encoding on training views spread over the data set."""
    spread = np.linspace(0, len(split.training) - 1, min(FITTED_VIEWS, len(split.training)))
    items = [split.training[round(place)] for place in spread]
    contrasts, diffraction, measured, images = _read(store, items)
    return fit_encoding(pixels, contrasts, diffraction, measured, images)


class Views:
    """The views of a data set, encoded; held in memory when they are few."""

    def __init__(self, store: TripletStore, encoding: Encoding, memory_limit_mb: int) -> None:
        self._store = store
        self._encoding = encoding
        self._held: Batch | None = None
        if views_bytes(len(store), encoding.pixels) <= memory_limit_mb * 1e6:
            self._held = self._hold_all()

    def batch(self, items: Sequence[int]) -> Batch:
        """Return some views, on the CPU."""
        if self._held is None:
            return self._load(items)
        return Batch(self._held.observed[list(items)], self._held.truth[list(items)])

    def _hold_all(self) -> Batch:
        starts = range(0, len(self._store), READ_VIEWS)
        parts = [
            self._load(range(start, min(start + READ_VIEWS, len(self._store)))) for start in starts
        ]
        return Batch(
            torch.cat([part.observed for part in parts]), torch.cat([part.truth for part in parts])
        )

    def _load(self, items: Sequence[int]) -> Batch:
        contrasts, diffraction, measured, images = _read(self._store, items)
        observed = encode_observed(diffraction, measured, contrasts, self._encoding)
        return Batch(observed, encode_image(images, self._encoding)[:, None])


def views_bytes(views: int, pixels: int) -> int:
    """Memory that encoded views take [bytes]."""
    return views * pixels**2 * BYTES_PER_PIXEL


def check_grid(store: TripletStore, settings: TrainingSettings) -> None:
    """Check that a data set's images are not finer than what the network can show.

    Raises
    ------
    InputError : The network's grid is finer than the images, whose finest detail it would invent.
    """
    if settings.generator.pixels > store.experiment.image_pixels:
        raise InputError(
            f"{store.store.path}: its images have {store.experiment.image_pixels} pixels, the "
            f"network {settings.generator.pixels}; set generator.pixels to at most the images'"
        )


def _read(store: TripletStore, items: Sequence[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Contrast of the low-resolution images, patterns, measured region, high-resolution images."""
    counts = torch.from_numpy(store.read("low_resolution", items)).float()
    dose = torch.from_numpy(store.read("low_resolution_dose", items)).float()
    return (
        contrast(counts, dose, store.experiment),
        torch.from_numpy(store.patterns(items)),
        torch.from_numpy(store.read("measured")),
        torch.from_numpy(store.read("high_resolution", items)),
    )
