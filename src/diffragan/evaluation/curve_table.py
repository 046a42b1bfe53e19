"""Every mean curve of an evaluation, and the scores of its groups, as CSV tables."""

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
        columns[f"{name} measured_frc_mean"] = method["measured_frc_mean"]
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


def group_table(metrics: Mapping[str, Any]) -> str:
    """Return the scores of every group of views as CSV, one line for each method and control."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ("views", "score_mean", "resolution_frc_0p5_angstrom", "ssim_mean", "r_factor_mean")
    shape = ("mass_kda", "radius_of_gyration_angstrom", "aspect_ratio", "oversampling")
    writer.writerow(["kind", "group", *shape, "result", *columns])
    for kind, groups in metrics["groups"].items():
        for group in groups:
            known = [group.get(name, "") for name in shape]
            for name, scores in group["scores"].items():
                writer.writerow([kind, group["label"], *known, name, *(scores[c] for c in columns)])
    return text.getvalue()
