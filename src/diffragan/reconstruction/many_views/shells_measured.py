"""How well each shell of Fourier space was measured by all patterns together."""

from typing import Any

import torch

from diffragan.reconstruction.many_views.lattice import multiplicity, shell_index, shell_sum
from diffragan.reconstruction.many_views.merging import Merged


def shells_measured(merged: Merged) -> dict[str, Any]:
    """Share of each shell's samples that was measured, and how often a sample was.

    Returns
    -------
    `frequency_per_angstrom`, `share`, `pixels_per_sample` and, of counts, `counts_per_sample`, one
    value for each shell up to the limit.
    """
    device, grid = merged.values.device, merged.grid
    shells, times = shell_index(grid, device), multiplicity(grid, device)
    whole = torch.ones_like(merged.weights) * times
    population = shell_sum(whole, shells).clamp(min=1)
    last = int(merged.limit_per_angstrom * grid.box_angstrom) + 1

    def mean(values: torch.Tensor) -> list[float]:
        found: list[float] = (shell_sum(values * times, shells) / population)[:last].tolist()
        return found

    record: dict[str, Any] = {
        "frequency_per_angstrom": [shell / grid.box_angstrom for shell in range(last)],
        "share": mean(merged.known.double()),
        "pixels_per_sample": mean(merged.weights),
    }
    if merged.counted:
        record["counts_per_sample"] = mean(merged.values)
    return record
