"""`diffragan validate`: check a configuration file."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Arguments:
    """Check a configuration file: every key known, every value possible.

    Example: diffragan validate experiment.yaml
    """

    config: tyro.conf.Positional[Path]
    """YAML file with the settings of an experiment, a training run or Slurm jobs."""


def run(arguments: Arguments) -> None:
    """Print the file's settings as they will be used, or say the first mistake."""
    import yaml

    from diffragan.config.load import load_any

    settings = load_any(arguments.config)
    print(f"# {arguments.config}: valid; all settings, with the defaults filled in:")
    print(yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False), end="")
