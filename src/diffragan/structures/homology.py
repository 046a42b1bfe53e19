"""Decide which sequences are relatives, so that no two of them come to different splits.

In single linkage one chance link joins two whole clusters. An E-value is the number of chance
links a sequence is expected to have, and links at random grow into one giant cluster when each
sequence has one of them on average (Erdős and Rényi, 1960). So the limits below, 0.001 and 0.01,
keep far away from that in a set of any size.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from diffragan.errors import ConfigError
from diffragan.progress import progress_bar
from diffragan.structures.alignment import Alignment, align, e_value, global_score, local_score

DEFAULT_IDENTITY = 0.3
"""Above it a long alignment means one fold (Rost, Protein Eng. 12, 85, 1999)."""
DEFAULT_COVERAGE = 0.5
DEFAULT_E_VALUE = 1e-3

DOMAIN_RESIDUES = 40
"""The smallest domains; expression tags, which relate no proteins, are shorter."""

LENIENCE = 10.0
"""How much larger E may be where identity and coverage speak for a relation too."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sequences of a list whose alignment deserved a look."""

    first: int
    second: int
    """Places in the list; `first` is the smaller."""
    alignment: Alignment
    e_value: float | None
    """None where no statistics were asked: the same sequence, or the paper's rule."""
    ground: str | None
    """Why the two are taken as relatives; None when they are not."""

    def evidence(self) -> dict[str, Any]:
        """Return the numbers as JSON."""
        return {"ground": self.ground, "e_value": self.e_value, **asdict(self.alignment)}


class HomologyRule(Protocol):
    """Judges a pair of sequences."""

    def settings(self) -> dict[str, Any]:
        """Return the rule's name and limits as JSON."""
        ...

    def compare(self, sequences: Sequence[str], first: int, second: int) -> Comparison | None:
        """Compare two of the set's different sequences; None when they have nothing in common."""
        ...


@dataclass(frozen=True, slots=True)
class SignificanceRule:
    """Links what chance would not align: by E-value, and less strictly where identity is high.

    Two sequences are linked when their best local alignment

    - has E <= `e_value` and spans `coverage` of the shorter one or `DOMAIN_RESIDUES`, whichever is
      less, at any identity: a distant relative is one as well; or
    - has E <= `LENIENCE * e_value`, spans `coverage` of the shorter one, and `identity` or more of
      its aligned residues are the same.
    """

    identity: float = DEFAULT_IDENTITY
    coverage: float = DEFAULT_COVERAGE
    e_value: float = DEFAULT_E_VALUE

    def __post_init__(self) -> None:
        """Refuse limits that mean nothing."""
        for name in ("identity", "coverage"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise ConfigError(
                    f"the {name} is {value:g}; give a fraction above 0 and up to 1, as 0.3"
                )
        if not 0 < self.e_value <= 0.1:
            raise ConfigError(
                f"the E-value is {self.e_value:g}; give one above 0 and up to 0.1, beyond which "
                "chance matches chain unrelated proteins together"
            )

    def settings(self) -> dict[str, Any]:
        """Return the rule's name and limits as JSON."""
        return {"rule": "significance", **asdict(self)}

    def compare(self, sequences: Sequence[str], first: int, second: int) -> Comparison | None:
        """Compare two sequences; see `HomologyRule`."""
        one, other = sequences[first], sequences[second]
        expected = e_value(local_score(one, other), len(one), len(other), len(sequences))
        if expected > self.e_value * LENIENCE:
            return None
        alignment = align(one, other, "local")
        return Comparison(first, second, alignment, expected, self._ground(alignment, expected))

    def _ground(self, alignment: Alignment, expected: float) -> str | None:
        covered = alignment.coverage >= self.coverage
        is_domain = alignment.aligned_residues >= DOMAIN_RESIDUES
        if expected <= self.e_value and (covered or is_domain):
            return "significant"
        if covered and alignment.identity >= self.identity:
            return "similar"
        return None


@dataclass(frozen=True, slots=True)
class PaperRule:
    """Links what can be aligned from end to end: the sum of BLOSUM62 scores and gaps is positive.

    The DiffraGAN paper says that its test proteins cannot be aligned to its training proteins by
    BLOSUM62, and no more. BLOSUM62 is a log-odds score, so above zero the pairing is likelier
    between relatives than by chance. This misses relatives of different length.
    """

    def settings(self) -> dict[str, Any]:
        """Return the rule's name as JSON."""
        return {"rule": "paper"}

    def compare(self, sequences: Sequence[str], first: int, second: int) -> Comparison | None:
        """Compare two sequences; see `HomologyRule`."""
        one, other = sequences[first], sequences[second]
        if global_score(one, other) <= 0:
            return None
        return Comparison(first, second, align(one, other, "global"), None, "alignable")


RULES: dict[str, Callable[..., HomologyRule]] = {
    "significance": SignificanceRule,
    "paper": PaperRule,
}
"""Name to rule; its parameters are the limits it has."""


def compare_all(sequences: Sequence[str], rule: HomologyRule) -> list[Comparison]:
    """Compare every sequence with every other one.

    Returns the pairs that are relatives and the near misses, in the order of the list.

    Parameters
    ----------
    sequences : Different sequences in one-letter code.
    """
    count = len(sequences)
    found = []
    with progress_bar(count * (count - 1) // 2, "aligning pairs") as bar:
        for second in range(1, count):
            for first in range(second):
                comparison = rule.compare(sequences, first, second)
                if comparison is not None:
                    found.append(comparison)
            bar.advance(second)
    return sorted(found, key=lambda one: (one.first, one.second))
