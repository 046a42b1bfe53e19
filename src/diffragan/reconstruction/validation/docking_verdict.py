"""Whether a docked model is the map's molecule, in words.

A score by itself says little: noise lowers it for every model. What tells is how far the best pose
stands out from poses that are wrong for certain: the best in the mirrored map, and the best
elsewhere in the same one. `benchmarks/docking.py --wrong` gives the figures behind the limits.
"""

from typing import Any, Literal

from diffragan.reconstruction.validation.docking import Docking

Verdict = Literal["fits", "doubtful", "does not fit"]

SURE_CONTRAST = 1.4
"""Models of other proteins reached 1.33 at most, right ones 1.49 or more, in noise too."""
POSSIBLE_CONTRAST = 1.2
ALIKE = 0.9
"""Share of the best score from which on another pose fits as well: a symmetric molecule has one in
the same hand, and in a coarse map both hands fit alike."""
ALIKE_CONTRAST = 2.0
"""Over the other one of the two then."""
LEAST_SHARE = 0.3
"""Of the score that the half maps let expect; a protein of similar fold reached 0.1."""
HAND_CONTRAST = 1.3
FAINT = 1e-9


def contrast(docking: Docking) -> float:
    """Best score over the better of those known to be wrong: the other hand, and the runner-up."""
    return _over(docking, max(docking.other_hand, docking.best.runner_up))


def hand_contrast(docking: Docking) -> float:
    """Best score over the best in the other hand."""
    return _over(docking, docking.other_hand)


def verdict(docking: Docking) -> Verdict:
    """Say whether the model is the map's."""
    wrong = sorted((docking.other_hand, docking.best.runner_up))
    apart = _over(docking, wrong[0])
    alike = wrong[1] >= ALIKE * docking.best.score and apart >= ALIKE_CONTRAST
    if contrast(docking) >= SURE_CONTRAST or alike:
        return "doubtful" if _is_less_than_expected(docking) else "fits"
    return (
        "doubtful"
        if max(contrast(docking), apart / SURE_CONTRAST) >= POSSIBLE_CONTRAST
        else "does not fit"
    )


def _over(docking: Docking, wrong: float) -> float:
    return docking.best.score / max(wrong, FAINT) if docking.best.score > 0 else 0.0


def _is_less_than_expected(docking: Docking) -> bool:
    expected = docking.expected_score
    return expected is not None and docking.best.score < LEAST_SHARE * expected


def hand_is_told(docking: Docking) -> bool:
    """Say whether one hand fits so much better that it is the right one."""
    return verdict(docking) == "fits" and hand_contrast(docking) >= HAND_CONTRAST


def verdict_words(docking: Docking, name: str) -> str:
    """Say in a sentence how the model fits, and which hand the map has."""
    score = f"{docking.best.score:.2f}"
    times = f"{contrast(docking):.1f} times"
    which = verdict(docking)
    if which == "does not fit":
        return (
            f"{name} does not fit the map: its best pose scores {score}, hardly more ({times}) "
            "than wrong ones; it may be another protein, or the map is too poor"
        )
    if which == "doubtful" and _is_less_than_expected(docking):
        return (
            f"whether {name} is the molecule of the map is in doubt: its best pose stands out, but "
            f"scores {score} where the half maps let expect {docking.expected_score:.2f}; it may "
            "be a relative, or a part"
        )
    if which == "doubtful":
        return (
            f"whether {name} is the molecule of the map is in doubt: its best pose scores {score}, "
            f"only {times} what a wrong one does"
        )
    if not hand_is_told(docking):
        return f"{name} fits the map (score {score}), which is too coarse to tell its hand"
    margin = f"{docking.best.score:.2f} against {docking.other_hand:.2f}"
    hand = (
        "the map had the wrong hand and was mirrored" if docking.mirrored else "the hand is right"
    )
    return f"{name} fits the map: {hand} ({margin})"


def docking_summary(docking: Docking, name: str) -> dict[str, Any]:
    """Describe a docking in plain numbers and a sentence."""
    return {
        "verdict": verdict(docking),
        "words": verdict_words(docking, name),
        "hand": ("mirrored" if docking.mirrored else "as is")
        if hand_is_told(docking)
        else "unknown",
        "score": docking.best.score,
        "score_expected": docking.expected_score,
        "score_other_hand": docking.other_hand,
        "score_runner_up": docking.best.runner_up,
        "contrast": contrast(docking),
        "hand_contrast": hand_contrast(docking),
        "resolution_angstrom": docking.resolution_angstrom,
        "rotation": docking.best.rotation.tolist(),
        "shift_angstrom": docking.best.shift.tolist(),
    }
