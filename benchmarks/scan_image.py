"""Judge what is found in the overview image of a simulated experiment by its truth.

    python benchmarks/scan_image.py FOLDER

FOLDER is one of `diffragan simulate --scan`. The map of scattered intensity is made from the truth:
thickness, and the lit molecules with noise of `NOISE` of a molecule's mean. Prints JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.spatial import cKDTree

from diffragan.acquisition.overview.defocus import estimate_defocus
from diffragan.acquisition.overview.matching import match
from diffragan.acquisition.overview.picking import Picks, pick
from diffragan.acquisition.overview.registration import register
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.electron import Electron
from diffragan.io.overview_image import read_overview
from diffragan.io.scans.truth import TruthArrays, read_truth

NOISE = 0.5
ICE_SHARE, CARBON_SHARE = 0.02, 0.04
"""Of a molecule's scattering, that an ångström of ice or carbon has."""
SAME_ANGSTROM = 15.0
"""A pick nearer than that to a molecule is of it."""


def intensity(truth: TruthArrays, diameter: float) -> np.ndarray:
    """Scattered intensity of every frame, in that of a mean molecule."""
    strength = (np.abs(truth.waves) ** 2).sum((1, 2))
    strength = strength / strength.mean()
    values = truth.ice_angstrom * ICE_SHARE + truth.carbon_angstrom * CARBON_SHARE
    for molecule, place in enumerate(truth.molecule_place):
        distance = np.linalg.norm(truth.beam - place, axis=1)
        soft = 1.2 * truth.molecule_radius_angstrom[molecule]
        share = np.clip((diameter / 2 + soft / 2 - distance) / soft, 0, 1)
        values = values + strength[molecule] * share
    return values + NOISE * np.random.default_rng(0).normal(size=len(values))


def judged_picks(picks: Picks, chosen: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Precision, recall and errors of the centres."""
    centres = picks.centre_angstrom[chosen]
    missed, _ = cKDTree(centres).query(true[picks.frame.holds(true, 30)])
    wrong, _ = cKDTree(true).query(centres)
    return {
        "number": len(centres),
        "recall": float((missed < SAME_ANGSTROM).mean()),
        "precision": float((wrong < SAME_ANGSTROM).mean()),
        **errors(missed[missed < SAME_ANGSTROM]),
    }


def errors(distance: np.ndarray) -> dict[str, float]:
    """Root mean square, median and 95 % of distances [Å]."""
    return {
        "rms_angstrom": float(np.sqrt((distance**2).mean())),
        "median_angstrom": float(np.median(distance)),
        "p95_angstrom": float(np.quantile(distance, 0.95)),
    }


def main(folder: Path) -> None:
    settings = AcquisitionSettings(**yaml.safe_load((folder / "experiment.yaml").read_text()))
    truth = read_truth(folder)
    arrays, scan = truth.arrays, settings.scan
    image = read_overview(folder / "overview.mrc", settings.overview)
    electron = Electron(scan.energy_kev or 200.0)
    lens = estimate_defocus(image, settings.overview, electron)
    picks = pick(image, lens, settings.overview, electron)
    true = picks.frame.to_angstrom(arrays.molecule_pixel[:, ::-1])
    found: dict[str, Any] = {
        "defocus": {
            "true": truth.scan["defocus_angstrom"],
            "found": lens.defocus_angstrom,
            "standard_error": lens.standard_error_angstrom,
        },
        "sure_picks": judged_picks(picks, picks.sure, true),
        "all_picks": judged_picks(picks, np.ones(len(picks), dtype=bool), true),
    }
    values = intensity(arrays, scan.beam_diameter_angstrom or 0.0).reshape(scan.shape or (1, -1))
    laid = register(values, picks, settings)
    terms = np.c_[np.ones(len(true)), arrays.molecule_place]
    beams = np.c_[np.ones(len(arrays.beam)), arrays.beam] @ np.linalg.lstsq(terms, true)[0]
    found["registration"] = {
        "score": laid.score,
        "rotation_deg": laid.scan_to_image_deg,
        "true_rotation_deg": truth.scan["scan_to_image_deg"],
        "scale": laid.scale,
        "standard_error_angstrom": float(np.sqrt((laid.standard_error_angstrom**2).mean())),
        **errors(np.linalg.norm(laid.positions_angstrom.reshape(-1, 2) - beams, axis=1)),
    }
    hits = np.flatnonzero(truth.is_class("protein"))
    matches = match(hits, laid, picks, settings)
    off = np.linalg.norm(matches.position_angstrom - true[arrays.frame_molecule[hits]], axis=1)
    off = off[matches.kept]
    found["matches"] = {
        **{reason.name.lower(): number for reason, number in matches.counts().items()},
        "right_molecule": float((off < SAME_ANGSTROM).mean()),
        **errors(off[off < SAME_ANGSTROM]),
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
