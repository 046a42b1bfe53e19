"""Everything measured of a model that lies in a map."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.map_model import (
    MapModelCorrelation,
    map_model_correlation,
)
from diffragan.reconstruction.validation.masks import around_atoms
from diffragan.reconstruction.validation.q_score import by_residue, q_scores
from diffragan.reconstruction.validation.residue_correlation import (
    by_distance,
    correlation_in,
    distances_from_centre,
    radius_at,
    residue_correlations,
    residue_sigmas,
    voxels_near,
)
from diffragan.reconstruction.validation.residue_model import ResidueModel
from diffragan.reconstruction.validation.shells import low_passed
from diffragan.typing import Volume

Numbers = NDArray[np.float64]

MASK_GROW_ANGSTROM = 3.0
MASK_EDGE_ANGSTROM = 5.0
LEAST_SAMPLES = 2.0
NOWHERE = np.zeros((0, 3), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class ModelInMap:
    """A model's fit as a whole, by atom and by residue."""

    labels: tuple[str, ...]
    """Of the residues."""
    distance: Numbers
    """`(residue,)`, from the centre of the molecule [Å]."""
    q_score: Numbers
    """`(residue,)`, mean over its atoms beside hydrogen."""
    correlation: Numbers
    """`(residue,)`, real-space correlation with the model's own map."""
    sigmas: Numbers
    """`(residue,)`, mean density in standard deviations of the map above its mean."""
    local_resolution: Numbers | None
    """`(residue,)`, mean over its atoms [Å]."""
    q_score_of_atoms: Numbers
    """`(atom,)`, without hydrogens."""
    shells: MapModelCorrelation
    correlation_in_mask: float
    """Real-space correlation of all voxels near the model."""
    radius_angstrom: float
    """Around each atom, for the correlations [Å]."""

    def summary(self) -> dict[str, Any]:
        """Describe the fit in plain numbers."""
        q_middles, q_means = by_distance(self.distance, self.q_score)
        middles, means = by_distance(self.distance, self.correlation)
        _, sigmas = by_distance(self.distance, self.sigmas)
        return {
            "map_model": {
                **self.shells.summary(),
                "correlation_near_model": self.correlation_in_mask,
            },
            "q_score": {
                "mean": float(np.nanmean(self.q_score_of_atoms)),
                "median_residue": float(np.nanmedian(self.q_score)),
                "lowest_residue": float(np.nanmin(self.q_score)),
                "distance_angstrom": q_middles.tolist(),
                "mean_at_distance": q_means.tolist(),
            },
            "residue_correlation": {
                "mean": float(np.nanmean(self.correlation)),
                "radius_angstrom": self.radius_angstrom,
                "distance_angstrom": middles.tolist(),
                "mean_at_distance": means.tolist(),
                "sigmas_at_distance": sigmas.tolist(),
                "periphery_minus_centre": float(means[-1] - means[0]),
            },
            "residues": {
                "label": list(self.labels),
                "distance_angstrom": self.distance.tolist(),
                "q_score": self.q_score.tolist(),
                "correlation": self.correlation.tolist(),
                "density_sigmas": self.sigmas.tolist(),
                "local_resolution_angstrom": None
                if self.local_resolution is None
                else self.local_resolution.tolist(),
            },
        }


def measure_model(
    volume: Volume,
    grid: Grid,
    model: ResidueModel,
    *,
    resolution_angstrom: float | None = None,
    local_resolution: Volume | None = None,
    in_motion: bool = False,
) -> ModelInMap:
    """Measure how a model lies in a map.

    Parameters
    ----------
    volume : `(z, y, x)`.
    grid : Its sampling.
    model : In the map's frame.
    resolution_angstrom : Of the map; both are cut off there for correlations in real space [Å].
    local_resolution : `(z, y, x)` [Å], for its mean over each residue.
    in_motion : Blur the model's own map by its B-factors.

    Raises
    ------
    InputError : The model has atoms of hydrogen alone, lies outside the map, or the map is flat or
        not finite.
    """
    heavy = model.heavy
    if not heavy.any():
        raise InputError(f"the model {model.name} has no atoms beside hydrogen; give a whole one")
    positions, owner, count = model.positions[heavy], model.residue[heavy], len(model.labels)
    scores = q_scores(volume, grid, positions)
    own = true_potential_map(model.atoms(), grid, in_motion=in_motion)
    mask = around_atoms(positions, grid, MASK_GROW_ANGSTROM, MASK_EDGE_ANGSTROM)
    shells = map_model_correlation(volume, grid, own, mask)
    finest = max(resolution_angstrom or 0.0, LEAST_SAMPLES * grid.pixel_angstrom)
    seen, expected = (low_passed(one, grid, finest).numpy() for one in (volume, own))
    radius = radius_at(finest)
    near = [
        voxels_near(positions[owner == one], grid, radius) if (owner == one).any() else NOWHERE
        for one in range(count)
    ]
    resolved = (
        None
        if local_resolution is None
        else _at_atoms(local_resolution, grid, positions, owner, count)
    )
    return ModelInMap(
        model.labels,
        distances_from_centre(positions, owner, count),
        by_residue(scores, owner, count),
        residue_correlations(seen, expected, near),
        residue_sigmas(seen, near),
        resolved,
        scores,
        shells,
        correlation_in(seen, expected, np.unique(np.concatenate(near), axis=0)),
        radius,
    )


def _at_atoms(
    values: Volume, grid: Grid, positions: Numbers, owner: NDArray[np.int64], count: int
) -> Numbers:
    """Mean of a map at the atoms of each residue, where it has a value."""
    index = np.rint(positions[:, ::-1] / grid.pixel_angstrom).astype(int) + grid.pixels // 2
    index = np.clip(index, 0, grid.pixels - 1)
    found = values.numpy()[tuple(index.T)].astype(np.float64)
    known = found > 0
    return by_residue(found[known], owner[known], count)
