"""Which frames hit a molecule, by patterns and image together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.agreement import agreed, evidence_of
from diffragan.acquisition.calibration.detector_calibration import DetectorCalibration
from diffragan.acquisition.findings import Findings
from diffragan.acquisition.hits.choose import FEWEST_EXPECTED, choose_hits, hit_probability
from diffragan.acquisition.hits.classes import CLASSES
from diffragan.acquisition.hits.classify import FrameClasses
from diffragan.acquisition.hits.features import FEATURES
from diffragan.acquisition.hits.network import read_network
from diffragan.acquisition.hits.priors import adapt_priors
from diffragan.acquisition.looking import Overview
from diffragan.acquisition.overview.matching import Matches, match
from diffragan.acquisition.overview.registration import Registration, register
from diffragan.acquisition.overview.unseen import places_by_pattern, with_unseen
from diffragan.acquisition.overview.weighed_places import HologramPlaces
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.errors import InputError
from diffragan.io.scans.scan import Scan

INTENSITY_CEILING = 0.99
"""Quantile at which the map of what tells of molecules is cut off: dirt outshines them."""
OWN_PEAK = FEATURES.index("hologram peak")


def find_hits(
    scan: Scan,
    settings: AcquisitionSettings,
    calibration: DetectorCalibration,
    table: FrameClasses,
    overview: Overview,
    warnings: tuple[str, ...],
) -> Findings:
    """Say what every frame shows, lay the scan on the image, and find each hit's molecule."""
    told = np.asarray(table.probability, np.float64)
    probability, priors = adapt_priors(told, read_network().priors)
    by_pattern = choose_hits(probability, settings.hits.precision)
    hits, one = by_pattern, hit_probability(probability)
    refused: str | None = None
    registration: Registration | None = None
    matches: Matches | None = None
    picks = overview.picks
    if one.sum() >= FEWEST_EXPECTED:
        shape = settings.scan.shape or (1, len(table))
        intensity = intensity_map(table, probability, shape)
        try:
            registration = register(intensity, overview.picks, settings)
        except InputError as error:
            refused = str(error)
    if registration is not None:
        diameter = settings.scan.beam_diameter_angstrom
        assert diameter is not None
        seen = evidence_of(registration, overview.picks, diameter)[: len(table)]
        one = agreed(one, seen)
        hits = choose_hits(one, settings.hits.precision)
        chosen = np.flatnonzero(hits.chosen)
        places = places_by_pattern(table, registration, settings)
        picks = with_unseen(overview.picks, registration, chosen, places, settings)
        # Features hold the peak's arcsinh.
        holograms = HologramPlaces(places, np.sinh(table.features[:, OWN_PEAK].astype(np.float64)))
        matches = match(chosen, registration, picks, settings, holograms)
    return Findings(
        settings, scan.info, calibration, table, probability, priors, one, hits, by_pattern,
        overview.image, overview.defocus, picks, registration, refused, matches, warnings,
    )  # fmt: skip


def intensity_map(
    table: FrameClasses, probability: NDArray[np.floating[Any]], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Arrange what tells of molecules as the scan is: the significance of each frame's hologram.

    By itself, for the map of all holograms together smears a molecule over the frames about it.
    Frames of crystals, carbon and saturated ones tell nothing of molecules, and are not known.
    """
    told = [CLASSES.index(name) for name in ("empty", "ice", "protein", "several", "damaged")]
    values = np.where(
        np.isin(probability.argmax(1), told), table.features[:, OWN_PEAK], np.nan
    ).astype(np.float64)
    whole = np.full(shape[0] * shape[1], np.nan)
    whole[: len(values)] = values[: len(whole)]
    ceiling = np.nanquantile(whole, INTENSITY_CEILING)
    return np.asarray(np.minimum(whole, ceiling).reshape(shape))
