"""A reconstruction as its folder holds it: the map, its correlations, and its validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffragan.errors import InputError
from diffragan.evaluation.sections import Reconstruction
from diffragan.grid import Grid
from diffragan.io.files import read_json
from diffragan.io.mrc import read_mrc
from diffragan.reconstruction.validation.shells import low_passed
from diffragan.rings import COARSEST_ANGSTROM


@dataclass(frozen=True, slots=True)
class ShellCurve:
    """One Fourier shell correlation."""

    label: str
    frequency: Sequence[float]
    """[1/Å]."""
    values: Sequence[float]
    colour: str
    dash: tuple[float, ...]
    threshold: float | None
    """Where its resolution is read; none for a curve that has none."""
    resolution: str
    """In words; empty for a curve that has none."""
    strong: bool = False
    """The curve to look at first."""


@dataclass(frozen=True, slots=True)
class ReconstructionFolder:
    """What `reconstruct` and `validate_folder` wrote."""

    place: Path
    map: Reconstruction
    validation: dict[str, Any]
    """Empty where there is none."""

    @property
    def files(self) -> dict[str, str]:
        """Names of files by what they are."""
        return dict(self.validation.get("files") or {"map": "map.mrc"})

    def volume(self, what: str) -> Reconstruction | None:
        """Read another map of the folder, or nothing where it has none."""
        name = self.files.get(what)
        if name is None or not (self.place / name).exists():
            return None
        values, pixel, _ = read_mrc(self.place / name)
        return Reconstruction(what, values, pixel, {}, self.place)

    @property
    def resolution_angstrom(self) -> float | None:
        """Where the half maps part, if they are known and do [Å]."""
        gold = self.validation.get("gold_standard") or {}
        return gold.get("resolution_angstrom") or self.map.fsc.get("resolution_fsc_0p143_angstrom")

    def shown(self) -> Reconstruction:
        """Return the map without what lies beyond its resolution, which is noise."""
        resolution = self.resolution_angstrom
        if resolution is None:
            return self.map
        side, pixel = len(self.map.volume), self.map.pixel_angstrom
        volume = low_passed(torch.from_numpy(self.map.volume), Grid(side, side * pixel), resolution)
        return replace(self.map, volume=volume.float().numpy())

    def filtered_words(self) -> str:
        """Say that pictures show a filtered map, for the end of a sentence."""
        resolution = self.resolution_angstrom
        return "" if resolution is None else f", cut off at {resolution:.2f} Å"

    def curves(self) -> list[ShellCurve]:
        """Every shell correlation that is known, the one to look at first at the head."""
        return shell_curves(self.map.fsc, self.validation)


def read_reconstruction_folder(folder: Path) -> ReconstructionFolder:
    """Read the map, `fsc.json` and `validation.json`; both records may be missing.

    Raises
    ------
    InputError : There is no map, or something is damaged.
    """
    records = [folder / "fsc.json", folder / "validation.json"]
    fsc, validation = (read_json(path) if path.exists() else {} for path in records)
    if not isinstance(fsc, dict) or not isinstance(validation, dict):
        raise InputError(f"{folder}: fsc.json or validation.json is damaged; reconstruct again")
    name = (validation.get("files") or {}).get("map", "map.mrc")
    path = folder / name
    volume, pixel, kind = read_mrc(path)
    if kind != "volume" or len(set(volume.shape)) != 1:
        size = " x ".join(map(str, volume.shape))
        raise InputError(f"{path}: a {kind} of {size}; a cubic map is needed")
    found = Reconstruction(folder.resolve().name, volume, pixel, fsc, folder)
    return ReconstructionFolder(folder, found, validation)


def shell_curves(fsc: Mapping[str, Any], validation: Mapping[str, Any]) -> list[ShellCurve]:
    """Gather the curves of both records."""
    found: list[ShellCurve] = []
    gold = validation.get("gold_standard")
    if gold:
        frequency = gold["frequency_per_angstrom"]
        for kind, label, colour, dash, read, strong in (
            ("corrected", "half maps in the mask, corrected", "#0072B2", (), True, True),
            ("masked", "half maps in the mask", "#56B4E9", (5, 2), True, False),
            ("unmasked", "half maps, no mask", "#009E73", (), True, False),
            ("phase_randomised", "in the mask, random phases", "#6B7280", (1.5, 1.5), False, False),
        ):
            values = gold[f"fsc_{kind}"]
            if values is not None:
                key = f"resolution_{kind}_fsc_0p143_angstrom"
                words = _words(gold[key], frequency) if read else ""
                threshold = 0.143 if read else None
                found.append(
                    ShellCurve(label, frequency, values, colour, dash, threshold, words, strong)
                )
    elif fsc.get("fsc_half_maps"):
        frequency = fsc["frequency_per_angstrom"]
        words = _words(fsc["resolution_fsc_0p143_angstrom"], frequency)
        values = fsc["fsc_half_maps"]
        found.append(ShellCurve("half maps", frequency, values, "#0072B2", (), 0.143, words, True))
    model = validation.get("map_model")
    if model:
        frequency = model["frequency_per_angstrom"]
        values = model["fsc_masked"] or model["fsc_unmasked"]
        words = _words(model["resolution_fsc_0p5_angstrom"], frequency)
        found.append(
            ShellCurve("map and model, near it", frequency, values, "#D55E00", (), 0.5, words, True)
        )
    truth = validation.get("truth") or {}
    values = truth.get("fsc_unmasked") or fsc.get("fsc_truth")
    if values:
        frequency = (truth or fsc)["frequency_per_angstrom"]
        key = "unmasked_fsc_0p5" if truth else "fsc_truth_0p5"
        words = _words((truth or fsc)[f"resolution_{key}_angstrom"], frequency)
        found.append(
            ShellCurve(
                "map and true potential, no mask", frequency, values, "#CC79A7", (), 0.5, words
            )
        )
    limit = fsc.get("limit_per_angstrom")
    return found if limit is None else [_within(curve, limit) for curve in found]


def _within(curve: ShellCurve, limit_per_angstrom: float) -> ShellCurve:
    """Cut a curve off where the data of its map end."""
    last = sum(value <= limit_per_angstrom for value in curve.frequency)
    return replace(curve, frequency=curve.frequency[:last], values=curve.values[:last])


def _words(resolution: float | None, frequency: Sequence[float]) -> str:
    if resolution is None:
        return f"≤ {1 / frequency[-1]:.2f} Å"
    coarsest = 1 / frequency[int(np.searchsorted(frequency, 1 / COARSEST_ANGSTROM))]
    return f"> {coarsest:.0f} Å" if resolution >= coarsest * (1 - 1e-6) else f"{resolution:.2f} Å"
