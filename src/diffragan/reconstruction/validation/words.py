"""What a validation found, in sentences."""

from collections.abc import Mapping
from typing import Any


def validation_words(found: Mapping[str, Any]) -> list[str]:
    """Say what `validation.json` holds, one sentence for each part of it."""
    words: list[str] = []
    gold = found.get("gold_standard")
    if gold:
        unmasked = angstrom(gold["resolution_unmasked_fsc_0p143_angstrom"])
        corrected = angstrom(gold["resolution_corrected_fsc_0p143_angstrom"])
        mask = f"the mask {found['mask_file']}" if found.get("mask_file") else "the mask"
        words.append(
            f"the half maps agree (FSC 0.143) to {corrected} in {mask}, corrected for it, and to "
            f"{unmasked} without a mask"
        )
    local = found.get("local_resolution")
    if local and local["percentiles_angstrom"]:
        low, _, middle, _, high = local["percentiles_angstrom"]
        words.append(
            f"local resolution: median {middle:.2f} Å, 90 % from {low:.2f} to {high:.2f} Å"
        )
    if found.get("docking"):
        words.append(found["docking"]["words"])
    if found.get("map_model"):
        shells, q = found["map_model"], found["q_score"]
        words.append(
            f"map and model agree (FSC 0.5) to {angstrom(shells['resolution_fsc_0p5_angstrom'])}; "
            f"their correlation near the model is {shells['correlation_near_model']:.2f}, the mean "
            f"Q-score {q['mean']:.2f}"
        )
        fit = found["residue_correlation"]
        first, last = fit["mean_at_distance"][0], fit["mean_at_distance"][-1]
        words.append(
            f"residues in the middle correlate with {first:.2f}, the outermost with {last:.2f}"
        )
    if found.get("truth"):
        end = angstrom(found["truth"]["resolution_fsc_0p5_angstrom"])
        words.append(f"map and true potential agree (FSC 0.5) to {end}")
    return words


def angstrom(value: float | None) -> str:
    """Word a resolution, which is `None` where a curve never falls."""
    return "the end of the data" if value is None else f"{value:.2f} Å"
