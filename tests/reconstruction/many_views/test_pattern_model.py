"""The forward model of many views: right to the multislice's patterns, and its own adjoint."""

import torch
from made_up_patterns import LIMIT, experiment, grid, orientations, patterns, truth

from diffragan.reconstruction.many_views.geometry import turned
from diffragan.reconstruction.many_views.pattern_model import PatternModel
from diffragan.reconstruction.many_views.waves import transform_at


def _model() -> PatternModel:
    some = patterns(2)
    return PatternModel(experiment(), some.pixels, grid(), LIMIT)


def test_multiple_scattering_is_foretold() -> None:
    some, count = patterns(), 8
    rotations = some.rotations[:count]
    seen = (some.read(range(count)) / some.expected[:count, None].float()).sqrt()
    ours = _model().intensities(truth(), rotations).sqrt()
    points = turned(some.pixels.points.double(), rotations.double())
    single = transform_at(truth(), grid(), points).abs()

    def wrong(moduli: torch.Tensor) -> float:
        return float((moduli - seen).abs().sum() / seen.sum())

    assert wrong(ours) < 0.02
    assert wrong(ours) < 0.7 * wrong(single)


def test_the_gradient_is_that_of_finite_differences() -> None:
    model, rotations = _model(), orientations(2).float()
    generator = torch.Generator().manual_seed(6)
    way = torch.randn(truth().shape, generator=generator) * (truth() > 1)
    weights = torch.rand(model.intensities(truth(), rotations).shape, generator=generator)

    def score(step: float) -> torch.Tensor:
        seen = model.intensities(truth() + step * way, rotations)
        return (weights * seen).double().sum()

    volume = truth().requires_grad_()
    (weights * model.intensities(volume, rotations)).double().sum().backward()
    assert volume.grad is not None
    along = float((volume.grad.double() * way).sum())
    step = 0.05
    assert abs(along / float((score(step) - score(-step)) / (2 * step)) - 1) < 1e-2
