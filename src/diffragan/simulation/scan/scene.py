"""Everything about a simulated experiment that is drawn or computed once, before any frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from diffragan.config.numerics import ANTIALIAS_FRACTION, fast_even
from diffragan.config.scan_simulation import ScanSimulation
from diffragan.in_order import in_order
from diffragan.progress import progress_bar
from diffragan.simulation.scan.amorphous import Amorphous, amorphous_carbon, vitreous_ice
from diffragan.simulation.scan.field import Field, LayerKind
from diffragan.simulation.scan.frames import Instrument, make_instrument
from diffragan.simulation.scan.geometry import Points, beam_centres, beam_positions
from diffragan.simulation.scan.ice_crystals import make_patches
from diffragan.simulation.scan.lattice import (
    Lattice,
    highest_frequency,
    image_lattice,
    image_side,
)
from diffragan.simulation.scan.layers import make_layers
from diffragan.simulation.scan.molecules import (
    MoleculeWave,
    Placed,
    molecule_wave,
    place_molecules,
)
from diffragan.simulation.scan.overview import RIM_PIXELS
from diffragan.simulation.scan.quilt import Quilt, make_quilt
from diffragan.structures.prepared import PreparedStructure

EDGE_PIXELS = 256
"""Of the quilts beyond the overview image's corners, for the beams near them."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A field, the way of the beam over it, and the lattices that show it."""

    instrument: Instrument
    field: Field
    """With molecules and layers for the frames."""
    overview: Field
    """The same for the image."""
    image_lattice: Lattice
    placed: tuple[Placed, ...]
    waves: tuple[MoleculeWave, ...]
    beam: Points
    """`(frame, 2)`, x and y [Å]."""
    centres: Points
    """`(frame, 2)`, y and x from pixel n // 2 [pixels]."""
    exposures: NDArray[np.float64]
    """`(frame,)` [e/Å2]."""


def make_scene(
    settings: ScanSimulation,
    structures: Sequence[PreparedStructure],
    seed: int,
    threads: int,
) -> Scene:
    """Draw a field and compute what its layers and molecules do to a wave.

    Parameters
    ----------
    structures : The molecules' kinds.
    seed : Of all that is drawn.
    threads : Molecules computed at once.

    Raises
    ------
    InputError : The molecules do not fit into the field.
    """

    def drawn(part: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence([seed, 0, part]))

    path = settings.path
    instrument = make_instrument(settings, seed)
    scan_half = np.array(path.shape[::-1]) * path.step_angstrom / 2
    image = image_lattice(settings)
    corners = _corners(image, image_side(settings))
    shown = (corners, _corners(image, image_side(settings), RIM_PIXELS))
    layers = make_layers(settings.field, scan_half, float(np.abs(corners).max()), drawn(0))
    placed = place_molecules(settings, structures, layers, scan_half, drawn(1))
    highest = highest_frequency(settings)
    pixels = fast_even(2 * highest / ANTIALIAS_FRACTION * settings.field.ice_tile_angstrom)
    ice = vitreous_ice(settings, pixels, drawn(2))
    carbon = amorphous_carbon(settings, pixels, drawn(3))
    nyquist = 1 / (2 * image.pixel_angstrom)
    lattice = instrument.lattice
    patches = make_patches(settings, scan_half, highest, drawn(6))
    field = Field(
        layers=layers,
        ice=_kind(ice, _quilt(ice, lattice, shown, drawn(4))),
        carbon=_kind(carbon, _quilt(carbon, lattice, shown, drawn(5))),
        patches=tuple(patch.on(lattice, highest) for patch in patches),
        molecules=(),
        quilt_lattice=lattice,
    )
    coarse = [_coarse(one, nyquist) for one in (ice, carbon)]
    fine_power = [
        one.phase.power() - low.phase.power()
        for one, low in zip((ice, carbon), coarse, strict=True)
    ]
    overview = replace(
        field,
        ice=_kind(coarse[0], _quilt(coarse[0], lattice, shown, drawn(4)), fine_power[0]),
        carbon=_kind(coarse[1], _quilt(coarse[1], lattice, shown, drawn(5)), fine_power[1]),
        patches=tuple(patch.on(image, nyquist) for patch in patches),
    )
    waves = _waves(settings, structures, placed, threads)
    angle = path.scan_to_detector_deg
    field = replace(
        field,
        molecules=tuple(
            wave.on(lattice, one.place, angle) for wave, one in zip(waves, placed, strict=True)
        ),
    )
    overview = replace(
        overview,
        molecules=tuple(
            replace(wave, scattered=wave.scattered.up_to(nyquist)).on(image, one.place, angle)
            for wave, one in zip(waves, placed, strict=True)
        ),
    )
    return Scene(
        instrument=instrument,
        field=field,
        overview=overview,
        image_lattice=image,
        placed=tuple(placed),
        waves=waves,
        beam=beam_positions(path, drawn(7)),
        centres=beam_centres(path, drawn(8)),
        exposures=_exposures(settings, drawn(9)),
    )


def _waves(
    settings: ScanSimulation,
    structures: Sequence[PreparedStructure],
    placed: Sequence[Placed],
    threads: int,
) -> tuple[MoleculeWave, ...]:
    waves = []
    with progress_bar(len(placed), "molecules") as bar:
        for wave in in_order(
            lambda one: molecule_wave(one, structures[one.structure], settings), placed, threads
        ):
            waves.append(wave)
            bar.advance()
    return tuple(waves)


def _exposures(settings: ScanSimulation, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw the exposure of every frame; a few are flashes."""
    camera = settings.camera
    nominal = camera.detector.exposure_e_per_a2
    assert nominal is not None
    spread = 1 + camera.exposure_spread * generator.standard_normal(settings.frames)
    flash = generator.uniform(size=settings.frames) < camera.flash_fraction
    true = nominal * (1 + camera.exposure_error) * np.maximum(spread, 0.1)
    return np.where(flash, camera.flash_factor * true, true)


def _kind(one: Amorphous, quilt: Quilt, fine_power: float = 0.0) -> LayerKind:
    return LayerKind(quilt, one.thickness_angstrom, one.inner_rad_per_angstrom, fine_power)


def _coarse(one: Amorphous, frequency_per_angstrom: float) -> Amorphous:
    return replace(one, phase=one.phase.up_to(frequency_per_angstrom))


def _corners(image: Lattice, side: int, rim: int = 0) -> Points:
    low, high = -rim, side + rim
    corners = np.array([[low, low], [high, low], [low, high], [high, high]], dtype=float)
    return corners @ image.matrix.T + image.shift


def _quilt(
    one: Amorphous,
    lattice: Lattice,
    corners: tuple[Points, Points],
    generator: np.random.Generator,
) -> Quilt:
    """Cut a layer that covers the image, and the rim with which that is computed."""
    near, far = (lattice.pixels(points) for points in corners)
    low = np.minimum(np.floor(near.min(0)) - EDGE_PIXELS, np.floor(far.min(0)) - 1).astype(int)
    high = np.maximum(np.ceil(near.max(0)) + EDGE_PIXELS, np.ceil(far.max(0)) + 1).astype(int)
    return make_quilt(
        one.phase,
        lattice.matrix,
        (int(low[1]), int(low[0])),
        (int(high[1]), int(high[0])),
        generator,
    )
