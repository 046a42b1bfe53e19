"""What RELION prints while it works, and when it fails, in our words."""

import re

from diffragan.reconstruction.external_program import Progress

_ITERATION = re.compile(
    r"(?:Expectation|Gradient Descent|optimisation|Optimisation) iteration (\d+)(?: of (\d+))?"
)
_RESOLUTION = re.compile(r"Resolution= ?([\d.]+)")
_ERROR = re.compile(r"^ERROR:?\s*(.*)$")
_NOISE = re.compile(r"^(in: |===|.*\.so|relion_\S*\(|-{5}|mpirun|MPI_ABORT|\+ |$)")


def read_progress(line: str) -> Progress:
    """Read one line of RELION's output; most say nothing."""
    if found := _ITERATION.search(line):
        return Progress(int(found[1]), int(found[2]) if found[2] else None)
    if found := _RESOLUTION.search(line):
        return Progress(resolution_angstrom=float(found[1]))
    return Progress()


def is_bar(line: str) -> bool:
    """Whether a line is a step of RELION's own progress bar."""
    return "~~(,_," in line


def reason(lines: list[str]) -> str:
    """Find why RELION stopped in the last lines of its output, in one sentence."""
    for index in reversed(range(len(lines))):
        if found := _ERROR.match(lines[index].strip()):
            words = [found[1], *lines[index + 1 : index + 3]]
            said = [word.strip() for word in words if not _NOISE.match(word.strip())]
            if said:
                return said[0].rstrip(".")
    said = [line.strip() for line in lines if not _NOISE.match(line.strip())]
    return said[-1].rstrip(".") if said else "it said nothing"
