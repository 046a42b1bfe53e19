"""Every mean curve of an evaluation as one CSV table."""

import csv
import io
from collections.abc import Mapping
from typing import Any


def frc_table(metrics: Mapping[str, Any]) -> str:
    """Return every mean curve as CSV on one frequency axis."""
    columns: dict[str, list[float]] = {}
    for name, method in metrics["methods"].items():
        columns[f"{name} frc_mean"] = method["frc_mean"]
        columns[f"{name} frc_std"] = method["frc_std"] or [""] * len(method["frc_mean"])
        columns[f"{name} wave_frc_mean"] = method["wave_frc_mean"]
        for key, control in method["controls"].items():
            if "frc_mean" in control:
                columns[f"{name} {key} frc_mean"] = control["frc_mean"]
    for name, control in metrics["controls"].items():
        columns[f"{name} frc_mean"] = control["frc_mean"]
    frequency = next(iter(metrics["methods"].values()))["frequency_per_angstrom"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["frequency_per_angstrom", "resolution_angstrom", *columns])
    for row, value in enumerate(frequency):
        writer.writerow([value, 1 / value, *(column[row] for column in columns.values())])
    return text.getvalue()
