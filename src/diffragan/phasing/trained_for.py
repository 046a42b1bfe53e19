"""What an unrolled network was trained for, in words."""

from collections.abc import Iterator

from diffragan.phasing.weights import UnrolledWeights


def trained_for(weights: UnrolledWeights) -> Iterator[str]:
    """Yield lines that say on which molecules and under which conditions it was trained."""
    conditions = weights.settings.conditions
    molecules = weights.description.get("molecules")
    energy = weights.description.get("energy_kev")
    of = f"{len(molecules)} molecules, " if isinstance(molecules, list) else ""
    beam = f"{energy:g} keV, " if isinstance(energy, int | float) else ""
    yield f"trained for {of}{beam}boxes of {_range(conditions.box_angstrom)} Å"
    yield (
        f"images of SNR {_range(conditions.low_resolution_snr)}, "
        f"{_range(conditions.low_resolution_defocus_angstrom)} Å defocus, "
        f"aperture {_range(conditions.low_resolution_aperture_mrad)} mrad"
    )
    quiet = conditions.noise_free_share
    counted = f"of {_range(conditions.exposure_e_per_a2)} e/Å2"
    if quiet == 1:
        yield "patterns free of noise"
    else:
        yield f"patterns {counted}" + (f", {100 * quiet:.0f} % free of noise" if quiet else "")
    pixel = weights.settings.network.pixel_angstrom
    yield f"it works to {2 * pixel:.2f} Å (pixels of {pixel:g} Å); iterations go on from there"


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:g} to {ends[1]:g}"
