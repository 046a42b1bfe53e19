"""How often the hybrid phaser starts, how long it iterates, and how it draws its supports."""

from typing import Literal

from pydantic import Field

from diffragan.config.experiment import Experiment
from diffragan.config.numerics import fast_even
from diffragan.config.settings import Settings
from diffragan.phasing.algorithms import STEPS
from diffragan.phasing.finishing import Ending

Effort = Literal["quick", "normal", "best"]


EFFORT_PIXELS = 256
"""Side of the grid that the efforts are meant for."""
MOST_TIMES = 4.0
"""A smaller grid is iterated more often in the same time, but no more than so many times: it holds
a smaller box, which determines its wave less and needs them."""


class HybridSettings(Settings):
    """How often to start, how long to iterate, and how to draw the support."""

    effort: Effort = "normal"
    restarts: int | None = Field(None, ge=1, le=64)
    """Starts of each item, with other random phases where the network knows none; by the effort
    when left out."""
    iterations: int | None = Field(None, ge=1)
    """Iterations of each start; by the effort and the grid when left out."""
    coarse_iterations: int | None = Field(None, ge=0)
    """Iterations before these on a coarser grid, where each costs a fraction; by the effort when
    left out."""
    coarse_angstrom: float = Field(2.2, gt=0)
    """Finest resolution of that grid [Å]."""
    algorithm: str = "hio"
    beta: float = Field(0.6, gt=0, le=1)
    restraint: float = Field(0.1, ge=0, le=1)
    """Pull of the image's phases on the iterate's."""
    likely: float = Field(0.5, gt=0, lt=1)
    """Probability of the envelope from which the first support is drawn."""
    possible: float = Field(0.05, gt=0, lt=1)
    """Probability of the envelope within which every later support stays."""
    border_angstrom: float = Field(2.0, ge=0)
    """How far the possible envelope is grown [Å]."""
    margin_angstrom: float = Field(1.0, ge=0)
    """How far the last support reaches beyond what the wave shows [Å]."""
    cycle: int = Field(100, ge=1)
    error_reduction_steps: int = Field(10, ge=0)
    settled_fraction: float = Field(0.6, ge=0, lt=1)
    sure: float = Field(0.7, ge=0, le=1)
    """Agreement of the first two restarts from which an item needs no others."""
    phase_object_angstrom: float = Field(2.0, gt=0)
    """Coarser than this a wave that is not well measured is held to a phase object [Å]."""
    well_measured: float = Field(0.7, ge=0, le=1)
    """Mean trust in its moduli from which an item's last iterations go by them alone, and neither
    by its image nor by its likeness to a phase object."""
    polish: int = Field(20, ge=0)
    """Steps of error reduction that bring a well measured item's blend back to its moduli."""
    final_starts: int | None = Field(None, ge=1, le=64)
    """Starts, with other phases in the corners, from which a converged wave is finished; by the
    effort when left out."""
    final_iterations: int | None = Field(None, ge=0)
    """Iterations without a break of each; by the effort when left out."""
    seed: int = Field(0, ge=0)
    """Of the random phases."""

    def plan(self, pixels: int = EFFORT_PIXELS) -> tuple[int, int, int]:
        """Restarts, iterations on a grid of so many pixels, and iterations on the coarse grid."""
        restarts, iterations, coarse = EFFORTS[self.effort]
        times = min(max((EFFORT_PIXELS / pixels) ** 2, 1.0), MOST_TIMES)
        given = self.coarse_iterations
        return (
            self.restarts or restarts,
            self.iterations or round(times * iterations),
            coarse if given is None else given,
        )

    def ending(self) -> Ending:
        """How converged waves are finished."""
        starts, iterations, gain = FINAL_EFFORTS[self.effort]
        given = self.final_iterations
        return Ending(
            starts=self.final_starts or starts,
            iterations=iterations if given is None else given,
            corner_gain=gain,
            error_reduction_steps=self.polish,
            seed=self.seed,
            step=STEPS[self.algorithm],
            beta=self.beta,
            positive=True,
        )

    def coarse_pixels(self, experiment: Experiment) -> int:
        """Side of the coarse grid: fast to transform."""
        return fast_even(2 * experiment.box_angstrom / self.coarse_angstrom)


EFFORTS: dict[Effort, tuple[int, int, int]] = {
    "quick": (2, 200, 400),
    "normal": (4, 800, 600),
    "best": (12, 2000, 1000),
}
"""Restarts, iterations, and iterations on the coarse grid before them."""
FINAL_EFFORTS: dict[Effort, tuple[int, int, float]] = {
    "quick": (1, 100, 1.0),
    "normal": (4, 400, 1.0),
    "best": (4, 1000, 1.3),
}
"""Starts of a converged wave, iterations without a break of each and of their mean, and the gain in
the corners meanwhile. `benchmarks/finishing.py` compares them."""
