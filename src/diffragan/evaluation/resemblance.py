"""What a method's images look like besides their own truth: signs of a method that does nothing.

Each image is compared, at a coarse sampling that tells views apart, with the low-resolution image,
with the method's other images, and with the truth of all other views.
"""

from collections.abc import Sequence
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
    """Thumbnails of views by their item."""

    wanted: frozenset[int]
    by_item: dict[int, Tensor] = field(default_factory=dict)

    def made(self, items: Sequence[int], images: Images) -> dict[int, Tensor]:
        """Make those of some items that are wanted."""
        rows = [row for row, item in enumerate(items) if item in self.wanted]
        if not rows:
            return {}
        return dict(zip((items[row] for row in rows), thumbnails(images[rows]), strict=True))

    def of(self, items: Sequence[int]) -> Thumbnails:
        """Return thumbnails of some items."""
        return torch.stack([self.by_item[item] for item in items])


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
    items = sorted(recovered.by_item)
    mine, others = recovered.of(items), sorted(truth.by_item)
    with_truths = mine @ truth.of(others).T
    own = torch.tensor([others.index(item) for item in items])
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
