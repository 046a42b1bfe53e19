"""A tiny field of villin molecules, drawn once."""

from typing import Any

import pytest

from diffragan.config.load import load_scan_simulation
from diffragan.config.scan_simulation import ScanSimulation
from diffragan.simulation.scan.scene import Scene, make_scene
from diffragan.structures.prepared import PreparedStructure

TINY: dict[str, Any] = {
    "path": {"shape": [6, 8], "step_angstrom": 40, "scan_to_detector_deg": 25},
    "field": {
        "molecules": 4,
        "ice_tile_angstrom": 60,
        "ice_tile_thickness_angstrom": 30,
        "hole_radius_angstrom": 0,
        "carbon_share": 0,
        "contaminations": 0,
        "ice_crystals": 1,
    },
    "camera": {"pixels": 64, "mrad_per_pixel": 0.25, "flash_fraction": 0},
    "image": {"margin_angstrom": 150, "scan_to_image_deg": 70},
}


@pytest.fixture(scope="session")
def tiny() -> ScanSimulation:
    return load_scan_simulation("scan-small", overrides=TINY)


@pytest.fixture(scope="session")
def tiny_scene(tiny: ScanSimulation, villin: PreparedStructure) -> Scene:
    return make_scene(tiny, [villin], seed=3, threads=1)
