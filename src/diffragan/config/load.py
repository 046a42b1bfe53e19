"""Reading settings: a preset, a YAML file over it, and explicit overrides on top.

Every mistake is one line that names the file, the key and, for an unknown key, the nearest one.
"""

import reprlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import ValidationError

from diffragan.config.acquisition import AcquisitionSettings
from diffragan.config.experiment import Experiment
from diffragan.config.raw_scan import RawScan
from diffragan.config.scan_simulation import ScanSimulation
from diffragan.config.settings import Settings
from diffragan.config.slurm import SlurmSettings
from diffragan.config.training import TrainingSettings
from diffragan.config.unrolled_training import UnrolledTraining
from diffragan.errors import ConfigError, InputError, nearest

S = TypeVar("S", bound=Settings)

KINDS: dict[str, type[Settings]] = {
    "experiment": Experiment,
    "training": TrainingSettings,
    "unrolled-training": UnrolledTraining,
    "slurm": SlurmSettings,
    "acquisition": AcquisitionSettings,
    "raw-scan": RawScan,
    "scan-simulation": ScanSimulation,
}
LARGEST_FILE_BYTES = 1_000_000
LONGEST_SHOWN = 60
"""How much of a wrong value an error message repeats [characters]."""


def preset_names(kind: str) -> list[str]:
    """Names of the presets of a kind: `experiment`, `training`, `scan-simulation`, ...."""
    folder = resources.files("diffragan.config") / "presets" / kind
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )


def load_experiment(
    preset: str | None = None, file: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Experiment:
    """Read the settings of an experiment; the file's own `preset` counts unless one is given."""
    return _load(Experiment, "experiment", preset or "paper", preset is not None, file, overrides)


def load_training(
    preset: str | None = None, file: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> TrainingSettings:
    """Read the settings of a training run."""
    return _load(
        TrainingSettings, "training", preset or "paper-small", preset is not None, file, overrides
    )


def load_unrolled(
    preset: str | None = None, file: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> UnrolledTraining:
    """Read the settings of a training run of the unrolled network."""
    return _load(
        UnrolledTraining, "unrolled-training", preset or "unrolled", preset is not None, file,
        overrides,
    )  # fmt: skip


def trains_unrolled(preset: str | None, file: Path | None) -> bool:
    """Say whether a preset or a file is of a training of the unrolled network.

    Raises
    ------
    ConfigError : The two are of different kinds.
    InputError : The file cannot be read.
    """
    written = {} if file is None else _read_yaml(file)
    kind = written.get("kind")
    wanted = (preset or written.get("preset")) in preset_names("unrolled-training")
    if kind is None:
        return wanted
    if preset is not None and (kind == "unrolled-training") != wanted:
        raise ConfigError(f"{file}: is of kind '{kind}', which preset '{preset}' is not")
    return bool(kind == "unrolled-training")


def load_slurm(file: Path) -> SlurmSettings:
    """Read what the jobs of a simulation ask of Slurm."""
    return _validated(SlurmSettings, _read_yaml(file), str(file))


def load_acquisition(file: Path | None) -> AcquisitionSettings:
    """Read how a scan and its image were taken; without a file, nothing is given."""
    if file is None:
        return AcquisitionSettings()
    return _validated(AcquisitionSettings, _read_yaml(file), str(file))


def load_raw_scan(file: Path) -> RawScan:
    """Read what a file of plain binary frames holds."""
    return _validated(RawScan, _read_yaml(file), str(file))


def load_scan_simulation(
    preset: str | None = None, file: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> ScanSimulation:
    """Read the settings of a simulated scan."""
    return _load(
        ScanSimulation, "scan-simulation", preset or "scan", preset is not None, file, overrides
    )


def load_any(file: Path) -> Settings:
    """Read a configuration file of whichever kind its `kind` key says."""
    written = _read_yaml(file)
    kind = written.get("kind", "experiment")
    if kind not in KINDS:
        raise ConfigError(f"{file}: kind '{kind}' is not known; {nearest(str(kind), KINDS)}")
    if kind == "slurm":
        return load_slurm(file)
    if kind == "acquisition":
        return load_acquisition(file)
    if kind == "raw-scan":
        return load_raw_scan(file)
    if kind == "unrolled-training":
        return load_unrolled(file=file)
    if kind == "scan-simulation":
        return load_scan_simulation(file=file)
    return load_experiment(file=file) if kind == "experiment" else load_training(file=file)


def _load(
    model: type[S],
    kind: str,
    preset: str,
    preset_was_given: bool,
    file: Path | None,
    overrides: Mapping[str, Any] | None,
) -> S:
    written = _read_yaml(file) if file else {}
    if not preset_was_given:
        preset = str(written.get("preset", preset))
    written = {**written, "preset": preset}
    where = str(file) if file else f"preset '{preset}'"
    merged = _read_preset(kind, preset)
    for over in (written, overrides or {}):
        merged = _merge(_without_rivals(model, merged, over), over)
    return _validated(model, merged, where)


def _without_rivals(
    model: type[Settings], base: Mapping[str, Any], over: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Leave out what a setting given later excludes."""
    if not set(model.rivals) & set(over):
        return base
    return {key: value for key, value in base.items() if key not in model.rivals}


def _validated(model: type[S], values: Mapping[str, Any], where: str) -> S:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_explain(model, error)}") from None


def _read_preset(kind: str, name: str) -> dict[str, Any]:
    names = preset_names(kind)
    if name not in names:
        if kind == "training":
            names = [*names, *preset_names("unrolled-training")]
        raise ConfigError(f"there is no {kind} preset '{name}'; {nearest(name, names)}")
    text = (resources.files("diffragan.config") / "presets" / kind / f"{name}.yaml").read_text()
    return {**yaml.safe_load(text), "preset": name}


def _read_yaml(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise InputError(f"{file}: no such configuration file")
    if file.stat().st_size > LARGEST_FILE_BYTES:
        raise InputError(f"{file}: too large for a configuration; expected a short YAML file")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # an impossible date or number
        first = str(error).splitlines()[0]
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{file}{line}: not readable as YAML ({first})") from None
    if not isinstance(content, dict):
        raise InputError(f"{file}: expected keys and values, as `energy_kev: 200`")
    return {str(key): value for key, value in content.items()}


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        if isinstance(value, Mapping) and isinstance(inner, Mapping):
            merged[key] = _merge(inner, value)
        else:
            merged[key] = value
    return merged


def _explain(model: type[Settings], error: ValidationError) -> str:
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _fields_at(model, first["loc"][:-1])
        return f"there is no setting '{path}'; {nearest(str(first['loc'][-1]), known)}"
    message = first["msg"].removeprefix("Value error, ")
    given = (
        ""
        if first["type"] == "value_error"
        else f" (got {reprlib.repr(first['input'])[:LONGEST_SHOWN]})"
    )
    return f"{path}: {message}{given}" if path else message


def _fields_at(model: type[Settings], path: tuple[int | str, ...]) -> list[str]:
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        candidates = [annotation, *get_args(annotation)]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, Settings))
    return list(model.model_fields)
