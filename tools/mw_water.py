"""Molecular dynamics of monatomic water (mW): one particle a molecule, three-body forces.

Source: Molinero and Moore, J. Phys. Chem. B 113 (2009) 4008; the form of the potential is that of
Stillinger and Weber, Phys. Rev. B 31 (1985) 5262. Units: Å, ps, Da, kJ/mol, K.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]
Schedule = tuple[tuple[int, int, int], ...]
"""From [K], to [K], in steps."""

EPSILON, SIGMA = 6.189 * 4.184, 2.3925
CUTOFF = 1.8 * SIGMA
A, B, GAMMA, TETRAHEDRAL = 7.049556277, 0.6022245584, 1.2, 23.15

MASS_DA = 18.01528
DA_A2_PER_PS2_PER_KJ_PER_MOL = 100.0
BOLTZMANN_KJ_PER_MOL_K = 0.0083144626
STEP_PS, FRICTION_PER_PS = 0.010, 1.0
SKIN_ANGSTROM = 0.9
STEPS_PER_LIST = 20
"""Within them no particle crosses half the skin."""
MOST_NEIGHBOURS = 128


@numba.njit(fastmath=True)  # type: ignore[untyped-decorator]
def add_forces(x: Points, edge: float, start: Any, neighbours: Any, force: Points) -> float:
    """Fill in the forces [kJ/mol/Å] and return the energy [kJ/mol]."""
    force[:] = 0
    energy = 0.0
    unit = np.empty((MOST_NEIGHBOURS, 3))
    r, g, slope = np.empty(MOST_NEIGHBOURS), np.empty(MOST_NEIGHBOURS), np.empty(MOST_NEIGHBOURS)
    other = np.empty(MOST_NEIGHBOURS, np.int64)
    for i in range(len(x)):
        count = 0
        for place in range(start[i], start[i + 1]):
            j = neighbours[place]
            square = 0.0
            for k in range(3):
                d = x[j, k] - x[i, k]
                unit[count, k] = d - edge * round(d / edge)
                square += unit[count, k] ** 2
            distance = np.sqrt(square)
            if distance > CUTOFF - 1e-3:  # where every term has vanished
                continue
            unit[count] /= distance
            gap = distance - CUTOFF
            r[count], other[count] = distance, j
            g[count] = np.exp(GAMMA * SIGMA / gap)
            slope[count] = -GAMMA * SIGMA / gap**2 * g[count]
            if j > i:
                fourth, decay = (SIGMA / distance) ** 4, np.exp(SIGMA / gap)
                energy += A * EPSILON * (B * fourth - 1) * decay
                pull = A * EPSILON * decay
                pull *= -4 * B * fourth / distance - (B * fourth - 1) * SIGMA / gap**2
                for k in range(3):
                    force[i, k] += pull * unit[count, k]
                    force[j, k] -= pull * unit[count, k]
            count += 1
        for p in range(count):
            for q in range(p + 1, count):
                cosine = 0.0
                for k in range(3):
                    cosine += unit[p, k] * unit[q, k]
                off, strength = cosine + 1 / 3, TETRAHEDRAL * EPSILON
                energy += strength * off**2 * g[p] * g[q]
                for k in range(3):
                    turn_p = 2 * off * g[p] * g[q] * (unit[q, k] - cosine * unit[p, k]) / r[p]
                    turn_q = 2 * off * g[p] * g[q] * (unit[p, k] - cosine * unit[q, k]) / r[q]
                    on_p = strength * (off**2 * slope[p] * g[q] * unit[p, k] + turn_p)
                    on_q = strength * (off**2 * slope[q] * g[p] * unit[q, k] + turn_q)
                    force[other[p], k] -= on_p
                    force[other[q], k] -= on_q
                    force[i, k] += on_p + on_q
    return energy


@numba.njit(fastmath=True)  # type: ignore[untyped-decorator]
def langevin_steps(
    x: Points, v: Points, edge: float, start: Any, neighbours: Any, force: Points, kelvin: float
) -> None:
    """Move the particles for one neighbour list's time (the BAOAB splitting)."""
    kick = STEP_PS / 2 * DA_A2_PER_PS2_PER_KJ_PER_MOL / MASS_DA
    keep = np.exp(-FRICTION_PER_PS * STEP_PS)
    speed2 = BOLTZMANN_KJ_PER_MOL_K * kelvin * DA_A2_PER_PS2_PER_KJ_PER_MOL / MASS_DA
    noise = np.sqrt((1 - keep**2) * speed2)
    add_forces(x, edge, start, neighbours, force)
    for _ in range(STEPS_PER_LIST):
        for i in range(len(x)):
            for k in range(3):
                v[i, k] += kick * force[i, k]
                x[i, k] += v[i, k] * STEP_PS / 2
                v[i, k] = keep * v[i, k] + noise * np.random.normal()  # noqa: NPY002
                x[i, k] += v[i, k] * STEP_PS / 2
        add_forces(x, edge, start, neighbours, force)
        v += kick * force


@numba.njit  # type: ignore[untyped-decorator]
def set_seed(seed: int) -> None:
    """Seed the generator that compiled code draws from."""
    np.random.seed(seed)  # noqa: NPY002


def neighbour_list(x: Points, edge: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each particle's neighbours begin, and the neighbours of all in turn."""
    tree = cKDTree(np.mod(x, edge), boxsize=edge)
    pairs = tree.query_pairs(CUTOFF + SKIN_ANGSTROM, output_type="ndarray")
    one, other = np.concatenate([pairs, pairs[:, ::-1]]).T
    order = np.lexsort((other, one))
    return np.searchsorted(one[order], np.arange(len(x) + 1)), other[order]


def relaxed(x: Points, edge: float, rounds: int = 100) -> Points:
    """Go down the energy by steps of 0.05 Å at most."""
    x, force = x.copy(), np.zeros_like(x)
    for _ in range(rounds):
        start, neighbours = neighbour_list(x, edge)
        for _ in range(10):
            energy = add_forces(x, edge, start, neighbours, force)
            step = 2e-4 * force
            x += step * min(1.0, 0.05 / np.abs(step).max())
    print(f"mW, minimum: {energy / len(x):.2f} kJ/mol", flush=True)
    return x


def cooled(x: Points, edge: float, schedule: Schedule, seed: int) -> Points:
    """Take oxygens `(waters, 3)` through a schedule of temperatures to a minimum [Å]."""
    set_seed(seed)
    x, force = relaxed(x, edge), np.zeros_like(x)
    v = np.zeros_like(x)
    for begin, end, steps in schedule:
        for kelvin in np.linspace(begin, end, steps // STEPS_PER_LIST):
            start, neighbours = neighbour_list(x, edge)
            langevin_steps(x, v, edge, start, neighbours, force, kelvin)
        print(f"mW, {begin} to {end} K", flush=True)
    return relaxed(x, edge)
