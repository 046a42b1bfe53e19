"""The innermost part of a pattern as a hologram of what lies in the beam.

The rim of a beam of the diameter D spreads its direct beam over angles beyond 1 / D, and what a
molecule scatters there interferes with it. A molecule at r0 that shifts the phase by a total of Phi
changes the pattern by 2 P_hat(q) Phi f(q) sin(2 pi q r0): an odd change, as neither ice of another
thickness nor inelastic scattering makes. It is of first order in the wave, so it stands out at
exposures at which the molecule's own |psi_s|^2 drowns in that of the ice. A matched filter over r0
gives its significance, its phase shift, and where it lies.

Source: D. Gabor, Nature 161 (1948) 777 (the hologram); here the reference wave is the tail of the
direct beam.
"""

from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.classes import Conditions
from diffragan.acquisition.hits.direct_beam import BeamModel, fit_beam, probe_transform
from diffragan.acquisition.hits.inner_window import Floats, window_end
from diffragan.io.scans.scan import Frames

FILTER_LENGTH_ANGSTROM = 12.0
"""The filter falls as 1 / (1 + (2 pi q L)^2): of the lengths tried, 4 to 15 Å, the one that loses
least for proteins of 10 to 60 kDa whose fringes the detector blurs [Å]."""
CELLS = 24
"""Side of the grid of positions r0, over the width of the beam."""

Maps = NDArray[np.float32]
"""`(frame, y, x)` on the grid of positions."""


@dataclass(frozen=True, slots=True)
class Hologram:
    """What the innermost part of each frame says."""

    scores: Maps
    """Sum of the odd change times what a phase shift of 1 rad Å2 at r0 makes, over the variance."""
    information: Maps
    """Variance of the scores by counting; score over information is the phase shift [rad Å2]."""
    misfit: Floats
    """`(frame)` mean squared difference from an even pattern, less 1 [variances]."""
    centre: Floats
    """`(frame, 2)` y and x of the direct beam, refined [pixels]."""


def grid_angstrom(model: BeamModel) -> Floats:
    """Positions r0 along an axis, from the beam's middle [Å]."""
    return (np.arange(CELLS) + 0.5 - CELLS / 2) * (model.diameter_angstrom / CELLS)


def read_hologram(
    frames: Frames, centres: NDArray[np.floating[Any]], model: BeamModel, conditions: Conditions
) -> Hologram:
    """Filter the innermost part of each frame.

    Parameters
    ----------
    frames : `(frame, q_y, q_x)` [counts].
    centres : `(frame, 2)`, y and x of each direct beam [pixels].
    """
    fit = fit_beam(frames, centres, model, conditions)
    frequency = conditions.frequency_per_pixel
    y, x = fit.window.offsets()
    q_y, q_x = y * frequency, x * frequency
    q = np.hypot(q_y[:, :, None], q_x[:, None, :])
    weight = np.where(q < window_end(conditions), fit.weight, 0.0)
    difference = fit.window.counts - fit.expected
    scale = 2 * conditions.exposure_e_per_a2 * frequency**2 * pi / 4 * model.diameter_angstrom**2
    strength = (
        scale
        * probe_transform(q, model.diameter_angstrom, model.edge_angstrom)
        / (1 + (2 * pi * q * FILTER_LENGTH_ANGSTROM) ** 2)
    )
    grid = grid_angstrom(model)
    along_y = np.exp(2j * pi * grid[None, :, None] * q_y[:, None, :]).astype(np.complex64)
    along_x = np.exp(2j * pi * q_x[:, :, None] * grid[None, None, :]).astype(np.complex64)
    scores = along_y @ (difference * strength * weight).astype(np.complex64) @ along_x
    squares = strength**2 * weight
    # sin^2 = (1 - cos of twice the angle) / 2
    double = along_y**2 @ squares.astype(np.complex64) @ along_x**2
    information = (squares.sum((1, 2))[:, None, None] - double.real).clip(min=0) / 2
    pixels = np.maximum((weight > 0).sum((1, 2)), 1)
    return Hologram(
        scores.imag.astype(np.float32),
        information.astype(np.float32),
        (difference**2 * weight).sum((1, 2)) / pixels - 1,
        fit.window.centre,
    )
