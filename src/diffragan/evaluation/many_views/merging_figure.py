"""Merged intensity beside the true one, shell by shell: Dragonfly's and ours."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffragan.evaluation.many_views.looks import look, shell_axes
from diffragan.evaluation.many_views.shell_curves import FIRST_SHELL
from diffragan.evaluation.paper.captioned import Captioned
from diffragan.evaluation.paper.column import letter
from diffragan.evaluation.single_image.looks import PAGE_INCHES, page_figure

HEIGHT_INCHES = 2.9
MERGED = {"true": "at the true orientations", "ours": "ours", "dragonfly": "Dragonfly"}
"""Who merged, in the records of `benchmarks/many_views_dragonfly.py`."""


def merging_figure(records: Sequence[Mapping[str, Any]]) -> Captioned:
    """Draw one panel for each record."""
    figure = page_figure(HEIGHT_INCHES)
    panels = figure.subplots(1, len(records), squeeze=False, sharey=True)[0]
    if len(records) == 1:
        figure.set_figwidth(PAGE_INCHES / 2)
    for number, (ax, record) in enumerate(zip(panels, records, strict=True)):
        frequency = np.asarray(record["shells_per_angstrom"])
        words = "correlation of intensities" if number == 0 else ""
        shell_axes(ax, float(frequency[-1]), (0.5,), words)
        for place, (key, label) in enumerate(MERGED.items()):
            alike = np.asarray(record[key]["intensity_correlation"])
            ax.plot(frequency[FIRST_SHELL:], alike[FIRST_SHELL:], label=label, **look(place))
        letter(ax, "abcdefgh"[number], f"{record['molecule']}, {record['patterns']:,} patterns")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    caption = (
        "Correlation of merged intensities with the true ones in each shell: from the true "
        "orientations, the most that any merging can reach; from orientations as the images give "
        "them, refined by us; and by Dragonfly, from the patterns alone."
    )
    told = "; ".join(
        f"{record['molecule']}: "
        + ", ".join(
            f"{label} {record[key]['mean_correlation']:.2f}" for key, label in MERGED.items()
        )
        for record in records
    )
    return Captioned(figure, caption, f"Curves of correlation; their means: {told}.")
