"""The journal of a growing store: what is done, and the lock of the one process that packs it.

Each line is the number of an item that was handed in, or `run N` when all items of run N lie in
shards on the disk and their loose files may go.
"""

import errno
import fcntl
import os
from pathlib import Path

from diffragan.errors import OutputError
from diffragan.io.files import named_in_errors

JOURNAL = "items.done"
RUN = b"run "


class Journal:
    """An open journal, which no other process can open until this one closes it or ends."""

    def __init__(self, folder: Path) -> None:
        """Open the journal in `folder`, and make it when there is none.

        Raises
        ------
        OutputError : Another process holds it.
        """
        self._path = folder / JOURNAL
        # Not buffered: what a full disk refused must not be tried again on closing.
        self._file = self._path.open("ab+", buffering=0)
        try:
            # The lock is the process's: it ends with it, however it ends.
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            self._file.close()
            raise OutputError(
                f"{folder}: another run is writing this data set; wait for it, or choose another "
                "name"
            ) from None
        self._file.seek(0)
        whole, newline, _ = self._file.read().rpartition(b"\n")
        # A line that was cut off does not count, and the next one must not be appended to it.
        self._file.truncate(len(whole + newline))
        self._lines = whole.splitlines()

    def packed_runs(self) -> set[int]:
        """Return the runs that earlier processes packed."""
        return {int(line.removeprefix(RUN)) for line in self._lines if line.startswith(RUN)}

    def items(self) -> set[int]:
        """Return the items that earlier processes noted."""
        return {int(line) for line in self._lines if line.isdigit()}

    def forget(self) -> None:
        """Take out all lines."""
        self._file.truncate(0)
        self._sync()
        self._lines = []

    def item_done(self, item: int) -> None:
        """Note that an item was handed in."""
        self._write(b"%d\n" % item)

    def run_packed(self, run: int) -> None:
        """Note that a run lies in its shards."""
        self._write(RUN + b"%d\n" % run)
        self._sync()

    def close(self) -> None:
        """Let other processes have it."""
        self._file.close()

    def _write(self, line: bytes) -> None:
        with named_in_errors(self._path):
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
