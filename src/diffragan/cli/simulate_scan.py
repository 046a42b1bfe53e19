"""`diffragan simulate --scan`: a simulated experiment with a scan and an overview image."""

from collections.abc import Sequence
from pathlib import Path


def make_experiment(
    structures: Sequence[Path],
    out: Path,
    preset: str | None,
    config: Path | None,
    seed: int,
    formats: Sequence[str],
    workers: int | None,
) -> None:
    """Simulate an experiment, and say what was made.

    Parameters
    ----------
    structures : What `diffragan prepare` wrote.
    formats : Of the scan's files.
    workers : Threads; all cores when left out.
    """
    from diffragan.config.load import load_scan_simulation
    from diffragan.errors import ConfigError
    from diffragan.simulation.scan.run import needs, scan_files, simulate_scan
    from diffragan.structures.prepared import read_prepared_many

    settings = load_scan_simulation(preset, config)
    names = [path.name for path in scan_files(out, formats).values()]
    if len(set(formats)) < len(formats) or not formats:
        raise ConfigError("--format takes each format once, and at least one")
    prepared = read_prepared_many(structures)
    asked = needs(settings, formats)
    rows, columns = settings.path.shape
    print(
        f"{rows} x {columns} frames of {settings.camera.pixels} pixels a side, "
        f"{settings.field.molecules} molecules of {', '.join(s.name for s in prepared[:5])}"
        f"{' and others' if len(prepared) > 5 else ''}: {asked.disk_bytes / 1e9:.2g} GB on disk, "
        f"about {asked.memory_bytes / 1e9:.1f} GB of memory"
    )
    simulate_scan(prepared, settings, seed, out, formats=formats, workers=workers)
    print(f"wrote {out}: {', '.join(names)}, overview.mrc, experiment.yaml, truth.json, truth.npz")
