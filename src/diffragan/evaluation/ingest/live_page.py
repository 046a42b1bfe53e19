"""A light page of a scan that is still being written; browsers load it again by themselves."""

import base64
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan import __version__
from diffragan.acquisition.following import Live
from diffragan.acquisition.hits.classes import CLASSES, PROTEIN
from diffragan.acquisition.hits.priors import adapt_priors
from diffragan.evaluation.ingest.scan_maps import ScanMap, class_map
from diffragan.evaluation.ingest.tables import class_bars
from diffragan.evaluation.report import page_environment
from diffragan.io.files import output_folder, write_text
from diffragan.io.pictures import colour_png

PAGE = "report.html"
REFRESH_S = 3
LEAST_INTERVAL_S = 2.0
"""Between two pages [s]."""
BEST = 10
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


class LivePage:
    """Writes `report.html` into a folder, again and again while a scan is followed."""

    def __init__(self, folder: Path, priors: NDArray[np.floating[Any]], title: str) -> None:
        """Write into `folder`.

        Parameters
        ----------
        priors : `(class)`, shares of the classes under which the probabilities are told.
        title : Heading of the page.
        """
        self._folder, self._priors, self._title = folder, priors, title
        self._written = -np.inf
        self._last: Live | None = None

    def update(self, live: Live) -> None:
        """Write the page, unless that was done a moment ago; always once all frames are seen."""
        self._last = live
        whole = len(live.table) >= live.shape[0] * live.shape[1]
        if not whole and time.monotonic() - self._written < LEAST_INTERVAL_S:
            return
        self._write(live, "")
        self._written = time.monotonic()

    def stopped(self, why: str) -> None:
        """Write the page for the last time, with what stopped the run; it refreshes no more."""
        if self._last is not None:
            self._write(self._last, why)

    def _write(self, live: Live, why: str) -> None:
        table, positions = live.table, live.shape[0] * live.shape[1]
        probability, _ = adapt_priors(table.probability, self._priors)
        of_class = probability.argmax(1)
        counts = np.bincount(of_class, minlength=len(CLASSES)).tolist()
        scattered = 100 * table.scattered_fraction.astype(np.float64)
        maps = [
            class_map(of_class),
            ScanMap("Scattered electrons", "% of the beam", scattered),
            ScanMap("Phase shift", "rad Å²", table.phase_rad_angstrom2.astype(np.float64)),
        ]
        best = np.argsort(-probability[:, PROTEIN], kind="stable")[:BEST]
        page = page_environment().get_template("ingest_live.html.j2").render(
            title=self._title,
            version=__version__,
            policy=POLICY,
            refresh_s=REFRESH_S,
            why=why,
            seen=len(table),
            available=live.available,
            total=positions,
            percent=100 * len(table) / positions,
            rate=live.frames_per_s,
            bars=class_bars(dict(zip(CLASSES, counts, strict=True))),
            maps=[
                {
                    "name": one.name,
                    "unit": one.unit,
                    "ends": None if one.kinds else [f"{value:.3g}" for value in one.limits()],
                    "source": _address(one, live.shape),
                }
                for one in maps
            ],
            best=[
                (
                    int(frame),
                    "row {}, column {}".format(*divmod(int(frame), live.shape[1])),
                    f"{probability[frame, PROTEIN]:.3f}",
                    f"{scattered[frame]:.3g}",
                    f"{table.phase_rad_angstrom2[frame]:.3g}",
                )
                for frame in best
                if probability[frame, PROTEIN] > 0.5
            ],
        )  # fmt: skip
        write_text(output_folder(self._folder) / PAGE, page)


def _address(one: ScanMap, shape: tuple[int, int]) -> str:
    """Return a map as the address of a picture, the first row of the scan at the bottom."""
    colours = one.colours(shape[0] * shape[1]).reshape(*shape, 3)[::-1]
    encoded = base64.b64encode(colour_png(np.ascontiguousarray(colours))).decode("ascii")
    return f"data:image/png;base64,{encoded}"
