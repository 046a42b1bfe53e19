"""A map against the map that a model would make, shell by shell."""

from dataclasses import dataclass
from typing import Any

from diffragan.grid import Grid
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.reconstruct import TRUTH_THRESHOLD
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.checks import check_contrast, check_volume
from diffragan.rings import resolution_at
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Float, Tensor, Volume


@dataclass(frozen=True, slots=True)
class MapModelCorrelation:
    """Shell correlations of a map with a model's own."""

    frequency_per_angstrom: Float[Tensor, " shell"]
    unmasked: Float[Tensor, " shell"]
    masked: Float[Tensor, " shell"] | None

    @property
    def resolution_angstrom(self) -> float | None:
        """Where the masked curve (the unmasked one without a mask) falls below 0.5 [Å]."""
        curve = self.unmasked if self.masked is None else self.masked
        return resolution_at(curve, self.frequency_per_angstrom, TRUTH_THRESHOLD)

    def within(self, limit_per_angstrom: float) -> "MapModelCorrelation":
        """Cut the curves off where the data of the map end."""
        kept = self.frequency_per_angstrom <= limit_per_angstrom
        masked = None if self.masked is None else self.masked[kept]
        return MapModelCorrelation(self.frequency_per_angstrom[kept], self.unmasked[kept], masked)

    def summary(self) -> dict[str, Any]:
        """Describe the curves in plain numbers."""
        unmasked = resolution_at(self.unmasked, self.frequency_per_angstrom, TRUTH_THRESHOLD)
        return {
            "frequency_per_angstrom": self.frequency_per_angstrom.tolist(),
            "fsc_unmasked": self.unmasked.tolist(),
            "fsc_masked": None if self.masked is None else self.masked.tolist(),
            "resolution_fsc_0p5_angstrom": self.resolution_angstrom,
            "resolution_unmasked_fsc_0p5_angstrom": unmasked,
        }


def map_model_correlation(
    volume: Volume, grid: Grid, model: AtomicModel | Volume, mask: Volume | None = None
) -> MapModelCorrelation:
    """Correlate a map `(z, y, x)` with a model that lies in it.

    Parameters
    ----------
    volume : The map.
    grid : Its sampling.
    model : Atoms in the map's frame, whose potential is made with electron form factors and, where
        there are some, B-factors; or such a map.
    mask : `(z, y, x)` from 0 to 1, laid over both.

    Raises
    ------
    InputError : A map is flat, not finite, or of another size.

    Source: Rosenthal and Henderson, J. Mol. Biol. 333 (2003) 721 (0.5 against a perfect reference).
    """
    check_volume(volume, grid)
    check_contrast(volume)
    own = true_potential_map(model, grid) if isinstance(model, AtomicModel) else model
    check_volume(own, grid, "the model's map")
    check_contrast(own, "the model's map")
    frequency, unmasked = fourier_shell_correlation(volume, own, grid)
    masked = None
    if mask is not None:
        check_volume(mask, grid, "the mask")
        _, masked = fourier_shell_correlation(volume * mask, own * mask, grid)
    return MapModelCorrelation(frequency, unmasked, masked)
