"""Views phased by a map, and brought nearer to the truth by their own patterns."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from made_up_patterns import BOX, LIMIT, experiment, grid, orientations, truth, waves

from diffragan.errors import InputError
from diffragan.fourier import fourier, resample
from diffragan.phasing.protocol import Observations, Phaser
from diffragan.physics.forward import diffraction_pattern, measured_region
from diffragan.reconstruction.many_views.phaser import (
    KnownMap,
    KnownViews,
    ManyViewsPhaser,
    ManyViewsPhaserSettings,
)
from diffragan.reconstruction.many_views.starts import coarse_map
from diffragan.reconstruction.many_views.supports import densest
from diffragan.rings import ring_correlation, ring_index
from diffragan.typing import Tensor

VIEWS = 2
MOLECULE_ANGSTROM3 = 2300.0


def _observations() -> Observations:
    setting = experiment()
    side, image = setting.diffraction_pixels, setting.image_pixels
    return Observations(
        diffraction_pattern(waves(VIEWS), side),
        measured_region(side, 0.5),
        torch.ones(VIEWS, image, image),
        torch.ones(VIEWS),
        setting,
    )


def _known(noise: float) -> KnownMap:
    volume = coarse_map(truth(), grid(), 1 / LIMIT, noise, seed=2)
    return KnownMap(volume, densest(truth(), MOLECULE_ANGSTROM3, 1.5, grid()), grid(), LIMIT)


def _phaser(noise: float, maps: Sequence[int] = (0, 0), iterations: int = 0) -> Phaser:
    """Map 0 has noise, and map 1 has none."""
    views = KnownViews(torch.tensor(maps), orientations(VIEWS).float(), torch.zeros(VIEWS, 3))
    settings = ManyViewsPhaserSettings(iterations=iterations)
    return ManyViewsPhaser(lambda number: _known((1 - number) * noise), views, settings)


def _frc(found: Tensor) -> Tensor:
    pixels = experiment().wave_pixels
    true = resample(waves(VIEWS), pixels)
    rings = ring_index((pixels, pixels))
    return ring_correlation(fourier(found), fourier(true), rings, int(LIMIT * BOX))[:, 2:]


def test_a_view_improves_by_its_own_pattern() -> None:
    seen = _observations()
    alone = _phaser(0.7).phase(seen)
    refined = _phaser(0.7, iterations=50).phase(seen)
    assert _frc(refined.waves).mean() > _frc(alone.waves).mean() + 0.03
    assert refined.images.shape == (VIEWS, 64, 64)
    assert torch.isnan(alone.energy_outside_support).all()


def test_each_view_is_seen_from_the_map_of_its_own_molecule() -> None:
    seen = _observations()
    noisy, exact, mixed = (_phaser(0.7, maps).phase(seen) for maps in ((0, 0), (1, 1), (1, 0)))
    torch.testing.assert_close(mixed.waves[0], exact.waves[0])
    torch.testing.assert_close(mixed.waves[1], noisy.waves[1])
    torch.testing.assert_close(mixed.images[0], exact.images[0])


def test_a_view_without_an_orientation() -> None:
    with pytest.raises(InputError, match="has no orientation"):
        _phaser(0.0).phase(replace(_observations(), items=(0, 7)))
