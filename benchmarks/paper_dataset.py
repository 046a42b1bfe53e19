"""The paper's whole data set: how long it takes and how much memory, written to a log.

Runs `diffragan simulate` on a folder of prepared structures (25 in the paper) with the preset
`paper`, 1,078 orientations each, and once a second adds up the memory of all its processes, shared
pages counted once. Run: python benchmarks/paper_dataset.py PREPARED OUT.zarr [more options]
"""

import json
import platform
import subprocess
import sys
import time
from pathlib import Path

import psutil

SECONDS_BETWEEN_LOOKS = 1.0
BYTES_PER_GIB = 2**30


def memory_bytes(process: psutil.Process) -> int:
    """Memory of a process and all it started; 0 for those that just ended [bytes]."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_full_info().pss
        except psutil.Error:
            continue
    return total


def disk_bytes(folder: Path) -> int:
    """Size of all files of a folder [bytes]."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> None:
    prepared, out, *more = sys.argv[1:]
    command = [sys.executable, "-m", "diffragan", "simulate", prepared, "--preset", "paper"]
    began = time.time()
    running = subprocess.Popen([*command, "--out", out, "--device", "cpu", *more])
    process, peak = psutil.Process(running.pid), 0
    while running.poll() is None:
        try:
            peak = max(peak, memory_bytes(process))
        except psutil.Error:
            break
        time.sleep(SECONDS_BETWEEN_LOOKS)
    code = running.wait()
    seconds = time.time() - began
    log = {
        "command": [*command[1:], "--out", out, *more],
        "exit_code": code,
        "began": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(began)),
        "minutes": round(seconds / 60, 2),
        "peak_memory_gib": round(peak / BYTES_PER_GIB, 2),
        "disk_gb": round(disk_bytes(Path(out)) / 1e9, 2),
        "cores": psutil.cpu_count(),
        "load_average": psutil.getloadavg(),
        "machine": platform.platform(),
    }
    print(json.dumps(log, indent=2))
    Path(out).with_suffix(".log.json").write_text(json.dumps(log, indent=2) + "\n")


if __name__ == "__main__":
    main()
