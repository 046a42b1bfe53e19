"""The fit of a model, residue by residue, as a table for other programs."""

import csv
import io
from math import isfinite

from diffragan.reconstruction.validation.model_in_map import ModelInMap

HEADINGS = (
    "residue",
    "distance_from_centre_angstrom",
    "q_score",
    "map_model_correlation",
    "density_sigmas",
    "local_resolution_angstrom",
)
DIGITS = 4


def residue_table(fit: ModelInMap) -> str:
    """Write one line for each residue as CSV; what is not known is left empty."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEADINGS)
    columns = [fit.distance, fit.q_score, fit.correlation, fit.sigmas]
    for place, label in enumerate(fit.labels):
        values = [float(column[place]) for column in columns]
        if fit.local_resolution is not None:
            values.append(float(fit.local_resolution[place]))
        cells = [f"{value:.{DIGITS}f}" if isfinite(value) else "" for value in values]
        cells += [""] * (len(HEADINGS) - 1 - len(cells))
        table.writerow([label, *cells])
    return text.getvalue()
