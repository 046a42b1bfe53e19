"""Frames looked at while the scan is still being written.

What is seen on the way is provisional: the calibration is of the frames that were there. Once all
are, `ingest` looks at the whole scan, with the same result as if nobody had followed it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from diffragan.acquisition.calibration.calibrate import calibrate
from diffragan.acquisition.frame_pass import FramePass, frame_pass
from diffragan.acquisition.hits.classify import FrameClasses, MeasuredFrames, join_measured
from diffragan.acquisition.hits.network import HitNetwork, read_network
from diffragan.acquisition.ingest import folder_beside
from diffragan.acquisition.looking import known
from diffragan.acquisition.measured_blocks import BLOCK_FRAMES, BlocksOnDisk
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.errors import InputError
from diffragan.io.files import output_folder
from diffragan.io.provenance import fingerprint
from diffragan.io.scans.open import open_scan
from diffragan.io.scans.scan import Scan
from diffragan.progress import progress_bar, tell

LIVE = "live"
"""Folder of what was seen on the way."""
POLL_S = 0.5
"""Between looks at the file [s]."""
SHOWN_SHARE = 0.1
"""Of the time, to classify all frames so far and to show them; the rest is for new ones."""
ANEW = 4
"""The detector is calibrated again when there are so many times the frames."""


@dataclass(frozen=True, slots=True)
class Live:
    """How far a scan is."""

    settings: AcquisitionSettings
    shape: tuple[int, int]
    table: FrameClasses
    """Of the frames looked at so far."""
    available: int
    """Frames that are written."""
    frames_per_s: float
    """Looked at lately; 0 before the first block."""


def follow(
    scan_path: Path,
    image_path: Path,
    out: Path,
    settings: AcquisitionSettings,
    patience_s: float,
    watch: Callable[[Live], None] = lambda _: None,
) -> None:
    """Look at frames as they come, until all of them and the image are there.

    A stopped run goes on where it was: blocks of frames that were looked at lie on the disk.

    Parameters
    ----------
    patience_s : Give up when nothing was added for so long [s].
    watch : Told after every block.

    Raises
    ------
    InputError : Nothing more comes, or it is not known how many frames there will be.
    """
    clock = _Patience(patience_s)
    while not scan_path.exists():
        clock.wait(f"{scan_path}: there is no such file or folder")
    scan = _opened(scan_path, settings, clock)
    settings, _ = known(scan, settings)
    shape = settings.scan.shape
    if shape is None:
        raise InputError(
            f"{scan_path}: does not say how many frames it will have; give scan.shape in the "
            "configuration"
        )
    total = shape[0] * shape[1]
    run = fingerprint({"scan": settings.scan.model_dump(mode="json"), "follow": total})
    kept = BlocksOnDisk(output_folder(folder_beside(out) / LIVE), run)
    pace = _Pace()
    followed = _Followed(scan, settings, kept, read_network())
    with progress_bar(total, "following the scan") as bar:
        while followed.seen < total:
            available = min(scan.available(), total)
            added = followed.look(available, last=available == total)
            if added:
                clock.reset()
                bar.advance(added)
                if pace.is_due() or followed.seen == total:
                    with pace:
                        watch(Live(settings, shape, followed.table(), available, followed.rate))
            else:
                clock.wait(
                    f"{scan_path}: has {available} of {total} frames, and no more come; "
                    "wait longer with --patience-s, or give scan.shape as it is"
                )
    clock.reset()
    _wait_for_image(image_path, clock)


class _Pace:
    """Keeps what is shown from taking more than its share of the time."""

    def __init__(self) -> None:
        self._due = self._began = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() >= self._due

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_reason: object) -> None:
        now = time.monotonic()
        self._due = now + (now - self._began) / SHOWN_SHARE


class _Patience:
    """Waits, as long as something happens once in a while."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s, self._since = patience_s, time.monotonic()

    def reset(self) -> None:
        self._since = time.monotonic()

    def wait(self, words: str) -> None:
        if time.monotonic() - self._since > self._patience_s:
            raise InputError(f"{words} (waited {self._patience_s:g} s)")
        time.sleep(POLL_S)


def _opened(path: Path, settings: AcquisitionSettings, clock: _Patience) -> Scan:
    """Open a scan as soon as its first frame is there."""
    while True:
        try:
            return open_scan(path, settings.scan, growing=True)
        except InputError as error:
            clock.wait(str(error))


def _wait_for_image(path: Path, clock: _Patience) -> None:
    """Wait until an image is there and no longer grows."""
    size = -1
    if not path.exists():
        tell(f"all frames are there; waiting for {path}")
    while not path.exists() or path.stat().st_size != size:
        if path.exists():
            size = path.stat().st_size
        clock.wait(f"{path}: there is no such image, or it still grows")


class _Followed:
    """The blocks of a growing scan that were looked at."""

    def __init__(
        self, scan: Scan, settings: AcquisitionSettings, kept: BlocksOnDisk, network: HitNetwork
    ) -> None:
        self._scan, self._settings, self._kept, self._network = scan, settings, kept, network
        self._pass: FramePass | None = None
        self._calibrated_on = 0
        self._parts: list[MeasuredFrames] = []
        self.seen = 0
        self.rate = 0.0

    def table(self) -> FrameClasses:
        """Return what was found so far."""
        ready = self._pass or self._made_ready(self.seen)
        return ready.classify(join_measured(self._parts))

    def look(self, available: int, *, last: bool) -> int:
        """Look at the next block if it is whole, or the last one; return how many frames it has."""
        stop = min(self.seen + BLOCK_FRAMES, available)
        if stop == self.seen or (stop - self.seen < BLOCK_FRAMES and not last):
            return 0
        block, count = self.seen // BLOCK_FRAMES, stop - self.seen
        found = self._kept.read(block, count)
        if found is None:
            began = time.monotonic()
            found = self._made_ready(available).block(self.seen, stop)
            self.rate = count / max(time.monotonic() - began, 1e-9)
            self._kept.write(block, *found)
        self._parts.append(found[0])
        self.seen = stop
        return count

    def _made_ready(self, available: int) -> FramePass:
        """Calibrate at first, and again once there are many more frames."""
        if self._pass is None or available >= ANEW * self._calibrated_on:
            scan, settings = self._scan, self._settings.scan
            calibration = calibrate(scan, settings)
            self._pass = frame_pass(scan, settings, calibration, self._network, available)
            self._calibrated_on = available
        return self._pass
