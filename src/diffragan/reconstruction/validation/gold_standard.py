"""Correlation of half maps: as they are, in a mask, and without what the mask makes."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from diffragan.grid import Grid
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.validation.checks import check_contrast, check_volume
from diffragan.reconstruction.validation.phase_randomisation import (
    corrected_correlation,
    randomise_phases,
    start_shell,
)
from diffragan.rings import resolution_at
from diffragan.typing import Float, Tensor, Volume

Kind = Literal["unmasked", "masked", "phase_randomised", "corrected"]
THRESHOLDS = {"0p143": 0.143, "0p5": 0.5}


@dataclass(frozen=True, slots=True)
class GoldStandard:
    """Shell correlations of two half maps."""

    frequency_per_angstrom: Float[Tensor, " shell"]
    unmasked: Float[Tensor, " shell"]
    masked: Float[Tensor, " shell"] | None = None
    phase_randomised: Float[Tensor, " shell"] | None = None
    """Of the masked halves with random phases: what the mask alone makes."""
    corrected: Float[Tensor, " shell"] | None = None
    """The masked one without that."""
    randomised_from_angstrom: float | None = None
    """Resolution beyond which phases were replaced [Å]."""

    @property
    def best(self) -> Float[Tensor, " shell"]:
        """The curve to believe: corrected where there is a mask."""
        return self.unmasked if self.corrected is None else self.corrected

    @property
    def resolution_angstrom(self) -> float | None:
        """Where the curve to believe falls below 0.143 [Å]; `None` where it never does."""
        return resolution_at(self.best, self.frequency_per_angstrom, THRESHOLDS["0p143"])

    def resolution(self, kind: Kind, threshold: float = 0.143) -> float | None:
        """Resolution of one curve [Å]; `None` where it never falls, or there is none."""
        curve = getattr(self, kind)
        if curve is None:
            return None
        return resolution_at(curve, self.frequency_per_angstrom, threshold)

    def within(self, limit_per_angstrom: float) -> "GoldStandard":
        """Cut all curves off where the data end; beyond, maps are empty and agree on nothing."""
        kept = self.frequency_per_angstrom <= limit_per_angstrom

        def cut(curve: Float[Tensor, " shell"] | None) -> Float[Tensor, " shell"] | None:
            return None if curve is None else curve[kept]

        return GoldStandard(
            self.frequency_per_angstrom[kept],
            self.unmasked[kept],
            cut(self.masked),
            cut(self.phase_randomised),
            cut(self.corrected),
            self.randomised_from_angstrom,
        )

    def summary(self) -> dict[str, Any]:
        """Every curve, and its resolutions at 0.143 and 0.5, in plain numbers."""
        found: dict[str, Any] = {
            "frequency_per_angstrom": self.frequency_per_angstrom.tolist(),
            "resolution_angstrom": self.resolution_angstrom,
            "phases_randomised_from_angstrom": self.randomised_from_angstrom,
        }
        for kind in get_args(Kind):
            curve = getattr(self, kind)
            found[f"fsc_{kind}"] = None if curve is None else curve.tolist()
            for name, threshold in THRESHOLDS.items():
                if kind != "phase_randomised":
                    key = f"resolution_{kind}_fsc_{name}_angstrom"
                    found[key] = self.resolution(kind, threshold)
        return found


def gold_standard(
    half1: Volume, half2: Volume, grid: Grid, mask: Volume | None = None, seed: int = 0
) -> GoldStandard:
    """Correlate half maps `(z, y, x)` shell by shell.

    Parameters
    ----------
    half1, half2 : Maps of particles that are in one of them only.
    grid : Sampling of both.
    mask : `(z, y, x)` from 0 to 1; without it there is the unmasked curve only.
    seed : Of the random phases.

    Raises
    ------
    InputError : The maps or the mask are of another size, flat, or not finite.

    Source: Scheres and Chen, Nat. Methods 9 (2012) 853 (the halves); Chen et al., Ultramicroscopy
    135 (2013) 24 (the correction).
    """
    for volume, name in ((half1, "the first half map"), (half2, "the second half map")):
        check_volume(volume, grid, name)
        check_contrast(volume, name)
    frequency, unmasked = fourier_shell_correlation(half1, half2, grid)
    if mask is None:
        return GoldStandard(frequency, unmasked)
    check_volume(mask, grid, "the mask")
    _, masked = fourier_shell_correlation(half1 * mask, half2 * mask, grid)
    first = start_shell(unmasked)
    random1, random2 = (
        randomise_phases(half, first, 2 * seed + n) * mask for n, half in enumerate((half1, half2))
    )
    _, made = fourier_shell_correlation(random1, random2, grid)
    return GoldStandard(
        frequency,
        unmasked,
        masked,
        made,
        corrected_correlation(masked, made, first),
        grid.box_angstrom / first if first < len(unmasked) else None,
    )
