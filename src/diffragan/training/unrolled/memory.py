"""How much memory a training of the unrolled network takes."""

from diffragan.config.unrolled_training import UnrolledTraining

PROGRAM_BYTES = 4e8
"""Python, PyTorch and the rest."""
BYTES_PER_FEATURE = 40
"""Of a pixel of the finest layer, for each of its channels and stages: what is kept for the
gradient over all layers, and the working memory of the convolutions; measured."""
COPIES_OF_PARAMETERS = 5
"""Weights, their average, gradients and both moments."""


def training_bytes(
    views: int, box_angstrom: float, parameters: int, settings: UnrolledTraining
) -> float:
    """Memory of a run: all waves, the networks, and one step in the largest box [bytes]."""
    network = settings.network
    waves = views * (box_angstrom / network.pixel_angstrom) ** 2 * 8
    largest = (settings.conditions.box_angstrom[1] / network.pixel_angstrom) ** 2
    step = settings.batch * largest * network.width * network.stages * BYTES_PER_FEATURE
    return PROGRAM_BYTES + waves + step + parameters * 4 * COPIES_OF_PARAMETERS
