"""Whether observations are what a network was trained for, and whether they belong together."""

from dataclasses import dataclass

import torch

from diffragan.config.experiment import Experiment
from diffragan.config.unrolled_training import UnrolledTraining
from diffragan.errors import InputError
from diffragan.fourier import centred, decentred, fourier, resize_centred
from diffragan.phasing.projections import measured_moduli
from diffragan.phasing.protocol import Observations
from diffragan.phasing.restraint import image_phases
from diffragan.rings import ring_index
from diffragan.typing import Bool, Float, Int, Tensor

FAR = 2.0
"""Beyond the range trained for by this factor, a network is not asked."""
SATURATED_PIXELS = 8
SATURATED_COUNT = 100.0
"""So many pixels with one largest count, which is not small, are clipped and not chance."""
MISFIT_SHARE = 0.6
"""Of the expected correlation of image and pattern, below which they do not belong together. On
validation proteins right pairs have 0.65 or more of it, wrong ones 0.45 at most and mostly 0."""
LEAST_TRUST = 0.5
"""Mean trust in the moduli from which the pattern says what to expect of the image."""
CLEAR_SIGMAS = 6.0
"""How far above its chance the expected correlation must be to judge by it."""
BESIDE_PIXELS = 3
"""How far from the direct beam to look for what it spreads [pixels]."""
MOST_SPREAD = 0.3
"""Share of what is recorded there that may be the direct beam's without a word."""
COARSEST_ANGSTROM = 30.0
LEAST_SNR = 0.05


@dataclass(frozen=True, slots=True)
class _Range:
    """One condition: its value, and the range trained for."""

    name: str
    value: float
    low: float
    high: float
    unit: str


def check_trained_for(experiment: Experiment, trained: UnrolledTraining) -> list[str]:
    """Say which conditions lie outside what a network was trained for.

    Raises
    ------
    InputError : One lies beyond it by more than a factor of two.
    """
    said = []
    for one in _ranges(experiment, trained):
        if one.low <= one.value <= one.high:
            continue
        words = (
            f"{one.name} is {one.value:.4g} {one.unit}, and the network was trained for "
            f"{one.low:.4g} to {one.high:.4g} {one.unit}"
        )
        if not one.low / FAR <= one.value <= one.high * FAR:
            raise InputError(
                f"{words}; that is too far off: train one with `diffragan train --preset "
                "unrolled`, or use `--method hio`"
            )
        said.append(f"{words}; its guess may be poor, see the predicted resolutions")
    return said


def _ranges(experiment: Experiment, trained: UnrolledTraining) -> list[_Range]:
    conditions, lens = trained.conditions, experiment.low_resolution
    found = [
        _Range("box_angstrom", experiment.box_angstrom, *conditions.box_angstrom, "Å"),
        _Range(
            "low_resolution.defocus_angstrom",
            lens.defocus_angstrom,
            *conditions.low_resolution_defocus_angstrom,
            "Å",
        ),
        _Range(
            "the end of the patterns",
            1 / experiment.axis_limit_per_angstrom,
            0.0,
            conditions.finest_angstrom[1],
            "Å",
        ),
    ]
    if lens.aperture_mrad is not None:
        aperture = conditions.low_resolution_aperture_mrad
        found.append(_Range("low_resolution.aperture_mrad", lens.aperture_mrad, *aperture, "mrad"))
    exposure = experiment.detector.exposure_e_per_a2
    if exposure is not None:
        low, _ = conditions.exposure_e_per_a2
        found.append(_Range("detector.exposure_e_per_a2", exposure, low, torch.inf, "e/Å2"))
    return found


def check_values(observations: Observations) -> list[str]:
    """Say what is odd about single items.

    Raises
    ------
    InputError : A value is not a number, or an item has no image.
    """
    for what, values in (
        ("pattern", observations.diffraction),
        ("low-resolution image", observations.low_resolution),
        ("dose", observations.low_resolution_dose[:, None]),
    ):
        broken = ~torch.isfinite(values).flatten(1).all(1)
        if broken.any():
            raise InputError(f"the {what} of item {_first(observations, broken)} is not finite")
    blank = observations.low_resolution.flatten(1).amax(1) <= 0
    if blank.any():
        raise InputError(
            f"item {_first(observations, blank)} has no low-resolution image: not one count; leave "
            "it out, or give its image"
        )
    said = []
    empty = empty_patterns(observations)
    if empty.any():
        said.append(
            f"the pattern of item {_first(observations, empty)} is empty; all it gets is what its "
            "image tells"
        )
    saturated = _saturated(_measured_alone(observations), observations.experiment)
    if saturated.any():
        said.append(
            f"the pattern of item {_first(observations, saturated)} looks saturated: many pixels "
            "have one largest count; mask them"
        )
    return said


def empty_patterns(observations: Observations) -> Bool[Tensor, " item"]:
    """Tell which patterns hold nothing in the pixels that were measured."""
    return _measured_alone(observations).amax(1) <= 0


def _measured_alone(observations: Observations) -> Float[Tensor, "item pixel"]:
    return torch.where(observations.measured, observations.diffraction, 0.0).flatten(1)


def _saturated(patterns: Float[Tensor, "item pixel"], experiment: Experiment) -> Tensor:
    exposure = experiment.detector.exposure_e_per_a2
    largest = patterns.amax(1, keepdim=True)
    same = (patterns == largest).sum(1) >= SATURATED_PIXELS
    if exposure is None:
        return same & (largest[:, 0] > 0)
    return same & (largest[:, 0] * exposure * experiment.box_angstrom**2 > SATURATED_COUNT)


def check_direct_beam(observations: Observations) -> list[str]:
    """Say if the detector spreads the direct beam beyond the pixels that are masked for it.

    Phasing takes the spread off what a molecule scatters, whose wave it knows. The direct beam is a
    hundred to ten thousand times as bright, and nothing tells its tail from the molecule.
    """
    spread = observations.experiment.detector.point_spread_pixels
    if spread <= 0:
        return []
    side = observations.diffraction.shape[-1]
    distance = torch.arange(side, dtype=torch.float64) - side // 2
    edges = [torch.special.ndtr((distance + half) / spread) for half in (0.5, -0.5)]
    tail = torch.outer(edges[0] - edges[1], edges[0] - edges[1]).to(observations.diffraction)
    near = distance.abs() <= BESIDE_PIXELS
    beside = observations.measured & (near[:, None] & near).to(observations.measured.device)
    recorded = observations.diffraction[..., beside].mean(0).sum()
    share = float(tail[beside].sum() / recorded) if recorded > 0 else 0.0
    if share < MOST_SPREAD:
        return []
    return [
        f"the detector spreads the direct beam by {spread:.2g} pixels, beyond those that are "
        f"masked: {min(share, 1.0):.0%} of what is recorded beside them is its tail, and phasing "
        "cannot tell that from a molecule; mask more (`diffraction.direct_beam_pixels`)"
    ]


def check_fit(observations: Observations) -> list[str]:
    """Say which images do not fit their patterns: of another molecule, or of another place.

    The power of an image's coefficient over its noise is, where the pattern says x, distributed
    with mean 1 + x and variance 1 + 2 x. So the correlation to be expected of image and pattern
    follows from the pattern alone, whatever their phases are and wherever the molecule lies.
    """
    moduli = measured_moduli(observations)
    phases = image_phases(observations, moduli)
    power = image_power(observations)
    side = moduli.modulus.shape[-1]
    rings = ring_index((side, side), moduli.modulus.device)
    coarse = rings > observations.experiment.box_angstrom / COARSEST_ANGSTROM
    misfits = []
    for row in range(len(observations)):
        used = coarse & moduli.known & (phases.snr[row] > LEAST_SNR)
        if moduli.trust is not None and not moduli.trust[row][used].mean() > LEAST_TRUST:
            misfits.append(False)
            continue
        expected, found, clear = _correlations(phases.snr[row][used], power[row][used], rings[used])
        misfits.append(clear and found < MISFIT_SHARE * expected)
    odd = torch.tensor(misfits)
    if not odd.any():
        return []
    return [
        f"the image of item {_first(observations, odd)} does not fit its pattern"
        + (f", nor do those of {int(odd.sum()) - 1} others" if int(odd.sum()) > 1 else "")
        + "; they seem to be of different molecules or places"
    ]


def image_power(observations: Observations) -> Float[Tensor, "item y x"]:
    """Power of each coefficient of the images over that of their noise, on the wave grid."""
    counts = observations.low_resolution
    spectrum = decentred(
        resize_centred(centred(fourier(counts)), observations.experiment.wave_pixels)
    )
    found: Tensor = spectrum.abs() ** 2 / counts.sum((-2, -1))[:, None, None]
    return found


def _correlations(
    snr: Float[Tensor, " sample"], power: Float[Tensor, " sample"], rings: Int[Tensor, " sample"]
) -> tuple[float, float, bool]:
    """Return the expected and the found correlation within rings, and whether to judge by them.

    What changes from ring to ring is the lens and the fall of all scattering, the same for any
    molecule.
    """
    if len(snr) < 2:
        return 0.0, 0.0, False
    strength = _within_rings(snr.double(), rings)
    spread = float((strength**2).mean())
    expected = (spread / (spread + float((1 + 2 * snr.double()).mean()))) ** 0.5
    # Of the logarithms, for a few strong coefficients would decide alone.
    x = _within_rings(torch.log1p(snr.double()), rings)
    y = _within_rings(torch.log1p((power.double() - 1).clamp(min=0)), rings)
    norm = float(torch.linalg.vector_norm(x) * torch.linalg.vector_norm(y))
    found = float((x * y).sum()) / norm if norm > 0 else 0.0
    return expected, found, expected * len(snr) ** 0.5 > CLEAR_SIGMAS


def _within_rings(
    values: Float[Tensor, " sample"], rings: Int[Tensor, " sample"]
) -> Float[Tensor, " sample"]:
    """Take the mean of its ring off each value."""
    count = int(rings.max()) + 1
    total = torch.zeros(count, dtype=values.dtype, device=values.device)
    population = total.index_add(0, rings, torch.ones_like(values)).clamp(min=1)
    return values - (total.index_add(0, rings, values) / population)[rings]


def _first(observations: Observations, chosen: Tensor) -> int:
    return observations.numbers[int(torch.nonzero(chosen).flatten()[0])]
