"""Words for resolutions that end with the data, and for how well they were foretold."""

from collections.abc import Sequence

NEAR = 0.15
"""By how much a claimed resolution may differ from that with the truth."""


def reached(resolution: float | None, end_angstrom: float) -> str:
    """Word a resolution [Å]; of a curve that never falls, that it is beyond the end of the data."""
    return f"< {end_angstrom:.2f} Å" if resolution is None else f"{resolution:.2f} Å"


def claimed_over_true(claimed: float | None, true: float | None, end_angstrom: float) -> float:
    """Divide the resolution that the halves claim by that with the truth, each at most the end."""
    return (claimed or end_angstrom) / (true or end_angstrom)


def foretold_words(ratios: Sequence[float]) -> str:
    """Count how often halves tell the resolution with the truth."""
    near = sum(abs(ratio - 1) <= NEAR for ratio in ratios)
    worst = max(ratios, key=lambda ratio: abs(ratio - 1))
    return (
        f"The half maps tell the resolution with the truth within {100 * NEAR:.0f} % in {near} of "
        f"{len(ratios)}; the farthest from it is {worst:.2f} times the true one."
    )
