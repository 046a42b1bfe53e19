"""How good a map is: half against half, and against the truth where that is known."""

from dataclasses import dataclass, replace
from typing import Literal

import torch

from diffragan.reconstruction.found import Found
from diffragan.reconstruction.map_alignment import MapAlignment, align_maps, mirror_map
from diffragan.reconstruction.placing import drift
from diffragan.reconstruction.reconstruct import Agreement, measure_agreement
from diffragan.reconstruction.request import Way
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.reconstruction.truth import true_potential_map
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Float, Tensor, Volume

WITH_HAND: tuple[Way, ...] = ("unknown",)
"""Ways that do not know the hand of a map."""
HAND_CONTRAST = 1.1
"""Ratio of the correlations with the truth, by hand, from which on one hand is told: in a coarse
map both fit alike."""
MIRRORED_WORDS = ": map, half maps and poses were mirrored"
PLACING_ANGSTROM = 6.0
"""Finest detail that tells how far a map drifted: nearly all maps reach it."""
IN_PLACE: tuple[Way, ...] = ("known", "shifts")
"""Ways that leave the map where the model is, but for a drift that all its images share."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A map's agreement, and the truth in its frame."""

    agreement: Agreement
    truth: Volume | None
    """True potential where the map has it, and of the hand that fits the map."""
    laid: MapAlignment | None
    """How the map was laid on the truth, where its orientations were found."""
    off_truth_angstrom: Float[Tensor, " 3"] | None = None
    """How far a map of known orientations lies from the truth, x, y, z [Å]."""


def measure_map(found: Found, particles: ParticleSet, way: Way) -> Measured:
    """Correlate halves, and the map with the true potential, laid on it where poses were found.

    Where shifts were refined the map lies where images that drifted have it in the mean, and only
    that is undone. The curve against the truth is that of the hand that fits; `laid` says which.
    """
    grid, model = particles.grid, particles.model
    if model is None:
        return Measured(measure_agreement(found.maps, grid), None, None)
    truth, laid, off = true_potential_map(model, grid), None, None
    if way == "shifts":
        off = drift(found.maps.full.cpu(), truth, grid, PLACING_ANGSTROM)
        truth = true_potential_map(model.shifted(off), grid)
    elif way == "known":
        off = torch.zeros(3)
    else:
        laid = align_maps(found.maps.full, truth, grid, both_hands=way in WITH_HAND)
        truth = true_potential_map(moved_into_map(model, laid), grid)
        if laid.mirrored:
            truth = mirror_map(truth)
    return Measured(measure_agreement(found.maps, grid, truth), truth, laid, off)


def is_mirrored(measured: Measured) -> bool:
    """Whether the truth tells that a map has the wrong hand."""
    return measured.laid is not None and measured.laid.mirrored and _tells(measured.laid)


def of_other_hand(measured: Measured) -> Measured:
    """Take what was measured to a map that was mirrored: its curves are the same."""
    truth = measured.truth
    return replace(measured, truth=None if truth is None else mirror_map(truth))


def _tells(laid: MapAlignment) -> bool:
    return laid.correlation >= HAND_CONTRAST * laid.other_hand_correlation


def moved_into_map(model: AtomicModel, laid: MapAlignment) -> AtomicModel:
    """Move a model to where a map has it, before that map is mirrored.

    The map's point p goes to `R @ p + t` on the model, so the model's q comes from `R^T (q - t)`.
    """
    turn, shift = laid.rotation.to(torch.float64), laid.shift_angstrom.to(torch.float64)
    positions = (model.positions.double() - shift) @ turn
    return AtomicModel(positions, model.atomic_numbers)


def hand_words(way: Way, laid: MapAlignment | None) -> str:
    """Say what is known of the hand of a map."""
    if way not in WITH_HAND:
        return "given by the known orientations"
    if laid is None:
        return "undecided: images of unknown orientation fit either; a docked model may tell"
    if not _tells(laid):
        both = f"{laid.correlation:.2f} and {laid.other_hand_correlation:.2f}"
        return f"undecided: the true potential fits either alike ({both})"
    return f"right, as the true potential tells{MIRRORED_WORDS if laid.mirrored else ''}"


def docked_hand_words(hand: Literal["mirrored", "as is"]) -> str:
    """Say that a docked model told the hand of a map, and what was done about it."""
    return f"right, as the docked model tells{MIRRORED_WORDS if hand == 'mirrored' else ''}"
