"""What the two networks of the conditional GAN minimise.

Source: Matinyan et al., Front. Mol. Biosci. 11 (2024) 1386963, methods; Isola et al., CVPR 2017,
eqs. 1 to 4 with the non-saturating generator.
"""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from diffragan.typing import Float, Tensor


def adversarial_loss(scores: Float[Tensor, "*patches"], *, real: bool) -> Float[Tensor, ""]:
    """Binary cross-entropy of patch logits with the answer `real` for every patch."""
    answer = torch.ones_like(scores) if real else torch.zeros_like(scores)
    return binary_cross_entropy_with_logits(scores, answer)


def discriminator_loss(
    real_scores: Float[Tensor, "*patches"], fake_scores: Float[Tensor, "*patches"]
) -> Float[Tensor, ""]:
    """Mean of the losses on true and on generated images; log 2 when it cannot tell them apart."""
    return (
        adversarial_loss(real_scores, real=True) + adversarial_loss(fake_scores, real=False)
    ) / 2


def generator_loss(
    fake_scores: Float[Tensor, "*patches"],
    generated: Float[Tensor, "*shape"],
    truth: Float[Tensor, "*shape"],
    l1_weight: float,
) -> Float[Tensor, ""]:
    """Be taken for real in every patch, and be close to the truth in every pixel."""
    return adversarial_loss(fake_scores, real=True) + l1_weight * l1_loss(generated, truth)
