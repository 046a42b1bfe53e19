"""What a method's images look like besides their own truth: signs of a method that does nothing.

Each image is compared, at a coarse sampling that tells views apart, with the low-resolution image,
with the method's other images, and with the truth of all other views.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from diffragan.fourier import resample
from diffragan.typing import Float, Images, Tensor

PIXELS = 64
"""Side of the pictures that are compared: 2.2 Å in the paper's box."""
MOST_TRUTHS = 4096
"""Views whose truth is kept to compare with, evenly spread; 64 MB."""
MOST_VIEWS = 64
"""Views of a method that are compared, evenly spread."""

Thumbnails = Float[Tensor, "view pixel"]


@dataclass(frozen=True, slots=True)
class Resemblance:
    """Mean correlations of a method's images."""

    own_truth: float
    other_truth: float
    """With the truth of that other view which each image is most like."""
    low_resolution: float
    """With the low-resolution image, as counted or as its phases give it, whichever is more."""
    each_other: float
    """Among themselves, all pairs."""
    truths_each_other: float
    """The same among their truths: views of one molecule are alike."""


def thumbnails(images: Images) -> Thumbnails:
    """Coarse pictures of images `(item, y, x)`, each with mean 0 and norm 1; flat ones are 0."""
    small = images if images.shape[-1] <= PIXELS else resample(images, PIXELS).real
    flat = small.float().flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    norm = torch.linalg.vector_norm(flat, dim=1, keepdim=True)
    scale = images.float().flatten(1).abs().amax(1, keepdim=True) * small[0].numel() ** 0.5
    # Rounding of a constant image is no picture.
    return torch.where(norm > 1e-5 * scale, flat / norm.clamp(min=1e-30), 0.0).cpu()


@dataclass(slots=True)
class Pictures:
    """Thumbnails of views by their item, in one array."""

    wanted: Sequence[int]
    """Items whose pictures are kept; no item twice."""
    _place: dict[int, int] = field(init=False)
    _room: Tensor | None = field(init=False, default=None)
    _there: set[int] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        """Give each item its row."""
        self._place = {item: row for row, item in enumerate(self.wanted)}

    def made(self, items: Sequence[int], images: Images) -> dict[int, Tensor]:
        """Make those of some items that are wanted."""
        rows = [row for row, item in enumerate(items) if item in self._place]
        if not rows:
            return {}
        return dict(zip((items[row] for row in rows), thumbnails(images[rows]), strict=True))

    def keep(self, made: Mapping[int, Tensor]) -> None:
        """Keep pictures that were made."""
        for item, picture in made.items():
            if self._room is None:
                self._room = picture.new_zeros(len(self.wanted), len(picture))
            self._room[self._place[item]] = picture
            self._there.add(item)

    @property
    def items(self) -> list[int]:
        """Items of which there is a picture, in order."""
        return sorted(self._there)

    def of(self, items: Sequence[int]) -> Thumbnails:
        """Return thumbnails of some items."""
        assert self._room is not None  # nobody asks before a view was judged
        return self._room[[self._place[item] for item in items]]


def resemblance(
    recovered: Pictures, truth: Pictures, low_resolution: Sequence[Pictures]
) -> Resemblance:
    """Compare the pictures of a method with what they might be instead of their truth.

    Parameters
    ----------
    recovered : Of the method's images.
    truth : Of the true images, of these views and of others.
    low_resolution : Of the low-resolution image in each of its forms, of these views at least.
    """
    items, others = recovered.items, truth.items
    mine = recovered.of(items)
    with_truths = mine @ truth.of(others).T
    column_of = {item: column for column, item in enumerate(others)}
    own = torch.tensor([column_of[item] for item in items])
    rows = torch.arange(len(items))
    of_own = with_truths[rows, own]
    with_truths[rows, own] = -1.0
    of_other = with_truths.amax(1) if len(others) > 1 else torch.zeros(len(items))
    alike = [(mine * form.of(items)).sum(1).abs().mean() for form in low_resolution]
    return Resemblance(
        float(of_own.mean()),
        float(of_other.mean()),
        float(torch.stack(alike).max()),
        _mean_of_pairs(mine),
        _mean_of_pairs(truth.of(items)),
    )


def _mean_of_pairs(pictures: Thumbnails) -> float:
    views = len(pictures)
    if views < 2:
        return 0.0
    products = pictures @ pictures.T
    return float((products.sum() - products.diagonal().sum()) / (views * (views - 1)))
