"""Views as the networks see them: split, order, encoding; all from the seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.config.training import TrainingSettings
from diffragan.errors import InputError
from diffragan.io.triplets import TripletStore
from diffragan.models.encoding import (
    Encoding,
    contrast,
    encode_image,
    encode_observed,
    fit_encoding,
    to_pixels,
)
from diffragan.typing import Float, Int, Patterns, Tensor

FEWEST_STRUCTURES_TO_SPLIT = 3
"""With fewer, keeping whole structures out would cost half of the data."""
FITTED_VIEWS = 256
"""Views that the scales are found on: they are averages and maxima of many pixels each."""
FITTED_AT_ONCE = 16
"""Views of them that are read together."""
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

    def parts(self, count: int) -> list["Batch"]:
        """Cut into equal parts, one after the other."""
        pairs = zip(self.observed.chunk(count), self.truth.chunk(count), strict=True)
        return [Batch(observed, truth) for observed, truth in pairs]


class EncodedViews(Protocol):
    """Views that can be asked for by their numbers."""

    def batch(self, items: Sequence[int]) -> Batch:
        """Return some views, on the CPU."""
        ...


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


def spread_over(items: Sequence[int], count: int) -> list[int]:
    """Choose at most `count` of the items, evenly from the first to the last."""
    places = np.linspace(0, len(items) - 1, min(count, len(items)))
    return [items[round(place)] for place in places]


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
    items, small = spread_over(split.training, FITTED_VIEWS), []
    # In parts: images as they are stored take many times the memory of the networks' ones.
    for begin in range(0, len(items), FITTED_AT_ONCE):
        contrasts, diffraction, _, images = _read(store, items[begin : begin + FITTED_AT_ONCE])
        small.append((to_pixels(contrasts, pixels), diffraction, to_pixels(images, pixels)))
    contrasts, diffraction, images = (torch.cat(parts) for parts in zip(*small, strict=True))
    measured = torch.from_numpy(store.read("measured"))
    return fit_encoding(pixels, contrasts, diffraction, measured, images)


class Views:
    """The views of a data set, encoded; kept in memory once read when there is room for all.

    Reading them all before the first step would delay it by minutes, and a short run never shows
    them all.
    """

    def __init__(self, store: TripletStore, encoding: Encoding, memory_limit_mb: int) -> None:
        self._store = store
        self._encoding = encoding
        self._kept: Batch | None = None
        self._is_kept = np.zeros(len(store), bool)
        if views_bytes(len(store), encoding.pixels) <= memory_limit_mb * 1e6:
            side = encoding.pixels
            self._kept = Batch(
                torch.empty(len(store), 2, side, side), torch.empty(len(store), 1, side, side)
            )

    def batch(self, items: Sequence[int]) -> Batch:
        """Return some views, on the CPU."""
        wanted = list(items)
        if self._kept is None:
            return self._load(wanted)
        if missing := [item for item in wanted if not self._is_kept[item]]:
            loaded = self._load(missing)
            self._kept.observed[missing] = loaded.observed
            self._kept.truth[missing] = loaded.truth
            # Only now, for another thread may ask for the same views.
            self._is_kept[missing] = True
        return Batch(self._kept.observed[wanted], self._kept.truth[wanted])

    def _load(self, items: list[int]) -> Batch:
        contrasts, diffraction, measured, images = _read(self._store, items)
        empty = (diffraction * measured).flatten(1).amax(1) <= 0
        if empty.any():
            raise InputError(
                f"{self._store.store.path}: the pattern of item {items[int(empty.nonzero()[0])]} "
                "is zero everywhere; make the data set again"
            )
        return encode_views(contrasts, diffraction, measured, images, self._encoding)


def encode_views(
    contrasts: Float[Tensor, "item y x"],
    diffraction: Patterns,
    measured: Tensor,
    images: Float[Tensor, "item y x"],
    encoding: Encoding,
) -> Batch:
    """Encode what was measured and what is true; see `models.encoding` for the arguments."""
    observed = encode_observed(diffraction, measured, contrasts, encoding)
    return Batch(observed, encode_image(images, encoding)[:, None])


def views_bytes(views: int, pixels: int) -> int:
    """Memory that encoded views take [bytes]."""
    return views * pixels**2 * BYTES_PER_PIXEL


def check_grid(experiment: Experiment, settings: TrainingSettings, where: str) -> None:
    """Check that an experiment's images are not coarser than what the network shows.

    Raises
    ------
    InputError : The network's grid is finer than the images, whose finest detail it would invent.
    """
    if settings.generator.pixels > experiment.image_pixels:
        raise InputError(
            f"{where}: its images have {experiment.image_pixels} pixels, the network "
            f"{settings.generator.pixels}; set generator.pixels to at most the images'"
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
