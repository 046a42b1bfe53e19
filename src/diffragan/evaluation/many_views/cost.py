"""What a command took, as GNU time tells it: `/usr/bin/time -v -o FOLDER.time diffragan ...`."""

import re
from dataclasses import dataclass
from pathlib import Path

from diffragan.io.machine import BYTES_PER_KIB

SUFFIXES = (".time", ".log")
_SECONDS = re.compile(r"(User|System) time \(seconds\): ([\d.]+)")
_ELAPSED = re.compile(r"Elapsed \(wall clock\) time .*: ([\d:.]+)$", re.MULTILINE)
_MEMORY = re.compile(r"Maximum resident set size \(kbytes\): (\d+)")


@dataclass(frozen=True, slots=True)
class Cost:
    """Time and memory of one run."""

    cpu_s: float
    """Of all cores together [s]."""
    wall_s: float | None = None
    memory_bytes: int | None = None
    """The most that was held at once."""


def read_cost(folder: Path) -> Cost | None:
    """Read what making a folder took, from the file of its name beside it; `None` without one."""
    for suffix in SUFFIXES:
        path = folder.with_name(folder.name + suffix)
        if path.is_file():
            found = parse_time(path.read_text(encoding="utf-8", errors="replace"))
            if found is not None:
                return found
    return None


def parse_time(text: str) -> Cost | None:
    """Find the words of GNU time in a text; `None` if they are not all there."""
    seconds = dict(_SECONDS.findall(text))
    elapsed, memory = _ELAPSED.search(text), _MEMORY.search(text)
    if len(seconds) < 2 or elapsed is None or memory is None:
        return None
    wall = 0.0
    for part in elapsed.group(1).split(":"):  # hours, if any, minutes and seconds
        wall = 60 * wall + float(part)
    cpu = sum(float(value) for value in seconds.values())
    return Cost(cpu, wall, int(memory.group(1)) * BYTES_PER_KIB)
