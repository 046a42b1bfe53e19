"""What the network is shown of an experiment: the same physics on its own grid."""

from dataclasses import replace

import pytest
import torch
from phase_objects import blobs, experiment, observe

from diffragan.config.experiment import Experiment
from diffragan.errors import InputError
from diffragan.fourier import decentred, fft2, resample
from diffragan.models.unrolled import project_trusted
from diffragan.phasing.network_view import autocorrelation, network_pixels, network_view
from diffragan.phasing.projections import MeasuredModuli, measured_moduli
from diffragan.phasing.protocol import Observations
from diffragan.rings import ring_correlation, ring_index
from diffragan.typing import Waves

PIXEL = 1.0


@pytest.fixture(scope="module")
def observed() -> tuple[Waves, Observations]:
    setting = experiment(image_pixels=96)
    return observe(blobs(setting, 0.1), setting, 1e4)


@pytest.mark.parametrize(
    ("box", "pixel", "pixels"), [(70.0, 1.4, 50), (70.0, 1.094, 64), (63.7, 1.0, 64), (16, 1, 16)]
)
def test_the_grid_is_even_and_as_near_to_the_network_s_as_the_box_allows(
    box: float, pixel: float, pixels: int
) -> None:
    assert network_pixels(box, pixel) == pixels
    assert abs(box / pixels - pixel) <= min(
        abs(box / other - pixel) for other in (pixels - 2, pixels + 2)
    )


@pytest.mark.parametrize("box", [14.0, 1e-9, float("nan"), float("inf")])
def test_a_box_of_too_few_pixels_is_refused(box: float) -> None:
    with pytest.raises(InputError, match=r"too few for the network; it needs 16"):
        network_pixels(box, PIXEL)


def test_the_view_is_of_the_true_wave_on_the_network_s_grid(
    observed: tuple[Waves, Observations],
) -> None:
    waves, seen = observed
    shown = network_view(seen, PIXEL)
    true = fft2(decentred(resample(waves, 40)))
    exact = shown.trust > 0
    assert bool(((shown.trust == 0) | (shown.trust == 1)).all())
    # 40 pixels of 1 Å reach to 2 Å, and the pattern further: only the direct beam is not known.
    assert exact.flatten(1).sum(1).tolist() == [40**2 - 1] * 2
    inside = exact & (ring_index((40, 40)) < 20)
    torch.testing.assert_close(shown.modulus[inside], true.abs()[inside], rtol=1e-3, atol=1e-3)
    assert float(shown.free.min()) == 1
    rings = ring_index((40, 40))
    # The aperture ends in ring 8.
    found = ring_correlation(fft2(shown.start), true, rings, 8)[:, 4:]
    assert float(found.min()) > 0.85
    phase = torch.fft.ifftshift(shown.image_phase, dim=(-2, -1))
    found = ring_correlation(fft2(1j * phase), true, rings, 8)[:, 4:]
    assert float(found.min()) > 0.85


def test_a_pattern_that_ends_early_leaves_the_rest_of_the_grid_empty() -> None:
    setting = experiment()
    narrow = setting.model_copy(
        update={"diffraction": setting.diffraction.model_copy(update={"max_angle_mrad": 8.0})}
    )
    _, seen = observe(blobs(narrow, 0.1), Experiment.model_validate(narrow.model_dump()), 50.0)
    shown = network_view(seen, PIXEL)
    side = seen.experiment.diffraction_pixels
    assert side < 40
    assert int(shown.free.sum()) == side**2
    beyond = shown.free == 0
    spectrum = fft2(project_trusted(shown.start + 0.01, shown))
    assert float(spectrum[:, beyond].abs().max()) < 1e-5
    assert float(shown.modulus[:, beyond].max()) == 0


def test_counted_patterns_are_trusted_by_their_counts(
    observed: tuple[Waves, Observations],
) -> None:
    _, seen = observed
    counted = Experiment.model_validate(
        {**seen.experiment.model_dump(), "detector": {"exposure_e_per_a2": 1e3}}
    )
    incident = 1e3 * counted.box_angstrom**2
    counts = torch.poisson(seen.diffraction * incident, generator=torch.Generator().manual_seed(0))
    shown = network_view(replace(seen, experiment=counted, diffraction=counts / incident), PIXEL)
    assert 0 < float(shown.trust.mean()) < 0.9
    assert 0 <= float(shown.trust.min()) < float(shown.trust.max()) <= 1


def test_the_autocorrelation_reaches_twice_as_far_as_the_molecule() -> None:
    wave = torch.zeros(1, 64, 64, dtype=torch.complex64)
    wave[0, 20:30, 20:26] = 0.1j
    everywhere = torch.ones(64, 64, dtype=torch.bool)
    found = autocorrelation(MeasuredModuli(fft2(wave).abs(), everywhere, everywhere))
    assert float(found[0, 32, 32]) == pytest.approx(float(found.max())) == pytest.approx(1)
    high = found[0] > 0.05
    assert high.any(1).nonzero().flatten().tolist() == list(range(32 - 9, 32 + 10))
    assert high.any(0).nonzero().flatten().tolist() == list(range(32 - 5, 32 + 6))


def test_views_of_nothing_are_finite(observed: tuple[Waves, Observations]) -> None:
    _, seen = observed
    dark = replace(seen, low_resolution=torch.zeros_like(seen.low_resolution))
    for one in (seen.with_diffraction(torch.zeros_like(seen.diffraction)), dark):
        shown = network_view(one, PIXEL)
        for name in ("modulus", "trust", "image_phase", "autocorrelation"):
            assert bool(getattr(shown, name).isfinite().all()), name
        assert bool(shown.start.abs().isfinite().all())
        moduli = measured_moduli(one)
        assert float(shown.start.abs().max()) == 0
        assert bool(moduli.modulus.isfinite().all())
