"""Shifts of images at known orientations, refined against projections of the map itself.

A phasing method may move what it recovers by some pixels, for a pattern does not fix where the
molecule lies. Each image is laid on the projection of its own half set's map, so that the halves
stay apart; nothing of a truth enters. The map as a whole keeps its place: what the shifts of all
images have in common is taken off.

Source: Penczek, Radermacher and Frank, Ultramicroscopy 40 (1992) 33 (projection matching).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from diffragan.alignment import align, translate
from diffragan.grid import Grid
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.maps import Maps, reconstruct_halves
from diffragan.reconstruction.projection import Projector
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.rings import resolution_at, ring_distance
from diffragan.typing import Float, Int, Tensor, Volume

MOST_ROUNDS = 8
STILL_PIXELS = 0.05
"""Root mean square move below which the shifts have settled."""
LEAST_GAIN = 1e-3
"""Of correlation, that a move must bring."""
COARSEST_BAND_ANGSTROM = 8.0
"""Used in any case: maps of drifted views part early."""
VIEWS_PER_SAMPLE = 4
"""Where fewer views share a Fourier sample an image would be laid on itself."""
MARGIN_SHELLS = 2
"""A map's own end rings; it lies so far beyond what is used of it."""
BATCH = 16
THRESHOLD = 0.143


@dataclass(frozen=True, slots=True)
class ShiftAlignment:
    """What came of it."""

    poses: Poses
    maps: Maps
    rounds: int
    moved_angstrom: float
    """Root mean square distance of the shifts from where they began [Å]."""


def align_shifts(
    particles: ParticleSet,
    start: Poses,
    half_sets: Int[Tensor, " n"],
    *,
    turns: Float[Tensor, "turn 3 3"] | None = None,
    rounds: int = MOST_ROUNDS,
    watch: Callable[[int, float], None] | None = None,
    device: torch.device | str = "cpu",
) -> ShiftAlignment:
    """Refine the shifts of all images, the orientations staying as they are.

    Parameters
    ----------
    particles : The images.
    start : Orientations, and the shifts to begin with.
    half_sets : `(n,)` 0 or 1.
    turns : `(turn, 3, 3)` symmetry of the molecule.
    rounds : At most so many; fewer when nothing moves any more.
    watch : Called after each round with its number and the root mean square move [Å].
    device : Where maps are made.
    """
    grid, poses, still = particles.grid, start, STILL_PIXELS * particles.grid.pixel_angstrom
    copies = 1 if turns is None else len(turns)
    widest = widest_band(grid, int(torch.bincount(half_sets, minlength=2).min()) * copies)
    ends = particles.band_limit_per_angstrom or grid.nyquist_per_angstrom

    def maps_of(poses: Poses, band: float) -> Maps:
        return reconstruct_halves(
            particles.batches(poses),
            grid,
            half_sets=half_sets,
            turns=turns,
            band_limit_per_angstrom=band,
            device=device,
        )

    done = 0
    while done < rounds:
        # Images are laid on no more than this band, and a map of it is made in a fraction of the
        # time.
        maps = maps_of(poses, min(ends, widest + MARGIN_SHELLS / grid.box_angstrom))
        moved = _one_round(particles, poses, half_sets, maps, min(ends, widest))
        distance = float((moved - poses.shifts_angstrom).square().sum(1).mean().sqrt())
        poses = Poses(poses.rotations, moved)
        done += 1
        if watch is not None:
            watch(done, distance)
        if distance < still:
            rounds = done
    whole = (poses.shifts_angstrom - start.shifts_angstrom).square().sum(1).mean().sqrt()
    return ShiftAlignment(poses, maps_of(poses, ends), done, float(whole))


def _one_round(
    particles: ParticleSet, poses: Poses, half_sets: Int[Tensor, " n"], maps: Maps, widest: float
) -> Float[Tensor, "n 2"]:
    """Lay every image on the projection of its half's map; return the new shifts [Å]."""
    grid, found = particles.grid, poses.shifts_angstrom.clone()
    band = trusted_band(maps, grid, widest)
    for which, half in enumerate((maps.half1, maps.half2)):
        projector = Projector(low_passed(half, grid, band))
        items = torch.nonzero(half_sets == which).flatten()
        for some in torch.split(items, BATCH):
            images = particles.read(some.tolist()).to(half.device).float()
            shifts = poses.shifts_angstrom[some]
            there = shifts.flip(1).to(half.device) / grid.box_angstrom  # as y, x in boxes
            projections = translate(projector.project(poses.rotations[some]), there)
            laid = align(images, projections, LEAST_GAIN)
            move = laid.shift_angstrom(grid.box_angstrom).flip(1).double().cpu()
            # A twin is the phasing's failure, not a shift: such an image stays.
            found[some] = shifts - torch.where(laid.twin[:, None].cpu(), 0.0, move)
    return _without_common_move(poses, found)


def widest_band(grid: Grid, views: int) -> float:
    """Frequency beyond which too few of `views` share a sample to align by it [1/Å]."""
    # `views` slices of n samples each fill shell k, of 4 pi k^2 samples, views / (2 k) times.
    shared = views / (2 * VIEWS_PER_SAMPLE) / grid.box_angstrom
    return min(max(shared, 1 / COARSEST_BAND_ANGSTROM), grid.nyquist_per_angstrom)


def trusted_band(maps: Maps, grid: Grid, widest: float) -> float:
    """Frequency up to which projections are worth aligning to, `widest` at most [1/Å]."""
    frequency, fsc = fourier_shell_correlation(maps.half1, maps.half2, grid)
    resolution = resolution_at(fsc, frequency, THRESHOLD)
    agreed = widest if resolution is None else 1 / resolution
    return min(max(agreed, 1 / COARSEST_BAND_ANGSTROM), widest)


def low_passed(volume: Volume, grid: Grid, band_per_angstrom: float) -> Volume:
    """Remove what lies beyond a frequency [1/Å]."""
    shells = ring_distance(tuple(volume.shape), volume.device)
    keep = shells <= band_per_angstrom * grid.box_angstrom
    spectrum = torch.fft.fftn(torch.fft.ifftshift(volume)) * keep
    passed: Tensor = torch.fft.fftshift(torch.fft.ifftn(spectrum).real).to(volume.dtype)
    return passed


def _without_common_move(poses: Poses, found: Float[Tensor, "n 2"]) -> Float[Tensor, "n 2"]:
    """Take off what one move of the molecule in its own frame would do to all views."""
    moved = (found - poses.shifts_angstrom).double()
    seen = poses.rotations[:, :2].double()
    common = torch.linalg.lstsq(seen.flatten(0, 1), moved.flatten()[:, None]).solution[:, 0]
    kept: Tensor = found - (seen @ common).to(found.dtype)
    return kept
