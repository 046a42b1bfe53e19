"""What the two networks of the conditional GAN minimise.

Source: Matinyan et al., Front. Mol. Biosci. 11 (2024) 1386963, methods; Isola et al., CVPR 2017,
eqs. 1 to 4 with the non-saturating generator.
"""

from collections.abc import Sequence

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss, mse_loss, relu

from diffragan.typing import Float, Tensor


def discriminator_loss(
    real_scores: Float[Tensor, "*patches"],
    fake_scores: Float[Tensor, "*patches"],
    kind: str = "bce",
) -> Float[Tensor, ""]:
    """Mean of the losses on true and on generated images.

    Parameters
    ----------
    real_scores : Of true images, any shape.
    fake_scores : Of generated images.
    kind : `bce`, log 2 when it cannot tell them apart; `hinge`, then 1; `least-squares`, then 1/4.

    Source: Isola et al., eq. 1 (bce, halved as in their sec. 3.3); Lim and Ye, arXiv:1705.02894,
    eq. 3 (hinge); Mao et al., ICCV 2017, eq. 9 (least squares).
    """
    if kind == "hinge":
        return (relu(1 - real_scores).mean() + relu(1 + fake_scores).mean()) / 2
    if kind == "least-squares":
        return ((real_scores - 1).square().mean() + fake_scores.square().mean()) / 2
    return (_cross_entropy(real_scores, real=True) + _cross_entropy(fake_scores, real=False)) / 2


def persuasion_loss(fake_scores: Float[Tensor, "*patches"], kind: str = "bce") -> Float[Tensor, ""]:
    """How far the discriminator is from taking generated images for real, in every patch.

    Source: as `discriminator_loss`; Lim and Ye, eq. 4, for the hinge.
    """
    if kind == "hinge":
        return -fake_scores.mean()
    if kind == "least-squares":
        return mse_loss(fake_scores, torch.ones_like(fake_scores))
    return _cross_entropy(fake_scores, real=True)


def feature_difference(
    fake_features: Sequence[Float[Tensor, "item channel y x"]],
    real_features: Sequence[Float[Tensor, "item channel y x"]],
) -> Float[Tensor, ""]:
    """Sum over the discriminator's layers of the mean absolute difference of their features.

    Source: Wang et al., CVPR 2018 (pix2pixHD), eq. 4.
    """
    pairs = zip(fake_features, real_features, strict=True)
    return torch.stack([l1_loss(fake, real) for fake, real in pairs]).sum()


def realness(scores: Float[Tensor, "*patches"], kind: str = "bce") -> Float[Tensor, ""]:
    """Mean score on one scale for all losses: about 1 for what is taken for real, about 0 if not.

    That is the probability for cross-entropy, the score for least squares, and for the hinge the
    place between its margins.
    """
    if kind == "hinge":
        return (scores.mean() + 1) / 2
    if kind == "least-squares":
        return scores.mean()
    return torch.sigmoid(scores).mean()


def _cross_entropy(scores: Tensor, *, real: bool) -> Tensor:
    """Binary cross-entropy of logits with the answer `real` for every patch."""
    answer = torch.ones_like(scores) if real else torch.zeros_like(scores)
    return binary_cross_entropy_with_logits(scores, answer)
