"""A made-up field of molecules: its image, and the map of scattered intensity of a scan."""

from dataclasses import dataclass

import numpy as np
import torch

from diffragan.acquisition.overview.frames import scan_points, turn
from diffragan.config.optics import OpticsSettings
from diffragan.electron import Electron
from diffragan.grid import Grid
from diffragan.physics.forward import image, phase_object

ELECTRON = Electron(200.0)
PHASE_PER_KILODALTON = 4.0  # integral of a molecule's phase [rad Å2], between that in ice and none


@dataclass(frozen=True)
class Field:
    """The truth, in the frame of the image."""

    grid: Grid
    phase: np.ndarray
    centres: np.ndarray
    """`(molecule, 2)`, x and y [Å]."""
    kilodaltons: np.ndarray


def molecule(kilodalton: float, grid: Grid, at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Phase of one lumpy molecule, its centre of mass at a point."""
    radius = 6.6 * kilodalton ** (1 / 3)
    number = round(kilodalton * 9)  # residues
    places = rng.normal(size=(number, 3))
    places *= (radius * rng.random(number) ** (1 / 3) / np.linalg.norm(places, axis=1))[:, None]
    places *= np.array([1.25, 0.95, 0.85])
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    flat = (places - places.mean(0)) @ axes[:, :2] + at
    axis = (np.arange(grid.pixels) - grid.pixels // 2) * grid.pixel_angstrom
    width = 2.2
    lumps_x = np.exp(-((axis[None, :] - flat[:, :1]) ** 2) / (2 * width**2))
    lumps_y = np.exp(-((axis[None, :] - flat[:, 1:]) ** 2) / (2 * width**2))
    strength = PHASE_PER_KILODALTON * kilodalton / number / (2 * np.pi * width**2)
    return strength * lumps_y.T @ lumps_x


def make_field(
    pixels: int,
    pixel_angstrom: float,
    number: int,
    seed: int = 0,
    masses: tuple[float, float] = (12, 40),
) -> Field:
    """Place molecules at random, none on another."""
    rng = np.random.default_rng(seed)
    grid = Grid(pixels, pixels * pixel_angstrom)
    half = grid.box_angstrom / 2 - 60
    centres: list[np.ndarray] = []
    while len(centres) < number:
        at = rng.uniform(-half, half, 2)
        if all(np.linalg.norm(at - other) > 90 for other in centres):
            centres.append(at)
    kilodaltons = rng.uniform(*masses, number)
    phase = sum(molecule(m, grid, c, rng) for m, c in zip(kilodaltons, centres, strict=True))
    return Field(grid, np.asarray(phase), np.array(centres), kilodaltons)


def optics(
    defocus: float, aperture: float | None = None, astigmatism: float = 0.0, angle: float = 0.0
) -> OpticsSettings:
    """Return the lens."""
    return OpticsSettings(
        defocus_angstrom=defocus,
        aperture_mrad=aperture,
        astigmatism_angstrom=astigmatism,
        astigmatism_angle_deg=angle,
    )


def counts(field: Field, lens: OpticsSettings, dose: float, seed: int = 1) -> np.ndarray:
    """Electrons `(y, x)` of the image of a field whose ice has a structure of its own."""
    rng = np.random.default_rng(seed)
    ice = 0.02 * rng.normal(size=field.phase.shape) * 2 / field.grid.pixel_angstrom
    wave = phase_object(torch.from_numpy(field.phase + ice).float())
    seen = image(wave, field.grid, lens, ELECTRON).double().numpy()
    return rng.poisson(seen.clip(0) * dose * field.grid.pixel_angstrom**2).astype(np.float32)


def intensity_map(
    field: Field,
    shape: tuple[int, int],
    step: float,
    diameter: float,
    scan_to_image_deg: float,
    shift: np.ndarray,
    scale: float = 1.0,
    noise: float = 0.2,
    bend: float = 0.0,
    seed: int = 2,
) -> tuple[np.ndarray, np.ndarray]:
    """Scattered intensity `(scan_y, scan_x)` and the true positions in the image `(n, 2)` [Å].

    `bend` [Å] is how far the last row has drifted, by the square of the rows before it.
    """
    rng = np.random.default_rng(seed)
    points = scan_points(shape, step)
    truth = scale * points @ turn(scan_to_image_deg) + shift  # rows: (R^-1 v)^T = v^T R
    row = np.repeat(np.arange(shape[0]), shape[1]) / max(shape[0] - 1, 1)
    truth = truth + bend * (row**2 - 0.5)[:, None] * np.array([0.8, 0.6])
    scattered = 4 * np.sin(field.phase / 2) ** 2  # |exp(i phase) - 1|^2
    axis = (np.arange(field.grid.pixels) - field.grid.pixels // 2) * field.grid.pixel_angstrom
    disc = np.hypot(axis[:, None], axis[None, :]) <= diameter / 2
    lit = np.fft.irfft2(
        np.fft.rfft2(scattered) * np.fft.rfft2(np.fft.ifftshift(disc.astype(float))),
        s=scattered.shape,
    )
    pixel = np.round(truth / field.grid.pixel_angstrom).astype(int) + field.grid.pixels // 2
    values = lit[pixel[:, 1] % field.grid.pixels, pixel[:, 0] % field.grid.pixels]
    values = values + noise * values.std() * rng.normal(size=len(values)) + 3 * values.std()
    return values.reshape(shape), truth
