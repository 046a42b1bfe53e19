"""How thick ice and carbon are: smooth ice with a tear, the edge of a film, dark lumps."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.config.scan_simulation import FieldSettings
from diffragan.simulation.scan.geometry import Points, rotation
from diffragan.typing import Float, Tensor

SPACING_ANGSTROM = 8.0
EDGE_ANGSTROM = 30.0
"""Over which the rim of a tear, a film or a lump rises."""
WAVES = 8
"""Cosines that make up the ice's thickness."""
ROUGHNESS = 0.15
"""How far the outline of a tear or lump goes in and out, as a share of its radius."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Thicknesses on a square about the middle of the scan, in the specimen's frame."""

    maps: Float[Tensor, "layer y x"]
    """Vitreous ice and carbon [Å]."""
    half_angstrom: float
    """Half the side of the square [Å]."""

    def at(self, points: Float[Tensor, "y x 2"]) -> Float[Tensor, "layer y x"]:
        """Return the thicknesses at points x, y [Å], between samples linearly [Å]."""
        found: Tensor = torch.nn.functional.grid_sample(
            self.maps[None],
            (points / self.half_angstrom)[None].to(self.maps),
            padding_mode="border",
            align_corners=True,
        )
        return found[0]


def make_layers(
    field: FieldSettings,
    scan_half: NDArray[np.float64],
    reach_angstrom: float,
    generator: np.random.Generator,
) -> Layers:
    """Draw the layers of a field.

    Parameters
    ----------
    scan_half : Half the scanned width and height, along x and y [Å].
    reach_angstrom : How far from the middle the maps must go [Å].
    """
    samples = 2 * int(np.ceil(reach_angstrom / SPACING_ANGSTROM)) + 1
    axis = np.linspace(-reach_angstrom, reach_angstrom, samples)
    x, y = axis[None, :], axis[:, None]
    ice = _smooth_ice(field, x, y, generator)
    ice *= 1 - _tear(field, x, y, scan_half, generator)
    carbon = field.carbon_thickness_angstrom * _film(field, x, y, scan_half, generator)
    for _ in range(field.contaminations):
        centre = generator.uniform(-1, 1, 2) * scan_half
        inside = _lump(x, y, centre, field.contamination_radius_angstrom, generator)
        carbon += field.contamination_thickness_angstrom * inside
    maps = torch.from_numpy(np.stack([ice, carbon])).float()
    return Layers(maps, reach_angstrom)


def _smooth_ice(
    field: FieldSettings,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    total = np.zeros((y.size, x.size))
    if field.is_dry:
        return total
    for _ in range(WAVES):
        length = field.ice_variation_angstrom * generator.uniform(1, 3)
        kx, ky = rotation(generator.uniform(0, 360))[:, 0] * (2 * np.pi / length)
        total += np.cos(kx * x + ky * y + generator.uniform(0, 2 * np.pi))
    swing = field.ice_spread_angstrom * (2 / WAVES) ** 0.5
    return np.asarray(np.maximum(field.ice_thickness_angstrom + swing * total, 0.0))


def _tear(
    field: FieldSettings,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    scan_half: NDArray[np.float64],
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Share of the ice that is gone: a hole about a place on the scanned field's rim, at low x."""
    if field.hole_radius_angstrom == 0:
        return np.zeros((y.size, x.size))
    centre = np.array([-scan_half[0], generator.uniform(-0.5, 0.5) * scan_half[1]])
    return _rough_disc(x, y, centre, field.hole_radius_angstrom, generator)


def _film(
    field: FieldSettings,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    scan_half: NDArray[np.float64],
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Share of the film's thickness: all of it beyond a bent line at high x."""
    if field.carbon_share == 0:
        return np.zeros((y.size, x.size))
    edge = scan_half[0] * (1 - 2 * field.carbon_share)
    bend = 0.05 * scan_half[0] * np.sin(np.pi * y / scan_half[1] + generator.uniform(0, 2 * np.pi))
    return np.asarray((1 + np.tanh((x - edge - bend) / EDGE_ANGSTROM)) / 2)


def _lump(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    centre: Points,
    radius: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Share of a lump's thickness, which falls from its middle to its rim."""
    away2 = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    dome = np.exp(-away2 / (2 * radius**2))
    return np.asarray(dome * _rough_disc(x, y, centre, radius, generator))


def _rough_disc(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    centre: Points,
    radius: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    away = np.hypot(x - centre[0], y - centre[1])
    angle = np.arctan2(y - centre[1], x - centre[0])
    outline = np.ones_like(away)
    for times in (2, 3, 5):
        phase = generator.uniform(0, 2 * np.pi)
        outline += ROUGHNESS / times * np.cos(times * angle + phase)
    return np.asarray((1 - np.tanh((away - radius * outline) / EDGE_ANGSTROM)) / 2)
