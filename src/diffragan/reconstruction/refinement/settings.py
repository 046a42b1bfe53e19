"""What a reconstruction with unknown poses is asked for."""

from pydantic import Field

from diffragan.config.settings import Settings


class RefinementSettings(Settings):
    """Settings of the embedded engine; the defaults suit molecules of 5 to 100 kDa."""

    seed: int = Field(0, ge=0)
    """Of everything random: starts, batches, half sets."""
    symmetry: str = "C1"
    """C1, Cn or Dn; the main axis is z, the twofold of Dn is x."""
    particle_diameter_angstrom: float | None = Field(None, gt=0)
    """Of the sphere outside which the map is empty; 95 % of the box when left out [Å]."""
    max_shift_angstrom: float = Field(7.0, ge=0)
    """Farthest a molecule may lie from the middle of its image [Å]."""

    starts: int = Field(3, ge=1, le=50)
    """Random starts of the initial model; the most likely one is refined."""
    start_iterations: int = Field(70, ge=2)
    """Batches that each start sees."""
    start_batch: int = Field(100, ge=1)
    """Images in a batch."""
    start_step_degrees: float = Field(15.0, ge=4, le=40)
    """Distance of the orientations that a start tries."""
    start_coarsest_angstrom: float = Field(24.0, gt=0)
    """Resolution with which a start begins [Å]."""
    start_finest_angstrom: float = Field(8.5, gt=0)
    """Resolution with which it ends [Å]."""

    handover_angstrom: float = Field(12.0, gt=0)
    """Coarser than this the half sets share their first map; finer, they share nothing [Å]."""
    search_step_degrees: float = Field(15.0, ge=2, le=40)
    """Distance of the orientations in a global search; a local one follows from the best."""
    search_finest_angstrom: float = Field(8.5, gt=0)
    """Resolution of a global search [Å]."""
    candidates: int = Field(4, ge=1, le=64)
    """Places of each image from which the local search climbs after a global search."""
    global_iterations: int = Field(3, ge=1)
    """Iterations with a global search; local ones follow."""
    climb_steps: int = Field(6, ge=1, le=100)
    """Gauss-Newton steps of an image in one iteration."""
    max_iterations: int = Field(25, ge=1)
    """Of the refinement; it stops before when nothing changes any more."""
