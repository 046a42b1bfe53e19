"""Simulated scans that the frame classifier learns from: their conditions, drawn one by one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diffragan.config.scan_simulation import ScanSimulation
from diffragan.electron import Electron
from diffragan.errors import InputError
from diffragan.simulation.scan.run import simulate_scan
from diffragan.structures.prepared import PreparedStructure

EXPOSURES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
SCAN_EXPOSURES = ((1.0, 30.0, 300.0), (10.0, 100.0, 1000.0), (3.0, 100.0, 300.0))
"""Of one scan and the next."""
DIAMETERS = (100.0, 150.0, 100.0, 120.0, 200.0, 110.0, 100.0, 130.0, 100.0, 170.0, 120.0, 100.0)
VALIDATION = 1000
"""Number of the first scan of validation proteins."""
PLAIN, DRY_OF = 24, 6
"""So many scans have beams with narrow rims and are in ice; of the others one in six is dry."""
LIGHTEST_KDA, HEAVIEST_KDA = 10.0, 100.0
HEAVIEST_IN_NARROW_KDA = 35.0
SHAPE, MARGIN_ANGSTROM = (24, 30), 60.0
CROWDING = 0.35
"""Molecules for each square of the beam's diameter: about the most that lie apart."""
BALL_ANGSTROM = 13.2
"""Diameter of a ball of protein of 1 kDa: 1.35 g/cm3 [Å]."""
FEWER = (1.0, 0.8, 0.6, 0.4)
"""Shares of them that are tried, where ice is too thin for all."""
LENGTH_OVER_DIAMETER, SPARE_ANGSTROM = 1.6, 15.0
"""Of the longest molecule, over the diameter of a ball of its mass; and the ice about it."""


def simulated(
    proteins: Sequence[PreparedStructure], number: int, work: Path, seed: int, workers: int | None
) -> Path:
    """Return the folder of a scan, which is made unless it is there."""
    place = work / f"scan-{number}"
    for share in FEWER:
        if (place / "truth.json").is_file():
            break
        settings = experiment(number, seed, share)
        chosen = some_proteins(proteins, settings, number, seed)
        try:
            simulate_scan(chosen, settings, 1000 * seed + number, place, workers=workers)
        except InputError as error:
            if share == FEWER[-1]:
                raise
            print(f"scan {number}: {error}")
    return place


def experiment(number: int, seed: int, share: float = 1.0) -> ScanSimulation:
    """Draw the conditions of one scan, with a share of the molecules that it might hold."""
    random = np.random.default_rng([seed, number])
    diameter = DIAMETERS[number % len(DIAMETERS)]
    plain = number % VALIDATION < PLAIN
    dry = not plain and number % DRY_OF == 0
    edge = float(random.uniform(0.02, 0.04 if plain else 0.07) * diameter)
    box = (diameter + 6 * edge) * float(random.uniform(1.02, 1.3))
    step = float(random.uniform(0.3, 0.4)) * diameter
    fields = np.prod(np.array(SHAPE) * step + 2 * MARGIN_ANGSTROM) / diameter**2
    return ScanSimulation.model_validate(
        {
            "beam": {
                "probe_diameter_angstrom": diameter,
                "probe_edge_angstrom": edge,
                "convergence_mrad": float(random.choice([0, 0.02, 0.04])),
            },
            "field": {
                "molecules": round(CROWDING * share * float(fields)),
                "margin_angstrom": MARGIN_ANGSTROM,
                "paired_fraction": 0.15 if plain else 0.08,
                "on_carbon_fraction": 0.05,
                "damaged_fraction": 0.15,
                "hole_radius_angstrom": 1.5 * diameter,
                "ice_thickness_angstrom": 0.0 if dry else float(random.uniform(85, 250)),
                "ice_spread_angstrom": float(random.uniform(10, 25)),
                "ice_variation_angstrom": float(random.uniform(6, 14) * diameter),
                "carbon_share": 0.05,
                "contaminations": 1,
                "contamination_radius_angstrom": 0.8 * diameter,
                "ice_crystals": 0 if dry else 4,
                "ice_crystal_radius_angstrom": 0.8 * diameter,
                "ice_tile_angstrom": 100,
                "ice_tile_thickness_angstrom": 50,
            },
            "path": {
                "shape": SHAPE,
                "step_angstrom": step,
                "drift_angstrom": 0.3 * diameter,
                "wander_pixels": float(random.uniform(0.5, 3)),
                "centre_jitter_pixels": float(random.uniform(0.02, 0.1)),
            },
            "camera": {
                "pixels": 128,
                "mrad_per_pixel": Electron(200).angle_mrad(1 / box),
                "exposure_error": float(random.uniform(-0.05, 0.05)),
                "camera_length_error": float(random.uniform(-0.01, 0.01)),
                "ellipticity": float(random.uniform(0, 0.015)),
                "flash_fraction": 0.0,
                "detector": {
                    "exposure_e_per_a2": max(EXPOSURES),
                    "point_spread_pixels": float(random.choice([0, 0.3, 0.5])),
                    "dead_pixel_fraction": 0.0005,
                },
            },
            "image": {"pixel_angstrom": 10, "margin_angstrom": 700, "offset_angstrom": (0, 0)},
        }
    )


def some_proteins(
    proteins: Sequence[PreparedStructure], settings: ScanSimulation, number: int, seed: int
) -> list[PreparedStructure]:
    """Draw eight proteins that fit the beam and the ice."""
    diameter = settings.beam.probe_diameter_angstrom
    assert diameter is not None
    heaviest = HEAVIEST_IN_NARROW_KDA if diameter <= 120 else HEAVIEST_KDA
    if not settings.field.is_dry:
        ice = settings.field.ice_thickness_angstrom - SPARE_ANGSTROM
        heaviest = min(heaviest, (ice / LENGTH_OVER_DIAMETER / BALL_ANGSTROM) ** 3)
    fitting = [protein for protein in proteins if LIGHTEST_KDA <= protein.mass_kda <= heaviest]
    order = np.random.default_rng([seed, number, 1]).permutation(len(fitting))
    return [fitting[place] for place in order[:8]]


def validation_numbers(count: int) -> list[int]:
    """Choose the numbers of the scans of validation proteins: half plain, half of all sorts."""
    plain = min((count + 1) // 2, PLAIN)
    return [VALIDATION + n for n in (*range(plain), *range(PLAIN, PLAIN + count - plain))]


def exposures_of(scan_number: int) -> tuple[float, ...]:
    """Two exposures at which a scan is looked at; all come equally often."""
    three = SCAN_EXPOSURES[scan_number % 3]
    left_out = -(scan_number // 3) % 3
    return three[:left_out] + three[left_out + 1 :]
