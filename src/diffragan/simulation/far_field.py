"""The far field of an experiment: probe, source and energy losses, before anything is counted."""

from math import ceil

from diffragan.config.experiment import Experiment
from diffragan.fourier import resize_centred
from diffragan.physics.coherence import source_sigma_pixels, with_convergence
from diffragan.physics.cross_sections import (
    ice_mean_free_path_angstrom,
    layer_inelastic_fraction,
    molecule_inelastic_fraction,
)
from diffragan.physics.illumination import beam_area_angstrom2, probe_pattern
from diffragan.physics.inelastic import with_inelastic
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Patterns, Waves

BLUR_SIGMAS = 4.0
"""How far beyond the recorded square the far field is computed, so that blurring sees it."""


def inelastic_fraction(specimen: AtomicModel, experiment: Experiment) -> float:
    """Share of the electrons that lose energy in the specimen, 0 where that is switched off.

    In ice its thickness counts, for protein's mean free path is near that of ice; in vacuum the
    molecule's own atoms do.
    """
    settings = experiment.inelastic
    if not settings.enabled:
        return 0.0
    electron, thickness = experiment.electron, experiment.specimen.ice_thickness_angstrom
    if thickness is None:
        area = beam_area_angstrom2(experiment.beam, experiment.simulation_grid)
        return molecule_inelastic_fraction(specimen, area, electron, settings.cross_section_factor)
    path = settings.mean_free_path_angstrom or ice_mean_free_path_angstrom(
        electron, settings.cross_section_factor
    )
    return layer_inelastic_fraction(thickness, path)


def far_field_pattern(wave: Waves, experiment: Experiment, lost: float) -> Patterns:
    """Compute the expected far-field pattern of a wave, as fractions of the incident beam.

    Parameters
    ----------
    wave : `(..., y, x)`, psi_s at the mid-plane on the simulation's grid of the whole box.
    experiment : Beam, losses and detector.
    lost : Share of electrons that lose energy, from `inelastic_fraction`.

    Returns
    -------
    `(..., q_y, q_x)`, centred, in the recorded square.
    """
    pixels, beam, electron = experiment.diffraction_pixels, experiment.beam, experiment.electron
    blur = source_sigma_pixels(beam.convergence_mrad, experiment.box_angstrom, electron)
    wide = pixels + 2 * ceil(BLUR_SIGMAS * blur)
    widest = experiment.simulation_grid.pixels - 1
    pattern = probe_pattern(wave, experiment.simulation_grid, beam, min(wide, widest))
    if beam.convergence_mrad:
        pattern = with_convergence(
            pattern, beam.convergence_mrad, experiment.box_angstrom, electron
        )
    if lost:
        pattern = with_inelastic(
            pattern, lost, experiment.pattern_spacing_mrad, electron, experiment.inelastic
        )
    return resize_centred(pattern, pixels)
