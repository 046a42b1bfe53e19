"""Shell correlations in a STAR file, as RELION's post-processing writes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from diffragan.io.files import write_text
from diffragan.io.star_tables import Values, format_block

CURVES = {
    "corrected": "rlnFourierShellCorrelationCorrected",
    "unmasked": "rlnFourierShellCorrelationUnmaskedMaps",
    "masked": "rlnFourierShellCorrelationMaskedMaps",
    "phase_randomised": "rlnCorrectedFourierShellCorrelationPhaseRandomizedMaskedMaps",
}
"""Our names of the curves and RELION's."""
ZERO_FREQUENCY_ANGSTROM = 999.0
"""What RELION writes for the resolution of the first shell."""


def write_fsc_star(
    path: Path,
    frequency_per_angstrom: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    resolution_angstrom: float | None,
) -> None:
    """Write curves of half maps.

    Parameters
    ----------
    path : STAR file to write; an older one is replaced.
    frequency_per_angstrom : Of each shell, from zero [1/Å].
    curves : By their names in `CURVES`, a value for each shell.
    resolution_angstrom : Where the best of them falls below 0.143; left out when it never does [Å].
    """
    frequency = np.asarray(frequency_per_angstrom, dtype=np.float64)
    count = len(frequency)
    angstrom = np.full(count, ZERO_FREQUENCY_ANGSTROM)
    angstrom[frequency > 0] = 1 / frequency[frequency > 0]
    columns: dict[str, Values] = {
        "rlnSpectralIndex": [str(index) for index in range(count)],
        "rlnResolution": frequency,
        "rlnAngstromResolution": angstrom,
    }
    columns |= {
        CURVES[name]: np.asarray(values, dtype=np.float64)
        for name, values in curves.items()
        if name in CURVES
    }
    general = "" if resolution_angstrom is None else _general(resolution_angstrom)
    write_text(path, f"# version 30001\n\n{general}{format_block(path, 'fsc', columns, count)}")


def _general(resolution: float) -> str:
    return f"data_general\n\n_rlnFinalResolution {resolution:.6f}\n\n\n"
