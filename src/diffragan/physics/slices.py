"""Atoms sorted into slices along the beam, and by element inside each slice."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import ceil

import torch

from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Bool, Float, Int, Tensor


@dataclass(frozen=True, slots=True)
class ElementRun:
    """Atoms `start` to `stop` of a slice, which are of one element."""

    atomic_number: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class SliceAtoms:
    """The atoms of one slice, in every pose of a batch."""

    height_angstrom: float
    """Height of the slice's centre over the mid-plane, downstream [Å]."""
    positions: Float[Tensor, "batch atoms 3"]
    """x, y, and the height over the slice's centre [Å]."""
    b_factors: Float[Tensor, "batch atoms"] | None
    present: Bool[Tensor, "batch atoms"] | None
    """False where a pose has fewer atoms of an element here than another; None: all are there."""
    runs: tuple[ElementRun, ...]

    def pieces(self, most: int) -> Iterator["SliceAtoms"]:
        """Yield the atoms in groups of at most so many."""
        for start in range(0, self.positions.shape[1], most):
            here = slice(start, start + most)
            yield SliceAtoms(
                self.height_angstrom,
                self.positions[:, here],
                None if self.b_factors is None else self.b_factors[:, here],
                None if self.present is None else self.present[:, here],
                tuple(
                    ElementRun(
                        run.atomic_number,
                        max(run.start - start, 0),
                        min(run.stop - start, most),
                    )
                    for run in self.runs
                    if run.start < start + most and run.stop > start
                ),
            )


def slice_lattice(
    model: AtomicModel, depth_angstrom: float, thickness_angstrom: float
) -> tuple[int, float]:
    """Return the number of slices and the thickness that divides the depth evenly [Å].

    The lattice is centred on the mid-plane. It does not depend on the molecule, unless that is
    thicker than the depth: then the lattice grows to hold it.

    Parameters
    ----------
    depth_angstrom : Extent along the beam, usually the box [Å].
    thickness_angstrom : Upper limit of a slice's thickness [Å].
    """
    highest = float(model.positions[..., 2].detach().abs().max())
    count = ceil(max(depth_angstrom, 2 * highest) / thickness_angstrom)
    return count, max(depth_angstrom, 2 * highest) / count


def atoms_by_slice(
    model: AtomicModel, depth_angstrom: float, thickness_angstrom: float
) -> Iterator[SliceAtoms]:
    """Yield the slices that hold atoms, upstream first.

    Parameters
    ----------
    model : Positions `(batch, atom, 3)`.
    depth_angstrom, thickness_angstrom : See `slice_lattice`.
    """
    count, thickness = slice_lattice(model, depth_angstrom, thickness_angstrom)
    batch, atoms = model.positions.shape[:2]
    elements, element = torch.unique(model.atomic_numbers, return_inverse=True)
    z = model.positions[..., 2].detach()
    number = _slice_number(z, count, thickness)
    group = number * len(elements) + element
    order = torch.argsort(group, dim=1, stable=True)
    population = torch.zeros(batch, count * len(elements), dtype=torch.long, device=z.device)
    population.scatter_add_(1, group, torch.ones_like(group))
    first = population.cumsum(1) - population
    widest = population.amax(0).tolist()
    ragged = bool((population != population[:1]).any())

    for here in range(count):
        groups = range(here * len(elements), (here + 1) * len(elements))
        sizes = [widest[g] for g in groups]
        if not any(sizes):
            continue
        centre = (here + 0.5 - count / 2) * thickness
        stops = list(accumulate(sizes))
        places, present = _places(first, population, groups, sizes)
        chosen = order.gather(1, places.clamp(max=atoms - 1))
        positions = model.positions.gather(1, chosen[..., None].expand(-1, -1, 3))
        yield SliceAtoms(
            height_angstrom=centre,
            positions=positions - positions.new_tensor([0.0, 0.0, centre]),
            b_factors=None if model.b_factors is None else model.b_factors[chosen],
            present=present if ragged else None,
            runs=tuple(
                ElementRun(number, stop - size, stop)
                for number, size, stop in zip(elements.tolist(), sizes, stops, strict=True)
                if size
            ),
        )


def all_atoms(model: AtomicModel) -> SliceAtoms:
    """Return all atoms of a batch of poses as one slice around the mid-plane."""
    thick = 4 * float(model.positions[..., 2].detach().abs().max()) + 1
    (atoms,) = atoms_by_slice(model, thick, thick)
    return atoms


def at_slice_centres(
    model: AtomicModel, depth_angstrom: float, thickness_angstrom: float
) -> AtomicModel:
    """Move every atom to the height of its slice's centre.

    Parameters
    ----------
    model, depth_angstrom, thickness_angstrom : See `atoms_by_slice`.
    """
    count, thickness = slice_lattice(model, depth_angstrom, thickness_angstrom)
    number = _slice_number(model.positions[..., 2:].detach(), count, thickness)
    heights = (number + 0.5 - count / 2) * thickness
    positions = torch.cat((model.positions[..., :2], heights), -1)
    return AtomicModel(positions, model.atomic_numbers, model.b_factors)


def _slice_number(heights: Float[Tensor, "*shape"], count: int, thickness: float) -> Tensor:
    return torch.floor(heights / thickness + count / 2).long().clamp(0, count - 1)


def _places(
    first: Tensor, population: Tensor, groups: range, sizes: list[int]
) -> tuple[Int[Tensor, "batch atoms"], Bool[Tensor, "batch atoms"]]:
    """Where the atoms of a slice lie in the sorted order, and which of them a pose really has."""
    places, present = [], []
    for group, size in zip(groups, sizes, strict=True):
        steps = torch.arange(size, device=first.device)
        places.append(first[:, group, None] + steps)
        present.append(steps < population[:, group, None])
    return torch.cat(places, 1), torch.cat(present, 1)
