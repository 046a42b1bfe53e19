"""Where a model may lie in a map: every orientation, and for each the best place at once.

A model turned by R has the transform F(R^T q), which is looked up in one transform of the model;
its correlation with the map at all places is one Fourier transform of the product. Shells are
whitened, so that the score is near the mean of the shell correlations up to the search's
resolution.

Source: Roseman, Acta Cryst. D56 (2000) 1332 (Fourier translation searches at each orientation);
Volkmann and Hanein, J. Struct. Biol. 125 (1999) 176 (rigid docking by correlation).
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.grid import Grid
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.rotation_grid import angles_between
from diffragan.reconstruction.validation.shells import whitened
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Complex, Float, Int, Tensor, Volume

COARSEST_ANGSTROM = 40.0
"""Coarser shells hold the whole molecule's mass, wherever it lies and however it is turned."""
ROOM = 2.0
"""Box of the model's transform over its diameter, so that it is smooth between samples."""
SAMPLES = 3.0
"""Places tried along an axis for each of the search's resolution."""
BATCH = 128


@dataclass(frozen=True, slots=True)
class Poses:
    """Ways to lay a model into a map: a position p goes to `rotation @ p + shift`."""

    rotations: NDArray[np.float64]
    """`(pose, 3, 3)`."""
    shifts: NDArray[np.float64]
    """`(pose, xyz)` [Å]."""
    scores: NDArray[np.float64]
    """`(pose,)`, correlation from -1 to 1."""

    def taken(self, which: NDArray[np.int64]) -> "Poses":
        """Keep some of them, in this order."""
        return Poses(self.rotations[which], self.shifts[which], self.scores[which])


def search_poses(
    maps: list[Volume],
    grid: Grid,
    atoms: AtomicModel,
    rotations: NDArray[np.float64],
    resolution_angstrom: float,
) -> list[Poses]:
    """Find for each orientation where it fits best, in each of several maps.

    Parameters
    ----------
    maps : Each `(z, y, x)` on the grid; one pass over the orientations serves all.
    grid : Sampling of the maps.
    atoms : The model, its centre at the origin.
    rotations : `(n, 3, 3)`.
    resolution_angstrom : Finest detail that counts [Å].

    Returns
    -------
    `n` poses for each map, in the order of the rotations.
    """
    reach = grid.box_angstrom / resolution_angstrom
    index = _half_ball(reach, grid.box_angstrom / COARSEST_ANGSTROM)
    side = 2 * ceil(SAMPLES * reach / 2)
    transforms = [_at(whitened(torch.fft.fftn(_origin_first(volume))), index) for volume in maps]
    lookup, spacing = _model_transform(atoms, resolution_angstrom)
    frequencies = index.double() / grid.box_angstrom
    found: list[tuple[list[Tensor], list[Tensor]]] = [([], []) for _ in maps]
    turns = torch.from_numpy(np.ascontiguousarray(rotations))
    for start in range(0, len(turns), BATCH):
        turned = frequencies @ turns[start : start + BATCH]  # rows are R^T q
        model = _interpolated(lookup, turned / spacing)
        norm = model.abs().square().sum(-1).sqrt()
        for measured, (scores, places) in zip(transforms, found, strict=True):
            product = (measured * model.conj()).to(torch.complex64)
            surface = _correlations(product, index, side)
            best = surface.flatten(1).max(1)
            own = measured.abs().square().sum().sqrt()
            scores.append(best.values.double() / (2 * norm * own))
            places.append(best.indices)
    step = grid.box_angstrom / side
    return [
        Poses(rotations, _places(torch.cat(at), side) * step, torch.cat(scores).numpy())
        for scores, at in found
    ]


def apart(
    poses: Poses, count: int, angle_rad: float, distance_angstrom: float
) -> NDArray[np.int64]:
    """Choose the best poses that differ by more than an angle or a distance, best first."""
    order = np.argsort(-poses.scores, kind="stable")
    kept: list[int] = []
    for one in order:
        near = angles_between(poses.rotations[kept], poses.rotations[one]) < angle_rad
        close = np.linalg.norm(poses.shifts[kept] - poses.shifts[one], axis=-1) < distance_angstrom
        if not (near & close).any():
            kept.append(int(one))
        if len(kept) == count:
            break
    return np.array(kept, dtype=np.int64)


def _origin_first(volume: Volume) -> Volume:
    shifted: Tensor = torch.fft.ifftshift(volume.double())
    return shifted


def _half_ball(reach: float, inner: float) -> Int[Tensor, "sample 3"]:
    """Frequencies x, y, z [samples] between two radii, one of each pair q and -q."""
    axis = torch.arange(-int(reach), int(reach) + 1)
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    radius = torch.sqrt((x**2 + y**2 + z**2).double())
    half = (x > 0) | ((x == 0) & ((y > 0) | ((y == 0) & (z > 0))))
    kept = half & (radius <= reach) & (radius >= max(1.0, inner))
    return torch.stack([x[kept], y[kept], z[kept]], -1)


def _at(transform: Complex[Tensor, "z y x"], index: Int[Tensor, "sample 3"]) -> Tensor:
    """Coefficients at frequencies x, y, z [samples]."""
    size = len(transform)
    x, y, z = (index % size).unbind(-1)
    return transform[z, y, x]


def _model_transform(
    atoms: AtomicModel, resolution_angstrom: float
) -> tuple[Float[Tensor, "1 parts z y x"], float]:
    """Whitened transform of the model, finely sampled, and its spacing [1/Å]."""
    radius = float(atoms.positions.norm(dim=-1).max()) + resolution_angstrom / 2
    box = ROOM * 2 * radius
    pixels = 2 * (ceil(box / resolution_angstrom) + 2)
    sampled = true_potential_map(atoms, Grid(pixels, box)).double()
    # Interpolating linearly between frequencies dims the density towards the edges of the box.
    position = (torch.arange(pixels, dtype=torch.float64) - pixels // 2) / pixels
    dimmed = torch.sinc(position) ** 2
    sampled = sampled / (dimmed[:, None, None] * dimmed[:, None] * dimmed)
    centred = torch.fft.fftshift(whitened(torch.fft.fftn(torch.fft.ifftshift(sampled))))
    return torch.view_as_real(centred).permute(3, 0, 1, 2)[None].float().contiguous(), 1 / box


def _interpolated(
    lookup: Float[Tensor, "1 parts z y x"], places: Float[Tensor, "pose sample 3"]
) -> Complex[Tensor, "pose sample"]:
    """Look a centred transform up at frequencies x, y, z [its samples]."""
    size = lookup.shape[-1]
    normalised = (places + size // 2) / (size - 1) * 2 - 1
    values = torch.nn.functional.grid_sample(
        lookup, normalised[None, None].float(), align_corners=True
    )
    return torch.complex(values[0, 0, 0], values[0, 1, 0])


def _correlations(
    product: Complex[Tensor, "pose sample"], index: Int[Tensor, "sample 3"], side: int
) -> Float[Tensor, "pose z y x"]:
    """Sum of the product over frequencies for the model at each of side^3 places."""
    x, y, z = index.unbind(-1)
    grid = product.new_zeros(len(product), side, side, side // 2 + 1)
    grid[:, z % side, y % side, x] = product
    # On the plane x = 0 both of q and -q are wanted, and only one was set.
    plane = x == 0
    grid[:, -z[plane] % side, -y[plane] % side, 0] = product[:, plane].conj()
    surface: Tensor = torch.fft.irfftn(grid, s=(side,) * 3, norm="forward")
    return surface


def _places(flat: Int[Tensor, " pose"], side: int) -> NDArray[np.float64]:
    """Turn indices of places into shifts x, y, z [steps], between -side/2 and side/2."""
    z, y, x = flat // side**2, flat // side % side, flat % side
    steps = torch.stack([x, y, z], -1)
    return ((steps + side // 2) % side - side // 2).double().numpy()
