"""What Dragonfly is asked for."""

from pydantic import Field

from diffragan.config.settings import Settings

RADIANS_PER_DIVISION = 0.944
"""Step between orientations, times the divisions of an edge of the 600-cell: Loh and Elser, Phys.
Rev. E 80 (2009) 026705, appendix C."""


class DragonflySettings(Settings):
    """Settings of the `[emc]` part of its configuration."""

    iterations: int = Field(50, ge=1)
    divisions: int = Field(8, ge=1)
    """`num_div`: 10 (5 n^3 + n) orientations are tried."""
    beta_growth: float = Field(1.41421356, ge=1)
    """Orientations are weighted by likelihood to a power that starts low and grows by this ..."""
    beta_period: int = Field(3, ge=1)
    """... every so many iterations, up to 1; it should come near 1 before the last iteration."""
    scaled: bool = False
    """Whether the brightness of each pattern is refined."""
    threads: int = Field(1, ge=1)
    seed: int = Field(0, ge=0)
    """Of the random intensity it starts from."""

    @property
    def orientations(self) -> int:
        """How many orientations are tried."""
        return 10 * (5 * self.divisions**3 + self.divisions)

    @property
    def step_rad(self) -> float:
        """Angle between neighbouring orientations, about [rad]."""
        return RADIANS_PER_DIVISION / self.divisions
