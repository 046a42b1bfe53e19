"""The specimen as the beam meets it: what it does to the wave in any window of a lattice."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from diffragan.simulation.scan.ice_crystals import PatchOnLattice
from diffragan.simulation.scan.lattice import Lattice, overlap
from diffragan.simulation.scan.layers import Layers
from diffragan.simulation.scan.molecules import OnLattice
from diffragan.simulation.scan.quilt import Quilt
from diffragan.typing import Complex, Float, Int, Tensor


@dataclass(frozen=True, slots=True)
class LayerKind:
    """One of the amorphous layers, as a lattice shows it."""

    quilt: Quilt
    thickness_angstrom: float
    """Of the piece that the quilt is made of."""
    inner_rad_per_angstrom: float
    fine_power: float = 0.0
    """Variance of the phase that is finer than the lattice shows [rad2]; it dims the wave."""


@dataclass(frozen=True, slots=True)
class Field:
    """All that stands in the beam."""

    layers: Layers
    ice: LayerKind
    carbon: LayerKind
    patches: Sequence[PatchOnLattice]
    molecules: Sequence[OnLattice]
    quilt_lattice: Lattice
    """The quilts' lattice."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the field."""

    transmission: Complex[Tensor, "y x"]
    """The wave behind the specimen for a plane wave before it, at the mid-plane."""
    thickness: Float[Tensor, "layer y x"]
    """Of vitreous and crystalline ice, and of carbon [Å]."""
    crystalline: Float[Tensor, "y x"]
    """Share of the ice that is crystalline."""


def window_of(
    field: Field,
    lattice: Lattice,
    first: tuple[int, int],
    shape: tuple[int, int],
    near_molecules: Sequence[int],
) -> Window:
    """Compute the transmission of a window.

    exp(i times the inner potentials, plus the layers' phases) times the molecules. The water that
    molecules displace is missing from the layer's noise, as its mean is from their waves.

    Parameters
    ----------
    lattice : Of the window; molecules and crystals are sampled on it.
    first : First pixel, y and x.
    shape : Pixels along y and x.
    near_molecules : Which molecules may reach into it.
    """
    y = torch.arange(first[0], first[0] + shape[0])
    x = torch.arange(first[1], first[1] + shape[1])
    points = lattice.points(y, x)
    ice, carbon = field.layers.at(points)
    vitreous, factor = _molecules(field, first, shape, ice, near_molecules)
    crystal, crystalline = _crystals(field, first, shape)
    rows, columns = _quilt_pixels(field, lattice, points, y, x)
    phase = 1j * (field.ice.inner_rad_per_angstrom * ice).to(torch.complex64)
    phase = phase + 1j * field.carbon.inner_rad_per_angstrom * carbon
    vitreous = vitreous * (1 - crystalline)
    for kind, thickness in ((field.ice, vitreous), (field.carbon, carbon)):
        if bool((thickness > 0).any()):
            share = thickness / kind.thickness_angstrom
            phase = (
                phase + kind.quilt.at(rows, columns) * share.sqrt() - share * kind.fine_power / 2
            )
    if crystal is not None:
        phase = phase + crystal
    return Window(torch.exp(phase) * factor, torch.stack([ice, carbon]), crystalline)


def _molecules(
    field: Field, first: tuple[int, int], shape: tuple[int, int], ice: Tensor, near: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Ice that is left beside the molecules, and their factor."""
    vitreous = ice.clone()
    factor = torch.ones(shape, dtype=torch.complex64)
    for number in near:
        molecule = field.molecules[number]
        places = overlap(first, shape, molecule.first, molecule.shape)
        if places is not None:
            here, own = places
            factor[here] *= 1 + molecule.scattered[own]
            vitreous[here] -= molecule.displaced[own]
    return vitreous.clamp(min=0), factor


def _crystals(
    field: Field, first: tuple[int, int], shape: tuple[int, int]
) -> tuple[Tensor | None, Tensor]:
    """Phase of the crystalline patches, if any, and what share of the ice they are."""
    share = torch.zeros(shape)
    total: Tensor | None = None
    for patch in field.patches:
        places = overlap(first, shape, patch.first, patch.shape)
        if places is None:
            continue
        here, own = places
        share[here] = torch.maximum(share[here], patch.weight[own])
        total = torch.zeros(shape, dtype=torch.complex64) if total is None else total
        total[here] += patch.phase[own]
    return total, share


def _quilt_pixels(
    field: Field, lattice: Lattice, points: Tensor, y: Tensor, x: Tensor
) -> tuple[Int[Tensor, "..."], Int[Tensor, "..."]]:
    if lattice is field.quilt_lattice:
        return y[:, None], x[None, :]
    found = torch.from_numpy(field.quilt_lattice.pixels(points.numpy())).round().long()
    return found[..., 1], found[..., 0]
