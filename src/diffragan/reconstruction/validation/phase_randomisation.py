"""How much of a masked correlation the mask itself makes.

A mask mixes neighbouring shells, so masked half maps correlate even where they hold noise alone.
Phases are replaced by random ones, of each half on its own, beyond a resolution where the halves
still agree; what then still correlates there comes from the mask.

Source: Chen, McMullan, Faruqi, Murshudov, Short, Scheres and Henderson, Ultramicroscopy 135 (2013)
24, eqs. 1 to 4.
"""

import torch

from diffragan.rings import ring_index
from diffragan.typing import Float, Tensor, Volume

START_FSC = 0.8
"""Correlation of the unmasked halves below which phases are replaced, as RELION does."""
MARGIN_SHELLS = 2
"""The shells just beyond the start hold a mixture of true and random phases."""


def randomise_phases(volume: Volume, first_shell: int, seed: int) -> Volume:
    """Replace the phases of all shells from `first_shell` on by random ones, keeping the moduli.

    Parameters
    ----------
    volume : `(z, y, x)`.
    first_shell : Counted in samples from zero frequency.
    seed : Of the phases.
    """
    # The transform of noise has random phases that belong to a real map.
    generator = torch.Generator().manual_seed(seed)
    noise = torch.fft.fftn(torch.randn(volume.shape, generator=generator, dtype=torch.float64))
    phases = noise / noise.abs().clamp(min=torch.finfo(torch.float64).tiny)
    transform = torch.fft.fftn(volume.double())
    beyond = ring_index(tuple(volume.shape)) >= first_shell
    replaced: Volume = torch.fft.ifftn(
        torch.where(beyond, transform.abs() * phases, transform)
    ).real
    return replaced


def start_shell(unmasked: Float[Tensor, " shell"], threshold: float = START_FSC) -> int:
    """First shell beyond zero whose unmasked correlation is below the threshold."""
    below = torch.nonzero(unmasked[1:] < threshold).flatten()
    return int(below[0]) + 1 if len(below) else len(unmasked)


def corrected_correlation(
    masked: Float[Tensor, " shell"], randomised: Float[Tensor, " shell"], first_shell: int
) -> Float[Tensor, " shell"]:
    """Take what the mask makes out of a masked correlation: (FSC_t - FSC_n) / (1 - FSC_n).

    Parameters
    ----------
    masked : Correlation of the masked halves.
    randomised : The same after phases were replaced.
    first_shell : From which they were; the correction begins a little later.
    """
    made = randomised.clamp(max=1 - 1e-6)
    corrected = (masked - made) / (1 - made)
    # Where both are high the quotient is noise: the mask explains all, so nothing is known.
    corrected = torch.where(randomised < masked, corrected, torch.zeros_like(masked))
    shell = torch.arange(len(masked))
    return torch.where(shell < first_shell + MARGIN_SHELLS, masked, corrected)
