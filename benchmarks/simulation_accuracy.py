"""How accurate the simulated wave is for a grid and a slice thickness, with its cost.

Compares psi_s of OpenMM's villin headpiece, in some random orientations, with a fine computation
(512 pixels, 0.5 Å slices), and the finest grid with abTEM. Run: python
benchmarks/simulation_accuracy.py [PREPARED.pdb]
"""

import sys
import tempfile
import time
from pathlib import Path

import torch

from diffragan.electron import Electron
from diffragan.fourier import centred, decentred, fourier, resize_centred
from diffragan.grid import Grid
from diffragan.physics.multislice import mid_plane_wave
from diffragan.simulation.abtem_engine import abtem_mid_plane_wave
from diffragan.simulation.orientations import item_generator, posed, random_pose
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import PreparedStructure, read_prepared
from diffragan.typing import Tensor

SEED = 0
ORIENTATIONS = 3
BOX_ANGSTROM = 70.0
ELECTRON = Electron(200.0)
ANGLE_MRAD = 20.0
COMMON_PIXELS = 128
REFERENCE = (512, 0.5)
CASES = [(240, 4.0), (256, 4.0), (256, 2.0), (256, 1.0), (384, 2.0), (512, 2.0), (512, 1.0)]


def spectrum(wave: Tensor) -> Tensor:
    """Fourier coefficients inside the recorded angle, whatever the grid."""
    size = wave.shape[-1]
    common = decentred(resize_centred(centred(fourier(wave)), COMMON_PIXELS)) / size**2
    q2 = Grid(COMMON_PIXELS, BOX_ANGSTROM).squared_frequencies()
    return common[q2 <= ELECTRON.frequency_per_angstrom(ANGLE_MRAD) ** 2]


def compute(model: AtomicModel, pixels: int, slice_angstrom: float) -> tuple[Tensor, float]:
    start = time.perf_counter()
    wave = mid_plane_wave(model, Grid(pixels, BOX_ANGSTROM), ELECTRON, slice_angstrom)
    return spectrum(wave), time.perf_counter() - start


def difference(found: list[Tensor], expected: list[Tensor]) -> float:
    a, b = torch.cat(found), torch.cat(expected)
    return float(torch.linalg.norm(a - b) / torch.linalg.norm(b))


def molecule() -> PreparedStructure:
    if len(sys.argv) > 1:
        return read_prepared(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        return read_prepared(write_preparation(prepare_structure(villin_path()), Path(folder)))


def main() -> None:
    torch.set_num_threads(1)
    prepared = molecule()
    models = []
    for orientation in range(ORIENTATIONS):
        generator = item_generator(SEED, prepared.sha256, orientation)
        models.append(posed(prepared.model, random_pose(prepared.model, generator)))
    print(
        f"{prepared.name}: {len(prepared.model.positions)} atoms, {ORIENTATIONS} orientations, "
        f"seed {SEED}; relative L2 of psi_s inside {ANGLE_MRAD:g} mrad"
    )
    reference = [compute(model, *REFERENCE)[0] for model in models]
    print(f"{'pixels':>6} {'slice [Å]':>9} {'difference':>10} {'s a wave':>8}")
    for pixels, slice_angstrom in CASES:
        results = [compute(model, pixels, slice_angstrom) for model in models]
        seconds = min(r[1] for r in results)
        error = difference([r[0] for r in results], reference)
        print(f"{pixels:>6} {slice_angstrom:>9.1f} {error:>10.4f} {seconds:>8.3f}")
    for pixels in (512, 1024):
        grid = Grid(pixels, BOX_ANGSTROM)
        theirs = [
            spectrum(abtem_mid_plane_wave(m, grid, ELECTRON, 1.0, grid.pixel_angstrom))
            for m in models
        ]
        ours = [compute(m, pixels, 1.0)[0] for m in models]
        print(f"against abTEM, {pixels} pixels, 1 Å slices: {difference(ours, theirs):.4f}")


if __name__ == "__main__":
    main()
