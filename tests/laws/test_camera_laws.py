"""Laws of the detector of patterns: what is counted, where, and with what noise."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.config.detector import DetectorSettings
from diffragan.errors import ConfigError
from diffragan.physics.camera import DetectorMaps, detector_layout, record

SIDE = 101
SPACING = 0.4
AREA = 5000.0


def layout(settings: DetectorSettings, seed: int = 0) -> DetectorMaps:
    return detector_layout(settings, SIDE, SPACING, seed)


def recorded(
    pattern: torch.Tensor, settings: DetectorSettings, maps: DetectorMaps | None = None
) -> torch.Tensor:
    maps = layout(settings) if maps is None else maps
    return record(pattern, settings, maps, AREA, np.random.default_rng(0))


def smooth(strength: float = 1e-4) -> torch.Tensor:
    axis = torch.arange(SIDE) - SIDE // 2
    return strength * torch.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / 800.0)


def test_an_ideal_detector_records_the_fractions() -> None:
    settings = DetectorSettings()
    maps = layout(settings)
    assert bool(maps.measured.all())
    torch.testing.assert_close(recorded(smooth(), settings, maps), smooth())


def test_an_endless_exposure_gives_the_fractions() -> None:
    settings = DetectorSettings(exposure_e_per_a2=1e9)
    counts = recorded(smooth(1e-2), settings)
    torch.testing.assert_close(counts / (1e9 * AREA), smooth(1e-2), rtol=1e-3, atol=1e-8)


def test_counts_have_the_mean_and_variance_of_poissons_law() -> None:
    settings = DetectorSettings(exposure_e_per_a2=20.0, point_spread_pixels=1.3)
    pattern = torch.full((300, SIDE, SIDE), 5e-5)
    counts = recorded(pattern, settings)[:, 20:80, 20:80].double()
    expected = 20.0 * AREA * 5e-5
    assert counts.dtype == torch.float64
    assert bool((counts == counts.round()).all())
    assert float(counts.mean()) == pytest.approx(expected, rel=2e-3)
    assert float(counts.var()) == pytest.approx(expected, rel=5e-3)
    # Displaced electrons are still counted once: neighbours stay independent.
    pairs = ((counts[..., 1:] - expected) * (counts[..., :-1] - expected)).mean()
    assert abs(float(pairs)) < 0.01 * expected


@given(st.floats(0.1, 1e4), st.integers(0, 2**31))
def test_all_electrons_of_the_pattern_are_counted(exposure: float, seed: int) -> None:
    settings = DetectorSettings(exposure_e_per_a2=exposure, point_spread_pixels=0.8)
    pattern = torch.zeros(SIDE, SIDE)
    pattern[20:80, 20:80] = smooth()[20:80, 20:80]  # none leaves the square
    counts = record(pattern, settings, layout(settings), AREA, np.random.default_rng(seed))
    expected = exposure * AREA * float(pattern.double().sum())
    assert abs(float(counts.double().sum()) - expected) < 5 * expected**0.5 + 1e-4 * expected


@given(st.floats(0, 4))
def test_the_point_spread_keeps_totals_and_has_its_width(sigma: float) -> None:
    settings = DetectorSettings(point_spread_pixels=sigma)
    pattern = torch.zeros(SIDE, SIDE)
    pattern[50, 50] = 1.0
    blurred = recorded(pattern, settings).double()
    axis = torch.arange(SIDE) - 50
    assert float(blurred.sum()) == pytest.approx(1.0, abs=1e-5)
    assert float((blurred.sum(0) * axis**2).sum()) == pytest.approx(sigma**2, rel=1e-3, abs=1e-6)


@given(st.floats(0, 0.5), st.integers(0, 2**31))
def test_dead_pixels_read_nothing_and_are_unmeasured(fraction: float, seed: int) -> None:
    settings = DetectorSettings(
        dead_pixel_fraction=fraction, exposure_e_per_a2=1e4, read_noise_electrons=2.0
    )
    maps = layout(settings, seed)
    assert int((~maps.measured).sum()) == round(fraction * SIDE**2)
    counts = recorded(smooth(1.0), settings, maps)
    assert float(counts[~maps.measured].abs().sum()) == 0.0
    assert bool((counts[maps.measured] != 0).all())


def test_hot_pixels_add_counts_and_nobody_knows_which() -> None:
    settings = DetectorSettings(
        exposure_e_per_a2=1.0, hot_pixel_fraction=0.2, hot_pixel_counts=30.0
    )
    maps = layout(settings)
    hot = maps.hot > 0
    assert int(hot.sum()) == round(0.2 * SIDE**2)
    assert bool(maps.measured.all())
    counts = recorded(torch.zeros(SIDE, SIDE), settings, maps)
    assert float(counts[hot].mean()) == pytest.approx(30.0, rel=0.02)
    assert float(counts[~hot].abs().max()) == 0.0


def test_dead_pixels_are_not_hot() -> None:
    settings = DetectorSettings(
        exposure_e_per_a2=1.0, dead_pixel_fraction=0.5, hot_pixel_fraction=0.49, hot_pixel_counts=1
    )
    maps = layout(settings)
    assert not bool(((maps.hot > 0) & ~maps.measured).any())


@pytest.mark.parametrize(("gap", "rows"), [(3, [49, 50, 51]), (1, [50]), (4, [48, 49, 50, 51])])
def test_gaps_lie_between_modules_of_the_same_size(gap: int, rows: list[int]) -> None:
    maps = layout(DetectorSettings(modules=(2, 1), gap_pixels=gap))
    assert (~maps.measured).any(1).nonzero().ravel().tolist() == rows
    assert not bool(maps.measured[rows].any())


def test_three_modules_along_x_have_two_gaps_and_lose_what_falls_in() -> None:
    settings = DetectorSettings(modules=(1, 3), gap_pixels=2, exposure_e_per_a2=1e5)
    maps = layout(settings)
    columns = (~maps.measured).all(0).nonzero().ravel().tolist()
    assert columns == [33, 34, 66, 67]
    assert float(recorded(smooth(1.0), settings, maps)[:, columns].sum()) == 0.0


def test_a_beam_stop_hides_a_disc_and_its_arm() -> None:
    settings = DetectorSettings(beam_stop_mrad=2.0, beam_stop_arm_mrad=1.0)
    maps = layout(settings)
    hidden = ~maps.measured
    assert bool(hidden[50 - 5, 50])  # 5 pixels of 0.4 mrad
    assert not bool(hidden[50 - 6, 50])
    assert bool(hidden[100, 49:52].all())
    assert not bool(hidden[100, 48])
    assert not bool(hidden[0, 50])
    assert torch.equal(maps.open, maps.measured)


def test_electrons_on_the_beam_stop_never_reach_the_pixels_beside_it() -> None:
    settings = DetectorSettings(beam_stop_mrad=2.0, point_spread_pixels=2.0)
    pattern = torch.zeros(SIDE, SIDE)
    pattern[50, 50] = 1.0
    assert float(recorded(pattern, settings).sum()) == 0.0


def test_read_noise_adds_its_variance() -> None:
    settings = DetectorSettings(exposure_e_per_a2=20.0, read_noise_electrons=3.0)
    counts = recorded(torch.full((100, SIDE, SIDE), 5e-5), settings).double()
    assert float(counts.mean()) == pytest.approx(5.0, rel=5e-3)
    assert float(counts.var()) == pytest.approx(5.0 + 9.0, rel=1e-2)


def test_the_same_seeds_make_the_same_detector_and_counts() -> None:
    settings = DetectorSettings(exposure_e_per_a2=10.0, dead_pixel_fraction=0.1)
    one, same, other = (layout(settings, seed) for seed in (4, 4, 5))
    assert torch.equal(one.measured, same.measured)
    assert not torch.equal(one.measured, other.measured)
    assert torch.equal(recorded(smooth(), settings, one), recorded(smooth(), settings, same))


def test_a_detector_that_measures_nothing_is_refused() -> None:
    settings = DetectorSettings(beam_stop_mrad=100.0)
    with pytest.raises(ConfigError, match="hide all 101 x 101 pixels"):
        layout(settings)
