"""Scores of many views, batch by batch, and their summary."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch

from diffragan.alignment import align
from diffragan.errors import InputError
from diffragan.evaluation.bootstrap import resolution_interval
from diffragan.evaluation.envelope import energy_outside_envelope, true_envelope
from diffragan.evaluation.likeness import correlation
from diffragan.evaluation.metrics import (
    MeasuredLimit,
    image_frc,
    image_frcs,
    r_factor,
    resolution,
    structural_similarity,
    wave_frc,
)
from diffragan.evaluation.phase_error import phase_error
from diffragan.evaluation.r_free import r_factors
from diffragan.evaluation.thresholds import resolutions_at_thresholds
from diffragan.io.triplets import TripletStore
from diffragan.phasing.achieved import achieved_resolution
from diffragan.phasing.evidence import Bands
from diffragan.typing import Bool, Float, Images, Mask, Patterns, Tensor, Waves


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of some views, and what was measured of them."""

    images: Images
    waves: Waves
    diffraction: Patterns
    measured: Mask
    envelope: Bool[Tensor, "item y x"]
    """Where each molecule is, on the waves' grid."""

    def __len__(self) -> int:
        """Return the number of views."""
        return len(self.images)

    def rows(self, chosen: Sequence[int]) -> "Truth":
        """Return some of the views."""
        if len(chosen) == len(self):
            return self
        rows = torch.tensor(list(chosen), dtype=torch.long, device=self.images.device)
        return Truth(
            self.images[rows],
            self.waves[rows],
            self.diffraction[rows],
            self.measured,
            self.envelope[rows],
        )


def read_truth(data: TripletStore, items: Sequence[int], device: str = "cpu") -> Truth:
    """Read the true images and waves of some items, and their patterns."""

    def tensor(name: str, of: Sequence[int] | None) -> Tensor:
        return torch.from_numpy(data.read(name, of)).to(device)

    waves = tensor("exit_wave", items)
    return Truth(
        tensor("high_resolution", items),
        waves,
        torch.from_numpy(data.patterns(items)).to(device),
        tensor("measured", None),
        true_envelope(waves, data.experiment.wave_grid),
    )


@dataclass(frozen=True, slots=True)
class BatchScores:
    """Scores of some views, one row each, after each was laid on its truth."""

    frc: Float[Tensor, "view ring"]
    measured_frc: Float[Tensor, "view ring"]
    """FRC of the images over the measured coefficients of each ring alone."""
    wave_frc: Float[Tensor, "view ring"]
    phase_error_degrees: Float[Tensor, "view ring"]
    ssim: Float[Tensor, " view"]
    correlation: Float[Tensor, " view"]
    r_factor: Float[Tensor, " view"]
    energy_outside: Float[Tensor, " view"]
    """Share of the wave's energy outside the molecule."""
    twin: Bool[Tensor, " view"]
    shift_angstrom: Float[Tensor, "view 2"]
    """How far a view had to be moved along y and x to lie on its truth."""
    flat: Bool[Tensor, " view"]
    """Whether a recovered image is the same everywhere."""
    r_free: Float[Tensor, " view"]
    """R-factor over the pixels that were kept out of phasing; NaN where there were none."""
    frc_before: Float[Tensor, "view ring"]
    """FRC of the images where they lay, before they were laid on their truth."""
    filling: Float[Tensor, " view"]
    """Share of the box that the molecule covers."""
    in_bands: Float[Tensor, " view"]
    """Resolution of the image read as predictions are [Å]; NaN where nothing was predicted."""


COLUMNS = tuple(column.name for column in fields(BatchScores))
FIRST_ROOM = 64
FLAT = 1e-6
"""Range of an image over its largest value that rounding alone gives."""


def score_batch(
    waves: Waves,
    images: Images,
    truth: Truth,
    limit: MeasuredLimit,
    free: Mask | None = None,
    bands: Bands | None = None,
) -> BatchScores:
    """Judge recovered waves and images, each shifted and turned onto its truth where that helps.

    Parameters
    ----------
    free : `(q_y, q_x)`, pixels of the pattern that were kept out of phasing.
    bands : In which the resolutions of these views were predicted.
    """
    place = align(images, truth.images)
    moduli, unseen = _r_factors(waves, truth, free)
    before, moved = images, place.apply(images)
    images, waves = moved, place.apply(waves)
    frc, inside = (
        curves.double() for curves in image_frcs(images, truth.images, limit.rings, truth.measured)
    )
    found = BatchScores(
        frc,
        inside,
        wave_frc(waves, truth.waves, limit.rings).double(),
        phase_error(waves, truth.waves, limit.rings).double(),
        structural_similarity(images, truth.images).double(),
        correlation(images, truth.images).double(),
        moduli.double(),
        energy_outside_envelope(waves, truth.envelope).double(),
        place.twin,
        place.shift_angstrom(limit.box_angstrom).double(),
        _is_flat(images),
        unseen.double(),
        frc if moved is before else image_frc(before, truth.images, limit.rings).double(),
        truth.envelope.double().mean((-2, -1)),
        _in_bands(images, truth.images, bands),
    )
    return _map_columns(found, Tensor.cpu)


@dataclass(slots=True)
class ViewScores:
    """Scores of views as they come in; each view is known by its item in the data set.

    They are copied into arrays that grow by doubling: thousands of small tensors kept between the
    large ones of the batches would hold their memory.
    """

    limit: MeasuredLimit
    items: list[int] = field(default_factory=list)
    room: BatchScores | None = None
    """Rows for the views there are, and for more to come."""

    def add(self, items: Sequence[int], waves: Waves, images: Images, truth: Truth) -> None:
        """Judge recovered waves and images of some items.

        Raises
        ------
        InputError : A recovered value is not finite.
        """
        check_finite(items, waves, images)
        self.take(items, score_batch(waves, images, truth, self.limit))

    def take(self, items: Sequence[int], batch: BatchScores) -> None:
        """Add scores of some items."""
        first, last = len(self.items), len(self.items) + len(items)
        if self.room is None or last > len(self.room.ssim):
            self.room = _enlarged(self.room, batch, max(FIRST_ROOM, 2 * last))
        for column in COLUMNS:
            getattr(self.room, column)[first:last] = getattr(batch, column)
        self.items.extend(int(item) for item in items)

    def all(self) -> BatchScores:
        """Return the scores of all views, in the order of `items`."""
        assert self.room is not None  # nobody asks before a view was judged
        return _map_columns(self.room, lambda values: values[: len(self.items)])

    def part(self, items: Sequence[int]) -> "ViewScores":
        """Return the scores of some of the items."""
        rows = self._rows(items)
        chosen = _map_columns(self.all(), lambda values: values[rows])
        return ViewScores(self.limit, list(items), chosen)

    def score(self, items: Sequence[int]) -> Float[Tensor, " view"]:
        """Mean FRC of each of the items over the whole rings: one number without a threshold."""
        return self.curves(items)[:, self.limit.whole_rings].mean(-1)

    def curves(self, items: Sequence[int]) -> Float[Tensor, "view ring"]:
        """FRC of the image of each of the items in rings 1, 2, ..."""
        return self.all().frc[self._rows(items)]

    def summary(self) -> dict[str, Any]:
        """Return the scores in the words of `metrics.json`, plain numbers and lists."""
        found = self.all()
        frc = found.frc
        mean, spread = frc.mean(0), frc.std(0).tolist() if len(frc) > 1 else None
        wave_mean = found.wave_frc.mean(0)
        inside = found.measured_frc.mean(0)
        overall, of_waves, of_measured = (
            resolution(curve, self.limit) for curve in (mean, wave_mean, inside)
        )
        each = [resolution(curve, self.limit) for curve in frc]
        interval = resolution_interval(frc, self.limit)
        return {
            "views": len(self.items),
            "items": list(self.items),
            "frequency_per_angstrom": self.limit.frequency_per_angstrom.tolist(),
            "frc_mean": mean.tolist(),
            "frc_std": spread,
            "measured_frc_mean": inside.tolist(),
            "wave_frc_mean": wave_mean.tolist(),
            "phase_error_mean_degrees": found.phase_error_degrees.mean(0).tolist(),
            "resolution_frc_0p5_angstrom": overall.angstrom,
            "resolution_interval_angstrom": None if interval is None else list(interval),
            "resolution_by_threshold_angstrom": resolutions_at_thresholds(
                mean, self.limit, float(found.filling.mean())
            ),
            "resolution_reaches_limit": overall.reaches_limit,
            "resolution_starts_below": overall.starts_below,
            "resolution_per_view_angstrom": [found.angstrom for found in each],
            "reaches_limit_per_view": [found.reaches_limit for found in each],
            "starts_below_per_view": [found.starts_below for found in each],
            "measured_resolution_frc_0p5_angstrom": of_measured.angstrom,
            "measured_resolution_reaches_limit": of_measured.reaches_limit,
            "measured_resolution_starts_below": of_measured.starts_below,
            "wave_resolution_frc_0p5_angstrom": of_waves.angstrom,
            "wave_resolution_reaches_limit": of_waves.reaches_limit,
            "wave_resolution_starts_below": of_waves.starts_below,
            "score_per_view": self.score(self.items).tolist(),
            "ssim_mean": float(found.ssim.mean()),
            "ssim_per_view": found.ssim.tolist(),
            "correlation_mean": float(found.correlation.mean()),
            "r_factor": float(found.r_factor.mean()),
            "r_factor_mean": float(found.r_factor.mean()),
            "r_factor_per_view": found.r_factor.tolist(),
            "r_free": None if bool(found.r_free.isnan().any()) else float(found.r_free.mean()),
            "r_free_per_view": (
                None if bool(found.r_free.isnan().any()) else found.r_free.tolist()
            ),
            "energy_outside_mean": float(found.energy_outside.mean()),
            "constant_views": self._named(found.flat),
            "alignment": self._alignment(),
        }

    def _alignment(self) -> dict[str, Any]:
        """Say how the views were laid on their truth before they were compared."""
        found = self.all()
        moved = torch.linalg.vector_norm(found.shift_angstrom, dim=1)
        return {
            "twin_views": self._named(found.twin),
            "shifted_views": int((moved > 0).sum()),
            "largest_shift_angstrom": float(moved.max()),
            "resolution_before_angstrom": resolution(found.frc_before.mean(0), self.limit).angstrom,
        }

    def _named(self, chosen: Bool[Tensor, " view"]) -> list[int]:
        return [item for item, wanted in zip(self.items, chosen.tolist(), strict=True) if wanted]

    def _rows(self, items: Sequence[int]) -> list[int]:
        position = {item: index for index, item in enumerate(self.items)}
        return [position[item] for item in items]


def _map_columns(scores: BatchScores, change: Callable[[Tensor], Tensor]) -> BatchScores:
    return BatchScores(*(change(getattr(scores, column)) for column in COLUMNS))


def _enlarged(room: BatchScores | None, like: BatchScores, views: int) -> BatchScores:
    """Make room for more views, and move there those that there are."""
    larger = _map_columns(like, lambda values: values.new_zeros(views, *values.shape[1:]))
    if room is not None:
        for column in COLUMNS:
            old = getattr(room, column)
            getattr(larger, column)[: len(old)] = old
    return larger


def _r_factors(
    waves: Waves, truth: Truth, free: Mask | None
) -> tuple[Float[Tensor, " item"], Float[Tensor, " item"]]:
    """Over the pixels that were phased, and over those kept out."""
    if free is None:
        found = r_factor(waves, truth.diffraction, truth.measured)
        return found, torch.full_like(found, torch.nan)
    both = r_factors(waves, truth.diffraction, truth.measured, free)
    return both.work, both.free


def _in_bands(images: Images, true: Images, bands: Bands | None) -> Float[Tensor, " item"]:
    if bands is None:
        return torch.full((len(images),), torch.nan, dtype=torch.float64)
    return achieved_resolution(images, true, bands)


def _is_flat(images: Images) -> Bool[Tensor, " item"]:
    low, high = images.amin((-2, -1)), images.amax((-2, -1))
    return high - low <= FLAT * torch.maximum(low.abs(), high.abs())


def check_finite(items: Sequence[int], waves: Waves, images: Images) -> None:
    """Refuse waves or images with values that are not numbers.

    Raises
    ------
    InputError : Names the items.
    """
    for what, values in (("wave", waves), ("image", images)):
        if not torch.isfinite(values).all():
            raise InputError(f"a recovered {what} of items {list(items)} is not finite")
