"""How wrong the orientations of a map are, before and after the patterns had their say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.evaluation.many_views.runs import Run
from diffragan.io.star import read_particles
from diffragan.io.triplets import TripletStore
from diffragan.reconstruction.many_views.frames import shared_frame
from diffragan.reconstruction.many_views.outputs import UNREFINED_STAR
from diffragan.reconstruction.many_views.views import open_views
from diffragan.reconstruction.particle_files import STAR
from diffragan.reconstruction.validation.hand import mirrored_rotations
from diffragan.typing import Float, Tensor

FAR_DEGREES = 15.0
"""Farther from the truth, an orientation is another one, not an inexact one."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Angles between found and true orientations, once one lies on the other [degrees]."""

    degrees: NDArray[np.float64]

    @property
    def median(self) -> float:
        """Median."""
        return float(np.median(self.degrees))

    @property
    def rms(self) -> float:
        """Root mean square, of all."""
        return float(np.sqrt(np.square(self.degrees).mean()))

    @property
    def far(self) -> float:
        """Share of orientations that were not found."""
        return float((self.degrees > FAR_DEGREES).mean())


@dataclass(frozen=True, slots=True)
class Oriented:
    """A map of refined or found orientations, and how wrong these are."""

    run: Run
    before: Errors | None
    """Before the refinement against the patterns."""
    after: Errors | None
    dose: float | None
    """Exposure of a pattern [e/Å2]; `None` without noise, or where the data are not at hand."""
    snr: float | None
    """Of the low-resolution images; `None` where their dose was given instead."""

    @property
    def expected_median_degrees(self) -> float | None:
        """What the images themselves foretold of the error before, without the truth [degrees]."""
        found = self.run.fsc.get("found_poses")
        return None if found is None else float(found["expected_median_error_degrees"])


def oriented(run: Run, stores: Sequence[TripletStore]) -> Oriented:
    """Compare a run's orientations with those of the data set it was made from, if it is given.

    Raises
    ------
    InputError : Its STAR file cannot be read.
    """
    identities = set(run.fsc["provenance"]["inputs"].values())
    store = next((one for one in stores if one.identity in identities), None)
    if store is None:
        return Oriented(run, None, None, None, None)
    (views,) = open_views(store.store.path, molecule=run.molecule)
    true = views.patterns.rotations
    both = run.settings["poses"] == "unknown"
    before = run.place / UNREFINED_STAR
    experiment = store.experiment
    images = experiment.low_resolution
    return Oriented(
        run,
        orientation_errors(before, true, both_hands=both) if before.is_file() else None,
        orientation_errors(run.place / STAR, true, both_hands=both),
        experiment.detector.exposure_e_per_a2,
        images.snr if images.dose_e_per_a2 is None else None,
    )


def orientation_errors(
    star: Path, true: Float[Tensor, "view 3 3"], *, both_hands: bool = False
) -> Errors:
    """Lay the orientations of a STAR file on the true ones, and tell how far they are.

    Parameters
    ----------
    true : Of all views, by their number; rows of the file name the views they are of.
    both_hands : Whether the molecule may be mirrored, as images of unknown orientation leave open.

    Raises
    ------
    InputError : The file has no angles, or names views that are not there.
    """
    particles = read_particles(star)
    if particles.rotations is None or int(particles.indices.max()) >= len(true):
        raise InputError(f"{star}: holds no orientations of these {len(true)} views")
    found = torch.from_numpy(particles.rotations).double()
    wanted = true[torch.from_numpy(particles.indices)].double()
    hands = [found, mirrored_rotations(found)] if both_hands else [found]
    laid = [shared_frame(one, wanted).degrees for one in hands]
    nearest: Tensor = min(laid, key=lambda degrees: float(degrees.median()))
    return Errors(nearest.numpy())
