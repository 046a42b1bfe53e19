"""Whether patterns hold a structure at all: a map of noise foretells no free reflections."""

from dataclasses import dataclass

from diffragan.reconstruction.many_views.agreement import Judge
from diffragan.typing import Volume

LEAST_GAIN = 0.01
"""Log-likelihood for each free count over shells of even intensity below which a map knows nothing.
"""
MOST_OF_CHANCE = 0.95
"""R-free over that of the same moduli at wrong places, above which they are no better than these.
"""


@dataclass(frozen=True, slots=True)
class StructureVerdict:
    """What a map's free reflections say, without the truth."""

    r_free: float
    r_free_by_chance: float
    """Of the map's own moduli, shuffled within their shells."""
    free_gain: float

    @property
    def found(self) -> bool:
        """Whether the map foretells reflections that it never saw."""
        better = self.r_free < MOST_OF_CHANCE * self.r_free_by_chance
        return better and self.free_gain > LEAST_GAIN


def structure_in(volume: Volume, judge: Judge) -> StructureVerdict:
    """Judge a map, origin at voxel [0, 0, 0] [V]."""
    factors = judge.judge(volume)
    return StructureVerdict(factors.free, judge.by_chance(volume), factors.free_gain)
