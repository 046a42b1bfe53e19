"""How much memory a training run takes, told before it begins."""

from diffragan.config.training import TrainingSettings
from diffragan.training.data import views_bytes
from diffragan.training.feed import AHEAD

FLOAT_BYTES = 4
COPIES_OF_WEIGHTS = 4
"""Weights, gradients, and Adam's two moments."""
LIBRARIES_BYTES = 4e8
"""Python with PyTorch, before any work."""
FEATURES_PER_PIXEL = 12
"""Features kept for the gradient per network pixel and channel of width: the full-size layer on the
way up keeps four (resized, convolved, normalised, concatenated), the layers below add as much in
geometric series, and the discriminator passes the rest."""


def training_memory_bytes(settings: TrainingSettings, views: int, parameters: int) -> float:
    """Estimate the memory of a run in one process [bytes]."""
    generator = settings.generator
    held = views_bytes(views, generator.pixels)
    if held > settings.memory_limit_mb * 1e6:
        held = 0
    held += (1 + AHEAD) * views_bytes(settings.batch, generator.pixels)
    features = generator.pixels**2 * generator.width * FEATURES_PER_PIXEL
    activations = settings.batch // settings.accumulate * features * FLOAT_BYTES
    return LIBRARIES_BYTES + COPIES_OF_WEIGHTS * FLOAT_BYTES * parameters + activations + held
