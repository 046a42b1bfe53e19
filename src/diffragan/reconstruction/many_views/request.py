"""What phase extension of many views is asked for."""

from typing import Any, Literal

from pydantic import Field

from diffragan.config.settings import Settings

PosesOfViews = Literal["known", "refine", "unknown"]
"""What is done about orientations: taken as they are, refined against the patterns, or found from
the images first."""


class PhaseExtensionRequest(Settings):
    """All settings that shape a map by phase extension."""

    poses: PosesOfViews = "known"
    limit_per_angstrom: float | None = Field(None, gt=0)
    """Highest frequency of the patterns that is used; that of whole measured rings if not given."""
    start_resolution_angstrom: float | None = Field(None, gt=0)
    """Of the coarse map; where its halves part if not given [Å]."""
    mass_kda: float | None = Field(None, gt=0)
    """Of the molecule; that of the data set's molecule if not given [kDa]."""
    diameter_angstrom: float | None = Field(None, gt=0)
    """Of the molecule; that of the data set's molecule if not given [Å]."""
    views: int | None = Field(None, ge=1)
    """Only so many of the first views."""
    starts: int = Field(3, ge=1, le=50)
    """Runs from slightly different coarse maps, whose maps are averaged."""
    pattern_rounds: int = Field(0, ge=0)
    """Most rounds of refinement against the patterns themselves, after all else; none at 0."""
    keep_all: bool = False
    """Whether patterns that fit nothing are used all the same."""
    seed: int = Field(0, ge=0)

    def fingerprint(self) -> dict[str, Any]:
        """Say everything that a run which goes on must have in common with the one before."""
        return self.model_dump(mode="json")
