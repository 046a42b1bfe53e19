"""What Dragonfly prints while it works, and when it fails, in our words."""

import re

from diffragan.reconstruction.external_program import Program, Progress

_ITERATION = re.compile(r"^Finished iteration (\d+)\b")
_ERROR = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception): (.*)$|^(.*)\. Exiting\.$")
EMC = "dragonfly.emc"
REMEDY = (
    "install Dragonfly (pip install dragonfly-spi mpi4py, with MPI, GSL and HDF5 to build it; see "
    "docs/dragonfly.md)"
)


def read_progress(line: str) -> Progress:
    """Read one line of Dragonfly's output; most say nothing."""
    found = _ITERATION.match(line)
    return Progress(int(found[1])) if found else Progress()


def reason(lines: list[str]) -> str:
    """Find why Dragonfly stopped in the last lines of its output, in one sentence."""
    said = [line.strip() for line in lines if line.strip()]
    for line in reversed(said):
        if found := _ERROR.match(line):
            return (found[1] or found[2]).rstrip(".")
    return said[-1].rstrip(".") if said else "it said nothing"


DRAGONFLY = Program(
    prefix="dragonfly",
    remedy=REMEDY,
    lighter="use fewer threads or lower resolution",
    read_progress=read_progress,
    reason=reason,
)
