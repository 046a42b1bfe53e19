import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.errors import InputError
from diffragan.fourier import fourier, resize_centred
from diffragan.models.encoding import (
    Encoding,
    contrast,
    decode_diffraction,
    decode_image,
    decode_low_resolution,
    encode_diffraction,
    encode_image,
    encode_low_resolution,
    encode_observed,
    fit_encoding,
)
from diffragan.typing import Tensor

PIXELS = 32
scales = st.floats(1e-4, 1e3)
knees = st.floats(1e-3, 1.0)
encodings = st.builds(
    lambda low, pattern, knee, reach: Encoding(PIXELS, low, pattern, knee * reach, knee),
    scales,
    scales,
    knees,
    st.floats(1.0, 100.0),
)
seeds = st.integers(0, 2**31)


def random(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


@given(encodings, seeds)
def test_decoding_an_image_inverts_encoding_it(encoding: Encoding, seed: int) -> None:
    images = 0.5 + random(seed, 2, PIXELS, PIXELS)
    torch.testing.assert_close(decode_image(encode_image(images, encoding), encoding), images)


@given(encodings, seeds)
def test_encoding_inverts_decoding(encoding: Encoding, seed: int) -> None:
    encoded = 2 * random(seed, 2, PIXELS, PIXELS) - 1
    back = encode_image(decode_image(encoded, encoding), encoding)
    torch.testing.assert_close(back, encoded, rtol=1e-6, atol=1e-9)


@given(encodings, seeds)
def test_the_low_resolution_image_comes_back(encoding: Encoding, seed: int) -> None:
    contrasts = random(seed, 2, PIXELS, PIXELS) - 0.5
    back = decode_low_resolution(encode_low_resolution(contrasts, encoding), encoding)
    torch.testing.assert_close(back, contrasts)


@given(encodings, seeds, st.sampled_from([9, 21, 32]))
def test_patterns_come_back_where_they_were_measured(
    encoding: Encoding, seed: int, side: int
) -> None:
    patterns = random(seed, 2, side, side)
    measured = random(seed + 1, side, side) > 0.2
    encoded = encode_diffraction(patterns, measured, encoding)
    assert encoded.shape == (2, PIXELS, PIXELS)
    back = decode_diffraction(encoded, side, encoding)
    torch.testing.assert_close(back, torch.where(measured, patterns, 0.0))


def test_a_large_pattern_is_cropped_about_its_centre() -> None:
    patterns = random(0, 1, 41, 41)
    encoding = Encoding(PIXELS, 1, 1, 1, 1)
    encoded = encode_diffraction(patterns, torch.ones(41, 41, dtype=torch.bool), encoding)
    torch.testing.assert_close(encoded, resize_centred(patterns**0.25, PIXELS))
    assert encoded[0, PIXELS // 2, PIXELS // 2] == patterns[0, 20, 20] ** 0.25


def test_vacuum_is_zero_and_training_images_stay_inside_tanh() -> None:
    images = 1 + 0.4 * (random(0, 3, PIXELS, PIXELS) - 0.5)
    measured = torch.ones(9, 9, dtype=torch.bool)
    encoding = fit_encoding(PIXELS, images - 1, random(1, 3, 9, 9), measured, images)
    assert encode_image(torch.ones(1, PIXELS, PIXELS), encoding).abs().max() == 0
    assert encode_image(images, encoding).abs().max() < 0.9
    observed = encode_observed(random(1, 3, 9, 9), measured, images - 1, encoding)
    assert observed.shape == (3, 2, PIXELS, PIXELS)
    torch.testing.assert_close(observed[:, 1].square().mean(), torch.tensor(1.0).double())


def test_one_scale_serves_all_items() -> None:
    encoding = Encoding(PIXELS, 0.1, 0.1, 0.1, 0.1)
    contrasts = random(0, 2, PIXELS, PIXELS)
    twice = encode_low_resolution(2 * contrasts, encoding)
    torch.testing.assert_close(twice, 2 * encode_low_resolution(contrasts, encoding))


def test_contrast_is_relative_to_vacuum_and_stops_at_the_aperture() -> None:
    experiment = load_experiment("quick")
    grid = experiment.image_grid
    dose = torch.tensor([100.0, 900.0])
    vacuum = torch.ones(2, grid.pixels, grid.pixels) * dose[:, None, None] * grid.pixel_angstrom**2
    assert contrast(vacuum, dose, experiment).abs().max() < 1e-5
    counts = torch.poisson(vacuum, generator=torch.Generator().manual_seed(0))
    power = fourier(contrast(counts, dose, experiment)).abs() ** 2
    edge = experiment.electron.frequency_per_angstrom(5.0)
    beyond = grid.squared_frequencies() > edge**2
    assert power[:, beyond].max() < 1e-6 * power.max()
    assert beyond.float().mean() > 0.95


def test_without_an_aperture_contrast_is_counts_alone() -> None:
    values = load_experiment("quick").model_dump()
    values["low_resolution"]["aperture_mrad"] = None
    experiment = Experiment.model_validate(values)
    counts = torch.rand(1, 128, 128)
    expected = counts / experiment.image_grid.pixel_angstrom**2 - 1
    torch.testing.assert_close(contrast(counts, torch.ones(1), experiment), expected)


@given(encodings)
def test_an_encoding_survives_json(encoding: Encoding) -> None:
    assert Encoding.from_json(json.loads(json.dumps(encoding.as_json()))) == encoding


@pytest.mark.parametrize("wrong", [{}, {"pixels": 32, "image_scale": "wide"}])
def test_an_encoding_of_another_program_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="not one of this program"):
        Encoding.from_json(wrong)


def test_a_scale_of_zero_is_refused() -> None:
    with pytest.raises(InputError, match="not positive"):
        Encoding.from_json({**Encoding(32, 1, 1, 1, 1).as_json(), "image_scale": 0})


def test_empty_training_data_are_refused() -> None:
    images = torch.ones(1, PIXELS, PIXELS)
    with pytest.raises(InputError, match="high-resolution image"):
        fit_encoding(
            PIXELS, images, torch.ones(1, 9, 9), torch.ones(9, 9, dtype=torch.bool), images
        )
