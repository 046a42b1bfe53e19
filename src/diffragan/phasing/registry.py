"""Every phaser by its name, so that `phase`, `evaluate` and `demo` treat all alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from diffragan.config.settings import Settings
from diffragan.errors import ConfigError, nearest
from diffragan.io.observations import ObservationStore
from diffragan.io.provenance import sha256_of
from diffragan.phasing.algorithms import STEPS
from diffragan.phasing.confidence import FILE as CALIBRATION
from diffragan.phasing.hybrid import HybridPhaser
from diffragan.phasing.hybrid_settings import HybridSettings
from diffragan.phasing.iterative import IterativePhaser, IterativeSettings
from diffragan.phasing.learned import ConditionalGanPhaser
from diffragan.phasing.low_resolution import LowResolutionPhaser
from diffragan.phasing.network_alone import NetworkPhaser
from diffragan.phasing.protocol import Phaser
from diffragan.phasing.samples import SampleSettings
from diffragan.phasing.weights import packaged_weights, read_unrolled

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class MapSource:
    """Maps of the molecules of a data set, and the data set whose views show them."""

    folder: Path
    data: ObservationStore


@dataclass(frozen=True, slots=True)
class Request:
    """Which phaser is wanted, and what it needs."""

    method: str
    settings: Mapping[str, Any]
    """Settings that differ from the method's own."""
    weights: Path | None = None
    """Training run of a learned phaser."""
    device: str = "cpu"
    maps: MapSource | None = None
    """What a phaser by maps goes by."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One phaser of the registry."""

    summary: str
    make: Callable[[Request], Phaser]
    settings: type[Settings] | None = None
    """What it can be told; what is given may leave out all that has a default."""
    needs_weights: bool = False
    has_weights: bool = False
    """Whether it has weights of its own and takes others."""
    needs_maps: bool = False

    @property
    def iterates(self) -> bool:
        """Whether it iterates, as long as it is told to."""
        return self.settings is not None and "iterations" in self.settings.model_fields


def _low_resolution(_request: Request) -> Phaser:
    return LowResolutionPhaser()


def _iterative(request: Request) -> Phaser:
    wanted = {**request.settings, "algorithm": request.method}
    return IterativePhaser(validated(IterativeSettings, request.method, wanted))


def _hybrid(request: Request) -> Phaser:
    settings = validated(HybridSettings, request.method, request.settings)
    return HybridPhaser(
        settings, read_unrolled(request.weights or packaged_weights()), request.device
    )


def _network(request: Request) -> Phaser:
    return NetworkPhaser(read_unrolled(request.weights or packaged_weights()), request.device)


def _conditional_gan(request: Request) -> Phaser:
    assert request.weights is not None
    sampling = None
    if request.settings:
        sampling = validated(SampleSettings, request.method, request.settings)
    return ConditionalGanPhaser(request.weights, request.device, sampling)


def validated(model: type[S], method: str, wanted: Mapping[str, Any]) -> S:
    """Check the settings of a method.

    Raises
    ------
    ConfigError : One is not as the model wants it.
    """
    try:
        return model.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        given = "" if first["type"] == "missing" else f" (got {first['input']})"
        raise ConfigError(f"method '{method}', setting '{name}': {first['msg']}{given}") from None


PHASERS: dict[str, Entry] = {
    "hybrid": Entry(
        "a network's envelope and first phases, finished by iterations on the measured moduli",
        _hybrid,
        HybridSettings,
        has_weights=True,
    ),
    "network": Entry(
        "the network of `hybrid` alone, without iterations", _network, has_weights=True
    ),
    "low-resolution": Entry("the low-resolution image alone: the floor", _low_resolution),
    "er": Entry(
        "error reduction with a support estimated from the data", _iterative, IterativeSettings
    ),
    "hio": Entry(
        "hybrid input-output with a support estimated from the data", _iterative, IterativeSettings
    ),
    "raar": Entry(
        "relaxed averaged reflections with an estimated support", _iterative, IterativeSettings
    ),
    "cgan": Entry(
        "the paper's conditional GAN, trained by `diffragan train`",
        _conditional_gan,
        SampleSettings,
        needs_weights=True,
    ),
}
DEFAULT = "hybrid"
assert set(STEPS) <= set(PHASERS)


def make_phaser(
    method: str,
    settings: Mapping[str, Any] | None = None,
    weights: Path | None = None,
    device: str = "cpu",
    *,
    maps: MapSource | None = None,
    phasers: Mapping[str, Entry] = PHASERS,
) -> Phaser:
    """Make the phaser of a name.

    Parameters
    ----------
    method : Name in `phasers`.
    settings : Settings that differ from the method's own.
    weights : Training run, for a learned phaser.
    device : Where its network lives.
    maps : For a phaser by maps.
    phasers : Those to choose from; layers above this one may know more.

    Raises
    ------
    ConfigError : The method or a setting is not known, or weights or maps are missing or not
        wanted.
    InputError : The weights or the maps cannot be used.
    """
    entry = wanted_entry(method, settings, weights, phasers)
    if entry.needs_maps and maps is None:
        raise ConfigError(
            f"method '{method}' needs `--map DIR`, a folder that `diffragan reconstruct` wrote"
        )
    if maps is not None and not entry.needs_maps:
        raise ConfigError(f"method '{method}' takes no map; leave `--map` out")
    return entry.make(Request(method, settings or {}, weights, device, maps))


def wanted_entry(
    method: str,
    settings: Mapping[str, Any] | None = None,
    weights: Path | None = None,
    phasers: Mapping[str, Entry] = PHASERS,
) -> Entry:
    """Look up a method, and make sure that it takes what it is given.

    Raises
    ------
    ConfigError : The method or a setting is not known, or weights are missing or not wanted.
    """
    if method not in phasers:
        raise ConfigError(f"there is no method '{method}'; {nearest(method, phasers)}")
    entry = phasers[method]
    if entry.needs_weights and weights is None:
        raise ConfigError(
            f"method '{method}' needs `--weights RUN`, a run that `diffragan train` wrote"
        )
    _check_settings(method, entry, settings or {})
    if weights is not None and not (entry.needs_weights or entry.has_weights):
        raise ConfigError(f"method '{method}' takes no weights; leave `--weights` out")
    return entry


def _check_settings(method: str, entry: Entry, settings: Mapping[str, Any]) -> None:
    known = set() if entry.settings is None else set(entry.settings.model_fields)
    unknown = sorted(set(settings) - known)
    if not unknown:
        return
    if set(unknown) <= set(SampleSettings.model_fields) and "seed" not in known:
        raise ConfigError(
            f"method '{method}' draws nothing at random; leave {', '.join(unknown)} out"
        )
    if not entry.iterates:
        raise ConfigError(f"method '{method}' has no settings; leave {', '.join(unknown)} out")
    raise ConfigError(f"method '{method}' has no setting '{unknown[0]}'; leave it out")


def recorded_settings(
    phaser: Phaser, settings: Mapping[str, Any], weights: Path | None
) -> dict[str, Any]:
    """Describe a phaser so that `make_phaser` can make it again: `settings` and `weights`.

    All settings in force are listed under `in_force`; weights, those of the package as well, and
    their calibration are pinned by their hashes. What a phaser by maps goes by is not among them.
    """
    in_force: dict[str, Any] = {}
    own = getattr(phaser, "settings", None)
    if isinstance(own, Settings):
        in_force = own.model_dump()
    elif isinstance(phaser, ConditionalGanPhaser) and phaser.sampling is not None:
        in_force = phaser.sampling.model_dump()
    used = weights
    if isinstance(phaser, HybridPhaser | NetworkPhaser):
        used = phaser.weights.where
    pinned = {}
    if used is not None:
        patterns = ("best/*.safetensors", "*.safetensors", CALIBRATION)
        files = sorted(path for pattern in patterns for path in used.glob(pattern))
        pinned = {path.relative_to(used).as_posix(): sha256_of(path) for path in files}
    return {
        "settings": dict(settings),
        "in_force": in_force,
        "weights": None if weights is None else str(weights.resolve()),
        "weights_sha256": pinned,
    }
