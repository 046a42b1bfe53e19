"""What `reconstruct` is asked for."""

from typing import Any, Literal

from pydantic import Field

from diffragan.config.settings import Settings
from diffragan.reconstruction.half_sets import HalfSetRule

Way = Literal["known", "shifts", "refine", "unknown"]
"""What is done about poses: taken as they are, their shifts refined, both refined, or found."""
Engine = Literal["embedded", "relion"]


class Request(Settings):
    """All settings that shape a map."""

    poses: Way = "known"
    engine: Engine = "embedded"
    symmetry: str = "C1"
    """C1, Cn or Dn."""
    half_sets: HalfSetRule = "auto"
    seed: int = Field(0, ge=0)
    diameter_angstrom: float | None = Field(None, gt=0)
    """Of the molecule, for engines that mask the images; nine tenths of the box if not given."""
    max_shift_angstrom: float = Field(7.0, ge=0)
    """Farthest a molecule may lie from the middle of its image [Å]."""
    starts: int = Field(3, ge=1, le=50)
    """Random starts of the embedded engine's initial model."""
    iterations: int | None = Field(None, ge=1)
    """Most iterations of a refinement; until nothing changes any more if not given."""
    ranks: int = Field(3, ge=3)
    """Processes of RELION's refinement."""

    def fingerprint(self) -> dict[str, Any]:
        """Say everything that a run which goes on must have in common with the one before."""
        return self.model_dump(mode="json", exclude={"ranks"})
