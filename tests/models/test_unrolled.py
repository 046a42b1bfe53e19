"""The unrolled network: where it starts, what it sees, and what it cannot see."""

from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.config.unrolled import UnrolledSettings
from diffragan.fourier import fft2, ifft2
from diffragan.models.unrolled import (
    NetworkView,
    SmallUNet,
    UnrolledNetwork,
    project_trusted,
)
from diffragan.phasing.projections import MeasuredModuli, project_modulus
from random_atoms import difference

SETTINGS = UnrolledSettings(stages=2, width=8, depth=3, memory=2)
seeds = st.integers(0, 2**31)


def view(seed: int, side: int, items: int = 2, strength: float = 0.1) -> NetworkView:
    """Numbers as strong as those of real molecules, without any sense."""
    generator = torch.Generator().manual_seed(seed)

    def real(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    wave = strength * torch.complex(real(items, side, side), real(items, side, side))
    return NetworkView(
        modulus=fft2(strength * real(items, side, side)).abs(),
        trust=torch.rand(items, side, side, generator=generator),
        free=(torch.rand(side, side, generator=generator) < 0.9).float(),
        start=wave,
        image_phase=strength * real(items, side, side),
        autocorrelation=real(items, side, side).clamp(-1, 1),
    )


def stirred(settings: UnrolledSettings = SETTINGS, seed: int = 0) -> UnrolledNetwork:
    """A network whose last layers are not zero, as after a training."""
    torch.manual_seed(seed)
    network = UnrolledNetwork(settings).eval()
    with torch.no_grad():
        for stage in network.stages:
            assert isinstance(stage, SmallUNet)
            torch.nn.init.normal_(stage.last.weight, std=0.3)
    return network


@given(
    seeds,
    st.integers(4, 24).map(lambda half: 2 * half),
    st.integers(1, 3),
    st.integers(2, 4),
    st.integers(0, 5),
    st.sampled_from(["pixel", "group"]),
)
@settings(max_examples=25)
def test_any_even_side_and_every_network_gives_a_wave_and_an_envelope_from_every_stage(
    seed: int, side: int, stages: int, depth: int, memory: int, normalisation: str
) -> None:
    made = UnrolledSettings.model_validate(
        {
            "stages": stages,
            "width": 8,
            "depth": depth,
            "memory": memory,
            "normalisation": normalisation,
        }
    )
    guesses = stirred(made)(view(seed, side))
    assert len(guesses) == stages
    for guess in guesses:
        assert guess.waves.shape == guess.envelope.shape == (2, side, side)
        assert guess.waves.dtype == torch.complex64
        assert bool(guess.waves.isfinite().all())
        assert bool(guess.envelope.isfinite().all())


@given(seeds, st.sampled_from([16, 18, 22]))
@settings(max_examples=20)
def test_before_training_it_gives_the_projection_of_its_start_whatever_it_sees(
    seed: int, side: int
) -> None:
    torch.manual_seed(seed)
    network, seen = UnrolledNetwork(SETTINGS), view(seed, side)
    wave = seen.start
    for guess in network(seen):
        wave = project_trusted(wave, seen)
        torch.testing.assert_close(guess.waves, wave)
        assert not guess.envelope.any()
    blind = replace(
        seen,
        image_phase=torch.zeros_like(seen.image_phase),
        autocorrelation=torch.ones_like(seen.autocorrelation),
    )
    torch.testing.assert_close(network(blind)[-1].waves, wave)


def test_after_training_every_input_counts() -> None:
    network, seen = stirred(), view(0, 20)
    told = network(seen)[-1].waves
    for field in fields(NetworkView):
        changed = replace(seen, **{field.name: 0.9 * getattr(seen, field.name)})
        assert not torch.allclose(network(changed)[-1].waves, told, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("side", [16, 22])
def test_an_item_does_not_depend_on_the_others(side: int) -> None:
    network, seen = stirred(), view(0, side, items=4)
    with torch.no_grad():
        together = network(seen)[-1]
        for item in range(4):
            alone = network(seen.rows(item, item + 1))[-1]
            torch.testing.assert_close(alone.waves[0], together.waves[item], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(
                alone.envelope[0], together.envelope[item], rtol=1e-4, atol=1e-5
            )


def test_rows_are_some_of_the_items_with_the_place_where_waves_are_free() -> None:
    whole = view(0, 16, items=5)
    part = whole.rows(1, 4)
    assert (len(whole), len(part)) == (5, 3)
    for field in fields(NetworkView):
        values, chosen = getattr(whole, field.name), getattr(part, field.name)
        assert torch.equal(chosen, values if field.name == "free" else values[1:4])
    moved = part.to("cpu")
    assert all(
        torch.equal(getattr(moved, field.name), getattr(part, field.name))
        for field in fields(NetworkView)
    )


def molecule_in_a_box(side: int, shift: tuple[int, int]) -> NetworkView:
    """A blob of a molecule in vacuum, all of whose views are moved together."""
    generator = torch.Generator().manual_seed(3)
    blob = torch.zeros(1, side, side)
    middle = side // 2
    blob[:, middle - 4 : middle + 4, middle - 4 : middle + 4] = torch.rand(
        8, 8, generator=generator
    )
    moved = blob.roll(shift, (1, 2))
    wave = 0.1j * torch.fft.ifftshift(moved, dim=(-2, -1))
    autocorrelation = torch.fft.fftshift(ifft2(fft2(blob).abs() ** 2).real, dim=(-2, -1))
    return NetworkView(
        modulus=fft2(wave).abs(),
        trust=torch.ones(1, side, side),
        free=torch.ones(side, side),
        start=0.5 * wave,
        image_phase=0.1 * moved,
        autocorrelation=0 * autocorrelation,
    )


def test_a_molecule_elsewhere_in_its_box_gives_the_same_answer_there() -> None:
    """By whole cells of the coarsest layer, and as far from the rim as the layers reach."""
    network, cell = stirred(), 2 ** (SETTINGS.depth - 1)
    shift = (2 * cell, -cell)
    with torch.no_grad():
        here, there = (network(molecule_in_a_box(64, by))[-1] for by in ((0, 0), shift))
    inner = slice(24, 40)
    for name in ("waves", "envelope"):
        first, second = (
            torch.fft.fftshift(getattr(told, name), dim=(-2, -1)) for told in (here, there)
        )
        back = second.roll((-shift[0], -shift[1]), (1, 2))
        # Projections act on the whole box, and bring in a little of what its rim does to layers.
        moved = difference(second[:, inner, inner], first[:, inner, inner])
        assert difference(back[:, inner, inner], first[:, inner, inner]) < 0.25 * moved


@given(seeds)
@settings(max_examples=30)
def test_the_trusted_projection_is_the_one_of_iterations(seed: int) -> None:
    """Where moduli are exact, free or not recorded, and in between as far as they are trusted.

    Iterations alone cut what has outgrown its modulus; no network's wave does.
    """
    seen = view(seed, 16)
    seen = replace(seen, modulus=seen.modulus + torch.fft.fft2(seen.start).abs().max())
    known = seen.free > 0
    moduli = MeasuredModuli(seen.modulus, known, known, trust=seen.trust)
    measured = replace(seen, trust=seen.trust * seen.free)
    torch.testing.assert_close(
        project_trusted(seen.start, measured),
        project_modulus(seen.start, moduli),
        rtol=1e-3,
        atol=1e-4,
    )


@pytest.mark.parametrize("normalisation", ["pixel", "group"])
def test_a_gradient_is_finite_where_a_wave_has_no_coefficient(normalisation: str) -> None:
    settings = SETTINGS.model_copy(update={"normalisation": normalisation})
    network, seen = stirred(settings), view(0, 16)
    nothing = replace(seen, start=torch.zeros_like(seen.start))
    last = network(nothing)[-1]
    (last.waves.abs().square().sum() + last.envelope.sum()).backward()
    for values in network.parameters():
        assert values.grad is not None
        assert bool(values.grad.isfinite().all())


def test_the_network_of_the_preset_fits_into_the_package() -> None:
    """At most 16 MB as safetensors."""
    from diffragan.config.load import load_unrolled
    from diffragan.models.unet import parameter_count

    with torch.device("meta"):
        network = UnrolledNetwork(load_unrolled().network)
    assert 4 * parameter_count(network) < 16e6
