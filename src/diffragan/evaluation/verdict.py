"""Whether a method works and uses the diffraction, by a stated rule."""

from dataclasses import dataclass

from diffragan.evaluation.resemblance import Resemblance
from diffragan.evaluation.scores import ViewScores
from diffragan.typing import Float, Tensor

USES = "uses the diffraction"
IGNORES = "ignores the diffraction"
NOT_BETTER = "not better than the low-resolution image alone"
NOT_TESTED = "better than the image alone, use of the diffraction not tested"
RETURNS_IMAGE = "returns the low-resolution image"
OTHER_VIEW = "returns images of other views"
SAME_IMAGE = "returns the same image for every view"
RANDOM = "phases no better than random"
VERDICTS = (
    USES,
    IGNORES,
    NOT_BETTER,
    NOT_TESTED,
    RETURNS_IMAGE,
    OTHER_VIEW,
    SAME_IMAGE,
    RANDOM,
)

SMALLEST_GAIN = 0.02
"""A mean FRC this little above the image alone is no gain, however small its error."""
LARGEST_SHARE_KEPT = 0.5
"""Who keeps more of the gain than this with the wrong pattern did not need the right one."""
ALIKE = 0.9
"""Correlation from which an image counts as another one."""
SAME = 0.95
"""Mean correlation of a method's images from which they count as one image."""
COPY = 0.98
"""Correlation with the low-resolution image from which a method's images are that image."""
CLOSER = 0.1
"""By how much an image must be more like another view's truth than like its own."""
COARSE_END_ANGSTROM = 5.0
SMALLEST_COARSE_FRC = 0.15
"""Mean FRC from 20 to 5 Å below which phases say nothing: any picture of the molecule has more."""

RULE = (
    "The score of a view is its mean FRC from 20 Å to the measured limit on the axes. The gain of "
    "a method is its score minus that of the low-resolution image alone on the same views. "
    f"'{SAME_IMAGE}': its images correlate by at least {SAME} among themselves, the true ones by "
    f"less than {ALIKE}. '{OTHER_VIEW}': its images correlate by at least {ALIKE} with the truth "
    f"of another view, and by {CLOSER} less with their own. '{RETURNS_IMAGE}': they correlate by "
    f"at least {COPY} with the low-resolution image, and less with the truth. "
    f"'{NOT_BETTER}': the mean gain is below {SMALLEST_GAIN} or below twice its standard error; "
    f"then '{RETURNS_IMAGE}' already if its images correlate by {ALIKE} with it, and '{RANDOM}' "
    f"if their FRC from 20 to 5 Å is below {SMALLEST_COARSE_FRC}. "
    f"'{USES}': with the wrong pattern at most half of the gain is left. "
    f"'{IGNORES}': more than half is left. '{NOT_TESTED}': it could not be run with a wrong one."
)


@dataclass(frozen=True, slots=True)
class Signs:
    """What else the images of a method show."""

    resemblance: Resemblance
    coarse_frc: float
    """Mean FRC from 20 to 5 Å."""


def coarse_frc(scores: ViewScores) -> float:
    """Mean FRC of all views from 20 to 5 Å, or to the end of the data if that comes before."""
    resolution = 1 / scores.limit.frequency_per_angstrom
    coarse = scores.limit.whole_rings & (resolution >= COARSE_END_ANGSTROM)
    rings = coarse if bool(coarse.any()) else scores.limit.whole_rings
    return float(scores.all().frc[:, rings].mean())


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict with the numbers it rests on."""

    text: str
    views: int
    gain: float
    """Mean gain in score over the low-resolution image alone."""
    gain_error: float | None
    """Standard error of that mean; `None` for a single view."""
    gain_with_wrong_diffraction: float | None


def judge(
    method: Float[Tensor, " view"],
    image_alone: Float[Tensor, " view"],
    wrong_diffraction: Float[Tensor, " view"] | None,
    signs: Signs | None = None,
) -> Verdict:
    """Judge scores of the same views: of the method, the image alone, and the wrong pattern.

    Without the wrong-diffraction control it cannot be told where a gain comes from; without `signs`
    not why there is none.
    """
    gains = method - image_alone
    views = len(gains)
    gain = float(gains.mean())
    error = float(gains.std()) / views**0.5 if views > 1 else None
    kept = None if wrong_diffraction is None else float((wrong_diffraction - image_alone).mean())
    not_better = gain < max(SMALLEST_GAIN, 2 * (error or 0.0))
    text = None if signs is None else _fault(signs, not_better)
    if text is None and not_better:
        text = NOT_BETTER
    if text is None and kept is None:
        text = NOT_TESTED
    if text is None:
        assert kept is not None
        text = USES if kept <= LARGEST_SHARE_KEPT * gain else IGNORES
    return Verdict(text, views, gain, error, kept)


def _fault(signs: Signs, not_better: bool) -> str | None:
    """Find a sign that a method does not phase at all."""
    found = signs.resemblance
    if found.each_other >= SAME and found.truths_each_other < ALIKE:
        return SAME_IMAGE
    if found.other_truth >= ALIKE and found.own_truth <= found.other_truth - CLOSER:
        return OTHER_VIEW
    copied = found.low_resolution >= COPY and found.low_resolution > found.own_truth
    if copied or (not_better and found.low_resolution >= ALIKE):
        return RETURNS_IMAGE
    if not_better and signs.coarse_frc < SMALLEST_COARSE_FRC:
        return RANDOM
    return None
