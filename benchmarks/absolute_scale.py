"""How many electrons a molecule scatters, beside the sum of its atoms' published cross-sections.

Prints what docs/experiment.md quotes. Run: python benchmarks/absolute_scale.py [PREPARED.pdb];
OpenMM's villin headpiece without a file.
"""

import math
import sys
import tempfile
from pathlib import Path

import torch

from diffragan.electron import Electron
from diffragan.fourier import decentred
from diffragan.grid import Grid
from diffragan.physics.cross_sections import (
    elastic_cross_section,
    inelastic_cross_section,
    squared_velocity,
)
from diffragan.physics.form_factors import electron_form_factor
from diffragan.physics.forward import diffraction_pattern
from diffragan.physics.multislice import mid_plane_wave
from diffragan.simulation.orientations import item_generator, posed, random_pose
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import PreparedStructure, read_prepared
from diffragan.typing import Tensor

SEED = 0
ORIENTATIONS = 12
ELECTRON = Electron(200.0)
GRID = Grid(384, 90.0)
BAND_LIMIT = 2 / 3 * GRID.nyquist_per_angstrom
SLICE_ANGSTROM = 4.0
RECORDED = ELECTRON.frequency_per_angstrom(20.0)
EXPOSURE = 100.0
RANGES = {
    "the whole band, 0.70 Å": (0.0, BAND_LIMIT),
    "recorded, 20 mrad": (0.0, RECORDED),
    "coarser than 20 Å": (0.0, 0.05),
    "20 to 10 Å": (0.05, 0.1),
    "10 to 3 Å": (0.1, 0.333),
    "3 Å to the band limit": (0.333, BAND_LIMIT),
    "10 Å to the band limit": (0.1, BAND_LIMIT),
}


def molecule() -> PreparedStructure:
    if len(sys.argv) > 1:
        return read_prepared(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        return read_prepared(write_preparation(prepare_structure(villin_path()), Path(folder)))


def langmore_smith(number: int) -> float:
    """Elastic cross-section [Å2]; J. P. Langmore and M. F. Smith, Ultramicroscopy 46 (1992) 349."""
    beta2 = squared_velocity(ELECTRON)
    return 1.4e-4 * math.sqrt(number) ** 3 / beta2 * (1 - 0.26 * number / (137 * math.sqrt(beta2)))


def independent_atoms(counts: dict[int, int], q: Tensor) -> Tensor:
    """Fraction that atoms without interference scatter into each pixel (first Born)."""
    squared = sum(count * electron_form_factor(z, q) ** 2 for z, count in counts.items())
    scale = ELECTRON.lorentz_factor * ELECTRON.wavelength_angstrom / GRID.box_angstrom**2
    return torch.as_tensor(squared) * scale**2


def main() -> None:
    torch.set_num_threads(1)
    one = molecule()
    at_rest = AtomicModel(one.model.positions, one.model.atomic_numbers, None)
    numbers, how_many = torch.unique(at_rest.atomic_numbers, return_counts=True)
    counts = dict(zip(numbers.tolist(), how_many.tolist(), strict=True))
    print(f"{one.name}: {one.mass_kda:.1f} kDa, {sum(counts.values())} atoms, 200 keV")

    elastic = sum(n * elastic_cross_section(z, ELECTRON) for z, n in counts.items())
    published = sum(n * langmore_smith(z) for z, n in counts.items() if z > 1)
    heavy = elastic - counts[1] * elastic_cross_section(1, ELECTRON)
    inelastic = sum(n * inelastic_cross_section(z, ELECTRON) for z, n in counts.items())
    print(f"elastic cross-section, sum over atoms: {elastic:.2f} Å2")
    print(f"  without hydrogen {heavy:.2f} Å2, Langmore and Smith {published:.2f} Å2")
    print(f"inelastic over elastic: {inelastic / elastic:.2f}")

    pattern = torch.zeros(GRID.pixels, GRID.pixels, dtype=torch.float64)
    for number in range(ORIENTATIONS):
        pose = random_pose(at_rest, item_generator(SEED, one.sha256, number))
        wave = mid_plane_wave(posed(at_rest, pose), GRID, ELECTRON, SLICE_ANGSTROM)
        pattern += decentred(diffraction_pattern(wave, GRID.pixels)).double() / ORIENTATIONS
    q = GRID.squared_frequencies(dtype=torch.float64).sqrt()
    alone = independent_atoms(counts, q)
    area = GRID.box_angstrom**2
    print(f"cross-section of the molecule, mean of {ORIENTATIONS} orientations [Å2]:")
    for name, (low, high) in RANGES.items():
        inside = (q > low) & (q <= high)
        whole, sum_of_atoms = (float(p[inside].sum()) * area for p in (pattern, alone))
        line = f"{whole:7.3f}, atoms {sum_of_atoms:7.3f}, ratio {whole / sum_of_atoms:7.2f}"
        print(f"  {name:24} {line}")
        if high == RECORDED:
            print(f"  {'':24} {whole * EXPOSURE:.0f} counts at {EXPOSURE:g} e/Å2")


if __name__ == "__main__":
    main()
