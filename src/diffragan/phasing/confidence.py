"""How far an answer can be trusted: a predicted FRC curve, a resolution and its interval.

A small network, calibrated on molecules of the validation set, reads the evidence that comes
without the truth and predicts the FRC of the iterated wave, of the network's wave, and of their
blend. It lies in JSON beside the weights it was calibrated with.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Self

import torch

from diffragan.errors import InputError
from diffragan.phasing.evidence import FEATURES, Bands, Evidence
from diffragan.phasing.protocol import Prediction
from diffragan.rings import resolution_at
from diffragan.typing import Bool, Float, Tensor

FILE = "confidence.json"
FORMAT_VERSION = 1
COARSEST_ANGSTROM = 12.0
"""Where the search for a view's resolution begins: bands before it hold a handful of coefficients.
"""
SMOOTHING = (0.25, 0.5, 0.25)
"""Of a view's curve over neighbouring bands, before its resolution is read."""
OUTPUTS = ("iterated", "network", "blend")


@dataclass(frozen=True, slots=True)
class Calibration:
    """The calibrated network: two hidden layers, logistic outputs."""

    layers: tuple[tuple[Tensor, Tensor], ...]
    """Weight `(out, in)` and bias `(out)` of each."""
    centre: Float[Tensor, " feature"]
    scale: Float[Tensor, " feature"]
    intervals: tuple[tuple[float, float, float], ...]
    """Predicted resolution up to which a row holds [Å], and the 5 % and 95 % quantiles of true over
    predicted resolution there."""

    def predict(self, evidence: Evidence) -> dict[str, Float[Tensor, "item band"]]:
        """Predict the FRC of each of `OUTPUTS`."""
        x = (evidence.values - self.centre) / self.scale
        for weight, bias in self.layers[:-1]:
            x = torch.nn.functional.silu(x @ weight.T + bias)
        weight, bias = self.layers[-1]
        told = torch.sigmoid(x @ weight.T + bias)
        return {name: told[..., place] for place, name in enumerate(OUTPUTS)}

    def interval(self, resolution_angstrom: float) -> tuple[float, float]:
        """Return the finest and the coarsest resolution to be expected [Å]."""
        for end, low, high in self.intervals:
            if resolution_angstrom <= end:
                return resolution_angstrom * low, resolution_angstrom * high
        _, low, high = self.intervals[-1]
        return resolution_angstrom * low, resolution_angstrom * high

    def to(self, device: torch.device) -> "Calibration":
        """Move to a device."""
        layers = tuple((w.to(device), b.to(device)) for w, b in self.layers)
        return Calibration(layers, self.centre.to(device), self.scale.to(device), self.intervals)

    def _fits(self) -> bool:
        """Whether the layers fit features, outputs and each other, and all numbers are finite."""
        numbers = [self.centre, self.scale, *(t for layer in self.layers for t in layer)]
        widths = [len(FEATURES), *(len(bias) for _, bias in self.layers)]
        shapes = [tuple(weight.shape) for weight, _ in self.layers]
        return (
            bool(self.intervals)
            and all(0 < low <= high < inf and end > 0 for end, low, high in self.intervals)
            and all(bool(values.isfinite().all()) for values in numbers)
            and shapes == list(zip(widths[1:], widths[:-1], strict=True))
            and widths[-1] == len(OUTPUTS)
            and len(self.centre) == len(self.scale) == len(FEATURES)
        )

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "format_version": FORMAT_VERSION,
            "features": list(FEATURES),
            "outputs": list(OUTPUTS),
            "layers": [{"weight": w.tolist(), "bias": b.tolist()} for w, b in self.layers],
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "intervals": [list(row) for row in self.intervals],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote.

        Raises
        ------
        InputError : It is of another version, or not a calibration.
        """
        version, features = values.get("format_version"), values.get("features")
        if version != FORMAT_VERSION or features != list(FEATURES):
            raise InputError(f"is of version {version} or of other features; calibrate again")
        try:
            found = cls(
                tuple((_floats(row["weight"]), _floats(row["bias"])) for row in values["layers"]),
                _floats(values["centre"]),
                _floats(values["scale"]),
                tuple((float(a), float(b), float(c)) for a, b, c in values["intervals"]),
            )
            fits = found._fits()
        except (KeyError, TypeError, ValueError):
            raise InputError("is not a calibration of this program; calibrate again") from None
        if not fits:
            raise InputError("has layers that do not fit together; calibrate again")
        return found


def _floats(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def read_calibration(folder: Path) -> Calibration | None:
    """Read the calibration beside some weights; `None` where they have none.

    Raises
    ------
    InputError : It is damaged or of another version.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError):
        raise InputError(f"{path}: not readable as JSON; calibrate again") from None
    try:
        return Calibration.from_json(values if isinstance(values, dict) else {})
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def uncalibrated(evidence: Evidence) -> dict[str, Float[Tensor, "item band"]]:
    """Predict FRC curves by first principles where nothing was calibrated.

    Two answers that each correlate with the truth by c, and err independently, correlate by c^2. A
    network trained to a small difference makes a coefficient as small as it is uncertain.
    """
    iterated = evidence.of("agreement of restarts").clamp(0, 1).sqrt()
    network = evidence.of("network's own certainty")
    return {"iterated": iterated, "network": network, "blend": torch.maximum(iterated, network)}


def view_resolution(curve: Float[Tensor, " band"], bands: Bands) -> float:
    """Where a view's curve, smoothed over bands, first falls below 0.5 [Å].

    The finest band's where it never does.
    """
    smoothed = smoothed_curve(curve)
    frequency = bands.frequency_per_angstrom
    found = resolution_at(smoothed.double().cpu(), frequency, 0.5, COARSEST_ANGSTROM)
    return found or 1 / float(frequency[-1])


def smoothed_curve(curve: Float[Tensor, " band"]) -> Float[Tensor, " band"]:
    """Smooth a curve over neighbouring bands; its ends keep their slope."""
    kernel = torch.tensor(SMOOTHING, dtype=curve.dtype, device=curve.device)
    padded = torch.cat([curve[:1], curve, curve[-1:]])
    return torch.nn.functional.conv1d(padded[None, None], kernel[None, None])[0, 0]


def prediction(
    curves: Mapping[str, Float[Tensor, "item band"]],
    bands: Bands,
    calibration: Calibration,
    failed: Bool[Tensor, " item"],
) -> Prediction:
    """Read resolutions and intervals from predicted curves."""
    blend = curves["blend"]
    found = [view_resolution(curve, bands) for curve in blend]
    return Prediction(
        blend,
        bands.frequency_per_angstrom,
        torch.tensor(found),
        torch.tensor([calibration.interval(value) for value in found]),
        failed,
    )
