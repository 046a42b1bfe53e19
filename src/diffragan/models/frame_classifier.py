"""A small network that tells what a diffraction frame shows from its features."""

import torch
from torch import nn

from diffragan.typing import Float, Tensor

LARGEST = 6.0
"""Features are kept within so many standard deviations, so that none beyond training takes over."""


class FrameClassifier(nn.Module):
    """Two hidden layers on standardised features; gives logits at one calibrated temperature."""

    centre: Tensor
    scale: Tensor
    temperature: Tensor

    def __init__(self, features: int, classes: int, width: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("temperature", torch.ones(()))
        self.layers = nn.Sequential(
            nn.Linear(features, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, classes),
        )

    def forward(self, features: Float[Tensor, "frame feature"]) -> Float[Tensor, "frame class"]:
        """Return logits `(frame, class)`; the softmax gives probabilities."""
        standard = ((features - self.centre) / self.scale).clamp(-LARGEST, LARGEST)
        logits: Tensor = self.layers(standard)
        return logits / self.temperature
