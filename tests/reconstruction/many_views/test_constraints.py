"""Projections in 3D: nearest, idempotent, and free where nothing was measured."""

import torch

from diffragan.reconstruction.many_views.constraints import STEPS, Constraints
from diffragan.reconstruction.many_views.moduli import Moduli

SHAPE = (8, 8, 8)
VOXEL = 2.0


def _constraints(trust: float = 1.0) -> tuple[Constraints, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    true = torch.zeros(SHAPE)
    true[:3, :3, :3] = torch.rand(3, 3, 3, generator=generator) + 0.1
    modulus = torch.fft.rfftn(true).abs() * VOXEL
    known = torch.rand(modulus.shape, generator=generator) < 0.8
    moduli = Moduli(torch.where(known, modulus, 0.0), known * trust)
    return Constraints(moduli, true > 0, VOXEL), true


def test_the_truth_stays_where_it_is() -> None:
    constraints, true = _constraints()
    for step in STEPS.values():
        assert torch.allclose(step(true, constraints, 0.9), true, atol=1e-5)


def test_moduli_are_taken_and_the_rest_is_free() -> None:
    constraints, _ = _constraints()
    other = torch.randn(SHAPE)
    projected = constraints.measured(other)
    before, after = torch.fft.rfftn(other), torch.fft.rfftn(projected)
    known = constraints.moduli.trust > 0
    # Mates in the shared planes are known apart here, so only planes of their own are compared.
    inner = torch.zeros_like(known)
    inner[..., 1:-1] = True
    taken, free = known & inner, ~known & inner
    assert torch.allclose(after[taken].abs() * VOXEL, constraints.moduli.modulus[taken], atol=1e-3)
    assert torch.allclose(after[free], before[free], atol=1e-4)
    assert torch.allclose(
        torch.angle(after[taken] * before[taken].conj()), torch.tensor(0.0), atol=1e-2
    )


def test_half_a_trust_goes_half_the_way() -> None:
    whole, _ = _constraints()
    half, _ = _constraints(0.5)
    other = torch.randn(SHAPE)
    middle = (whole.measured(other) + other) / 2
    assert torch.allclose(half.measured(other), middle, atol=1e-5)


def test_confining_is_idempotent_and_positive() -> None:
    constraints, _ = _constraints()
    once = constraints.confined(torch.randn(SHAPE))
    assert torch.equal(once, constraints.confined(once))
    assert (once >= 0).all()
    assert (once[~constraints.support] == 0).all()


def test_the_difference_map_stands_still_only_where_both_projections_agree() -> None:
    constraints, true = _constraints()
    other = true + 0.3 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(8))
    for beta in (0.7, 1.0):
        moved = STEPS["dm"](other, constraints, beta)
        relaxed = (1 + 1 / beta) * constraints.measured(other) - other / beta
        confined = (1 - 1 / beta) * constraints.confined(other) + other / beta
        difference = constraints.confined(relaxed) - constraints.measured(confined)
        assert torch.allclose(moved, other + beta * difference, atol=1e-5)
        assert not torch.allclose(moved, other, atol=1e-2)
