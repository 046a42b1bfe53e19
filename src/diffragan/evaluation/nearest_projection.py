"""The nearest training projection: what a network would score that only remembers.

The training view whose measurements are most like those of a view answers for it. Likeness is
measured on what a network sees: the fourth root of the intensities where they were measured, and
the low-resolution image's contrast as far as its aperture reaches. The distance of two views is the
mean squared difference of the patterns plus that of the images, each in units of its root mean
square over the training data, so that both inputs count alike.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from operator import attrgetter

import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import InputError
from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.evaluation.scores import ViewScores, read_truth
from diffragan.fourier import resample
from diffragan.io.triplets import TripletStore
from diffragan.models.encoding import compressed_modulus, contrast
from diffragan.phasing.protocol import Observations, read_observations
from diffragan.progress import progress_bar
from diffragan.typing import Float, Tensor

NEAREST_PROJECTION = "nearest_training_projection"
TRAINING_BATCH = 64
TEST_BATCH = 16
TEST_BLOCK = 4096
"""Views compared in one pass over the training data: some 220 MB in the paper's setting."""
SCALE_VIEWS = 256
"""Training views, evenly spread, from which the scales are taken."""
MATCHED = (
    "energy_kev",
    "box_angstrom",
    "diffraction.max_angle_mrad",
    "wave_pixels",
    "image_pixels",
    "low_resolution.aperture_mrad",
)
"""Settings in which two data sets must agree for their views to be compared."""

Features = tuple[Float[Tensor, "item sample"], Float[Tensor, "item sample"]]
"""Of pattern and image, before they are scaled."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """For each view the training view most like it."""

    items: list[int]
    distances: list[float]
    """Root of the mean squared differences, in units of the training data's root mean squares."""


def check_training(data: TripletStore, training: TripletStore) -> None:
    """Make sure that training data can be compared with the data to judge.

    Raises
    ------
    InputError : They are the same, or a setting differs that shapes every view.
    """
    if training.identity == data.identity:
        raise InputError(
            f"{training.store.path}: is the data set that is judged; give the one that the method "
            "was trained on"
        )
    for name in MATCHED:
        ours, theirs = attrgetter(name)(data.experiment), attrgetter(name)(training.experiment)
        if ours != theirs:
            raise InputError(
                f"{training.store.path}: has {name} {theirs}, {data.store.path} has {ours}; their "
                "views cannot be compared"
            )


def nearest_projections(
    data: TripletStore, items: Sequence[int], training: TripletStore, device: str = "cpu"
) -> Nearest:
    """Find for each item the training view that is most like it; memory does not grow with either.

    Raises
    ------
    InputError : As `check_training`.
    """
    check_training(data, training)
    scales = _scales(training, device)
    nearest = Nearest([], [])
    for start in range(0, len(items), TEST_BLOCK):
        found = _nearest_of_block(data, items[start : start + TEST_BLOCK], training, scales, device)
        nearest.items.extend(found.items)
        nearest.distances.extend(found.distances)
    return nearest


def judge_nearest(
    data: TripletStore,
    items: Sequence[int],
    training: TripletStore,
    nearest: Nearest,
    limit: MeasuredLimit,
    device: str = "cpu",
) -> ViewScores:
    """Judge the true waves and images of the nearest training views as if they were recovered."""
    scores = ViewScores(limit)
    for start in range(0, len(items), TEST_BATCH):
        rows = slice(start, start + TEST_BATCH)
        answer = read_truth(training, nearest.items[rows], device)
        scores.add(items[rows], answer.waves, answer.images, read_truth(data, items[rows], device))
    return scores


def features(observations: Observations) -> Features:
    """Return what is compared of each view; differences are those on the full grids.

    The image has nothing beyond its aperture, so that a grid that just holds the aperture holds it.
    """
    experiment = observations.experiment
    roots = compressed_modulus(observations.diffraction, observations.measured)
    contrasts = contrast(observations.low_resolution, observations.low_resolution_dose, experiment)
    images = resample(contrasts, _pixels_of_aperture(experiment)).real
    return roots[..., observations.measured], images.flatten(1)


def _pixels_of_aperture(experiment: Experiment) -> int:
    angle = experiment.low_resolution.aperture_mrad
    if angle is None:
        return experiment.image_pixels
    reach = experiment.electron.frequency_per_angstrom(angle) * experiment.box_angstrom
    return min(experiment.image_pixels, 2 * (ceil(reach) + 1))


def _scales(training: TripletStore, device: str) -> tuple[float, float]:
    """Root mean squares of pattern and image features over some training views."""
    step = max(1, len(training) // SCALE_VIEWS)
    sums, counts = [0.0, 0.0], [0, 0]
    for _, found in _stream(training, range(0, len(training), step), device):
        for part, values in enumerate(found):
            sums[part] += float(values.double().square().sum())
            counts[part] += values.numel()
    pattern, image = (sqrt(total / count) for total, count in zip(sums, counts, strict=True))
    if not (pattern > 0 and image > 0):
        raise InputError(f"{training.store.path}: its patterns or images are empty; make it again")
    return pattern, image


def _stream(
    data: TripletStore, items: Sequence[int], device: str
) -> Iterator[tuple[Sequence[int], Features]]:
    for start in range(0, len(items), TRAINING_BATCH):
        batch = items[start : start + TRAINING_BATCH]
        yield batch, features(read_observations(data, batch, device))


def _scaled(found: Features, scales: tuple[float, float]) -> Float[Tensor, "item sample"]:
    """Join pattern and image so that a plain squared distance is the one defined above."""
    parts = [
        values / (scale * sqrt(values.shape[1]))
        for values, scale in zip(found, scales, strict=True)
    ]
    return torch.cat(parts, dim=1)


def _nearest_of_block(
    data: TripletStore,
    items: Sequence[int],
    training: TripletStore,
    scales: tuple[float, float],
    device: str,
) -> Nearest:
    wanted = torch.cat([_scaled(found, scales) for _, found in _stream(data, items, device)])
    # From the mean view the squares are small enough for float32 differences of them.
    middle = wanted.mean(0)
    wanted = wanted - middle
    best = torch.full((len(items),), torch.inf, device=wanted.device)
    which = torch.zeros(len(items), dtype=torch.long, device=wanted.device)
    squares = wanted.square().sum(1)
    with progress_bar(len(training), "nearest training views") as bar:
        for batch, found in _stream(training, range(len(training)), device):
            seen = _scaled(found, scales) - middle
            distance = squares[:, None] + seen.square().sum(1) - 2 * wanted @ seen.T
            least, row = distance.min(dim=1)
            nearer = least < best
            which = torch.where(nearer, torch.as_tensor(batch[0], device=row.device) + row, which)
            best = torch.minimum(best, least)
            bar.advance(len(batch))
    return Nearest(which.tolist(), best.clamp(min=0).sqrt().tolist())
