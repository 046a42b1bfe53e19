"""Features of frames: what speaks for ice, carbon, crystals, and for one molecule above them.

A molecule adds scattering at small angles, 1/60 to 1/8 1/Å, above ice whose thickness varies, and
speckles as large as one over its diameter. Against a known background the logarithm of the
likelihood ratio for a faint addition is a weighted sum of excess counts and of excess variance
(second order of the Poisson likelihood), so these are what the network is given, each in standard
errors and, where it means something, as a cross-section.

Source: S. M. Kay, Fundamentals of Statistical Signal Processing II: Detection Theory (1998), sec.
6.7 (locally most powerful tests).
"""

import itertools
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.background import HitBackground
from diffragan.acquisition.hits.classes import Conditions
from diffragan.acquisition.hits.polar_bins import RING_EDGES_PER_ANGSTROM
from diffragan.acquisition.hits.ring_background import Residuals, subtract
from diffragan.acquisition.hits.scan_map import InBeam
from diffragan.acquisition.hits.statistics import FrameStatistics

BAND_EDGES_ANGSTROM = (120, 60, 40, 30, 20, 12, 7.5, 4.6, 3.87, 3.4, 2.6, 2.0, 1.6, 1.3, 1.1)
"""Of the bands of rings [Å]: shape, ice's rings at 3.7 and 2.1 Å, carbon's at 2.1 and 1.2 Å."""
SPECKLE_EDGES_ANGSTROM = (60, 30, 15, 7.5, 4.6, 2.6, 1.3)
"""Coarser bands, for variances, whose errors are larger [Å]."""
CRYSTAL_EDGES_ANGSTROM = (4.2, 2.0)
"""Where crystalline ice has its strongest spots: hexagonal 3.90, 3.67 and 3.44 Å and others."""
LENGTHS_ANGSTROM = (4.0, 6.0, 9.0)
"""Correlation lengths of compact proteins of about 5, 20 and 60 kDa: radius of gyration over root 6
[Å]."""
PEAK_FEATURES = (
    "peak",
    "peak over the scan's",
    "phase",
    "distance from the middle",
    "distance from the rim",
    "second peak",
    "second over first",
    "second phase",
    "second distance from the rim",
)
HOLOGRAM_FEATURES = (
    *(f"hologram {name}" for name in PEAK_FEATURES),
    *(f"map {name}" for name in PEAK_FEATURES),
    "misfit",
    "misfit over the scan's",
    "frames that overlap",
)
DARKEST = 1e-4
"""Smallest scattering per frequency area that is told from none [Å2]."""

_MIDDLES = (RING_EDGES_PER_ANGSTROM[1:] + RING_EDGES_PER_ANGSTROM[:-1]) / 2


def _ring_bands(edges: tuple[float, ...]) -> NDArray[np.floating[Any]]:
    """`(band, ring)`, 1 where the middle of a ring lies in a band between edges [Å]."""
    low, high = 1 / np.array(edges[:-1]), 1 / np.array(edges[1:])
    inside = (low[:, None] <= _MIDDLES) & (high[:, None] > _MIDDLES)
    return np.asarray(inside, np.float64)


_BANDS = _ring_bands(BAND_EDGES_ANGSTROM)
_SPECKLE_BANDS = _ring_bands(SPECKLE_EDGES_ANGSTROM)
_CRYSTAL = _ring_bands(CRYSTAL_EDGES_ANGSTROM)[0].astype(bool)
_BEYOND_BEAM = 1 / BAND_EDGES_ANGSTROM[1] < _MIDDLES


def _names() -> tuple[str, ...]:
    bands = [f"{a:g}-{b:g}" for a, b in itertools.pairwise(BAND_EDGES_ANGSTROM)]
    speckles = [
        f"{kind} {a:g}-{b:g}"
        for kind in ("speckle", "broad speckle", "fine speckle")
        for a, b in itertools.pairwise(SPECKLE_EDGES_ANGSTROM)
    ]
    return (
        "log exposure",
        "log beam diameter",
        "log frequency of a pixel",
        "log thickness",
        "direct beam",
        "saturated",
        "lit",
        "brightest of crystal",
        "brightest",
        "spots of crystal",
        "spots",
        *(f"scattering {band}" for band in bands),
        *(f"excess {band}" for band in bands),
        *(f"log ratio {band}" for band in bands),
        *(f"molecule {length:g} sigmas" for length in LENGTHS_ANGSTROM),
        *(f"molecule {length:g} cross-section" for length in LENGTHS_ANGSTROM),
        *speckles,
        *HOLOGRAM_FEATURES,
    )


FEATURES = _names()


def frame_features(
    statistics: FrameStatistics,
    alone: InBeam,
    together: InBeam,
    misfit: NDArray[np.floating[Any]],
    background: HitBackground,
    conditions: Conditions,
) -> NDArray[np.float32]:
    """Make the features of frames.

    Parameters
    ----------
    statistics : Of their rings.
    alone, together : What each frame's hologram shows, and what the map of all of them does.
    misfit : Of each hologram, `(frame)`.
    background : Of the scan.
    conditions : How it was taken.

    Returns
    -------
    `(frame, feature)`, in the order of `FEATURES`, all finite; what a detector does not measure
    is zero.
    """
    residuals = subtract(statistics, background.rings, conditions)
    density = _densities(statistics, conditions)
    columns = [
        *_condition_columns(conditions, len(statistics)),
        np.log10(residuals.thickness + 1e-3),
        direct_beam(statistics, conditions),
        np.log10(statistics.saturated + 1e-5) + 5,
        np.log10(statistics.lit + 1e-4),
        np.arcsinh(statistics.brightest[:, _CRYSTAL].max(1)),
        np.arcsinh(statistics.brightest[:, _BEYOND_BEAM].max(1)),
        np.log1p(statistics.spots[:, _CRYSTAL].sum(1)),
        np.log1p(statistics.spots[:, _BEYOND_BEAM].sum(1)),
        *np.log10(density + DARKEST).T,
        *_band_columns(statistics, residuals),
        *_molecule_columns(statistics, residuals, conditions),
        *_speckle_columns(residuals),
        *_peak_columns(alone, background),
        *_peak_columns(together, background),
        np.arcsinh(10 * misfit),
        np.log((misfit.clip(min=-0.9) + 1) / (max(background.misfit, -0.9) + 1)),
        np.log(together.overlap),
    ]
    table = np.stack([np.asarray(column, np.float32) for column in columns], axis=1)
    return np.nan_to_num(table, nan=0.0, posinf=0.0, neginf=0.0)


def scattered_fraction(statistics: FrameStatistics, conditions: Conditions) -> NDArray[np.float32]:
    """Share of the incident electrons that is counted beyond the direct beam, `(frame)`."""
    counts = statistics.counts[:, _BEYOND_BEAM].sum(1)
    return np.asarray(counts / conditions.incident_electrons, np.float32)


def direct_beam(statistics: FrameStatistics, conditions: Conditions) -> NDArray[np.float32]:
    """Share of the incident electrons in the direct beam, `(frame)`; 0 behind a beam stop."""
    counts = statistics.counts[:, ~_BEYOND_BEAM].sum(1)
    return np.asarray(np.minimum(counts / conditions.incident_electrons, 2.0), np.float32)


def _condition_columns(conditions: Conditions, frames: int) -> list[NDArray[np.floating[Any]]]:
    values = (
        conditions.exposure_e_per_a2,
        conditions.beam_diameter_angstrom,
        conditions.frequency_per_pixel,
    )
    return [np.full(frames, np.log10(value)) for value in values]


def _densities(statistics: FrameStatistics, conditions: Conditions) -> NDArray[np.floating[Any]]:
    """Scattered share per area of frequency in each band [Å2]; 0 where nothing is measured."""
    area = statistics.pixels @ _BANDS.T * conditions.frequency_per_pixel**2
    counts = statistics.counts @ _BANDS.T
    return np.where(
        area > 0, counts / (np.maximum(area, 1e-12) * conditions.incident_electrons), 0.0
    )


def _band_columns(
    statistics: FrameStatistics, residuals: Residuals
) -> list[NDArray[np.floating[Any]]]:
    counts, expected = statistics.counts @ _BANDS.T, residuals.expected @ _BANDS.T
    sigma = np.sqrt(residuals.sigma**2 @ _BANDS.T + 1e-12)
    measured = statistics.pixels @ _BANDS.T > 0
    excess = np.where(measured, np.arcsinh((counts - expected) / sigma), 0.0)
    # Shrunk, so that a ratio of a few counts says little.
    ratio = np.where(measured, np.log((counts + 10) / (expected + 10)), 0.0)
    return [*excess.T, *np.clip(ratio, -3, 3).T]


def _molecule_columns(
    statistics: FrameStatistics, residuals: Residuals, conditions: Conditions
) -> list[NDArray[np.floating[Any]]]:
    """Fit the mean pattern of compact molecules to the excess: significance and strength."""
    difference = statistics.counts - residuals.expected
    weight = np.where(_BEYOND_BEAM, 1 / residuals.sigma**2, 0.0)
    sigmas, sections = [], []
    for length in LENGTHS_ANGSTROM:
        shape = 4 * pi * length**2 / (1 + (2 * pi * _MIDDLES * length) ** 2) ** 2
        unit = statistics.pixels * (
            shape * conditions.frequency_per_pixel**2 * conditions.exposure_e_per_a2
        )
        information = (unit**2 * weight).sum(1) + 1e-12
        amplitude = (unit * difference * weight).sum(1) / information
        z = amplitude * np.sqrt(information)
        sigmas.append(np.arcsinh(z))
        sections.append(np.arcsinh(amplitude * z**2 / (1 + z**2)))
    return [*sigmas, *sections]


def _speckle_columns(residuals: Residuals) -> list[NDArray[np.floating[Any]]]:
    """Excess variance of every kind in bands [standard errors]."""
    rings = np.maximum(_SPECKLE_BANDS.sum(1), 1)
    together = residuals.speckle_sigmas @ (_SPECKLE_BANDS / np.sqrt(rings)[:, None]).T
    return list(np.arcsinh(together).reshape(len(together), -1).T)


def _peak_columns(in_beam: InBeam, background: HitBackground) -> list[NDArray[np.floating[Any]]]:
    beam = background.beam
    distance = np.hypot(in_beam.position[:, 0], in_beam.position[:, 1])
    radius = beam.diameter_angstrom / 2
    return [
        np.arcsinh(in_beam.peak),
        np.log((in_beam.peak.clip(min=0) + 1) / (background.peak + 1)),
        np.arcsinh(in_beam.phase / 10),
        distance / radius,
        (radius - 3 * beam.edge_angstrom - distance) / 20,
        np.arcsinh(in_beam.second),
        (in_beam.second + 1) / (in_beam.peak.clip(min=0) + 1),
        np.arcsinh(in_beam.second_phase / 10),
        (radius - in_beam.second_distance) / 20,
    ]
