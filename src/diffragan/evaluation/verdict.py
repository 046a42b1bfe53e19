"""Whether a method uses the diffraction, by a stated rule."""

from dataclasses import dataclass

from diffragan.typing import Float, Tensor

USES = "uses the diffraction"
IGNORES = "ignores the diffraction"
NOT_BETTER = "not better than the low-resolution image alone"
NOT_TESTED = "not tested"

SMALLEST_GAIN = 0.02
"""A mean FRC this little above the image alone is no gain, however small its error."""
LARGEST_SHARE_KEPT = 0.5
"""Who keeps more of the gain than this with the wrong pattern did not need the right one."""

RULE = (
    "The score of a view is its mean FRC from 20 Å to the measured limit on the axes. The gain of "
    "a method is its score minus that of the low-resolution image alone on the same views. "
    f"'{NOT_BETTER}': the mean gain is below {SMALLEST_GAIN} or below twice its standard error. "
    f"'{USES}': with the wrong pattern at most half of the gain is left. "
    f"'{IGNORES}': more than half is left."
)


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
) -> Verdict:
    """Judge scores of the same views: of the method, the image alone, and the wrong pattern.

    Without the wrong-diffraction control only a lack of gain can be told.
    """
    gains = method - image_alone
    views = len(gains)
    gain = float(gains.mean())
    error = float(gains.std()) / views**0.5 if views > 1 else None
    kept = None if wrong_diffraction is None else float((wrong_diffraction - image_alone).mean())
    if gain < max(SMALLEST_GAIN, 2 * (error or 0.0)):
        text = NOT_BETTER
    elif kept is None:
        text = NOT_TESTED
    else:
        text = USES if kept <= LARGEST_SHARE_KEPT * gain else IGNORES
    return Verdict(text, views, gain, error, kept)
