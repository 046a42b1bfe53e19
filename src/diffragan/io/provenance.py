"""What made an output: version, settings, seed and inputs, the same for the same data.

No time, host or number of workers is recorded, so that equal inputs give equal bytes.
"""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from diffragan import __version__

LIBRARIES = ("numpy", "torch")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def fingerprint(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def provenance(
    command: str, settings: Mapping[str, Any], seed: int | None, inputs: Mapping[str, str]
) -> dict[str, Any]:
    """Describe how an output comes about.

    Parameters
    ----------
    command : Command or function that makes it.
    settings : All settings that shape the result, as JSON.
    seed : Seed of all randomness, if there is any.
    inputs : Name to SHA-256 of each input.
    """
    return {
        "program": "diffragan",
        "version": __version__,
        "command": command,
        "settings": dict(settings),
        "seed": seed,
        "inputs": dict(inputs),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
