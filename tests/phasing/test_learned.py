import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from phase_objects import blobs, experiment
from safetensors.torch import load_file, save_file

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.config.networks import DiscriminatorSettings, GeneratorSettings
from diffragan.config.settings import Settings
from diffragan.config.training import TrainingSettings
from diffragan.errors import InputError
from diffragan.fourier import fourier
from diffragan.io.triplets import TripletStore
from diffragan.phasing.learned import ConditionalGanPhaser, wave_from_image
from diffragan.phasing.protocol import Observations, high_resolution_images, read_observations
from diffragan.physics.forward import phase_object
from diffragan.rings import ring_correlation, ring_index
from diffragan.training.loop import train


@pytest.fixture(scope="module")
def run(villin_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = TrainingSettings(
        generator=GeneratorSettings(pixels=32, width=4, depth=3),
        discriminator=DiscriminatorSettings(width=4),
        steps=2,
        batch=2,
    )
    return train(villin_data, settings, tmp_path_factory.mktemp("learned") / "run").run


@pytest.fixture(scope="module")
def observations(villin_data: Path) -> Observations:
    return read_observations(TripletStore(villin_data), [0, 3, 5])


def test_images_and_waves_lie_on_the_experiments_grids(
    run: Path, observations: Observations
) -> None:
    phased = ConditionalGanPhaser(run).phase(observations)
    assert phased.images.shape == (3, 128, 128)
    assert phased.waves.shape == (3, 128, 128)
    assert phased.waves.is_complex()
    assert phased.energy_outside_support.isnan().all()
    assert (phased.images - 1).abs().max() < 1


def test_an_item_does_not_depend_on_the_others(
    run: Path, observations: Observations, villin_data: Path
) -> None:
    phaser = ConditionalGanPhaser(run)
    alone = phaser.phase(read_observations(TripletStore(villin_data), [3]))
    together = phaser.phase(observations)
    torch.testing.assert_close(together.images[1:2], alone.images, rtol=1e-4, atol=1e-5)


def test_the_pattern_is_used(run: Path, observations: Observations) -> None:
    phaser = ConditionalGanPhaser(run)
    other = observations.with_diffraction(observations.diffraction.roll(1, 0))
    assert not torch.equal(phaser.phase(observations).images, phaser.phase(other).images)


def test_a_true_image_becomes_a_wave_that_forms_it(villin_data: Path) -> None:
    store = TripletStore(villin_data)
    truth = torch.from_numpy(store.read("high_resolution", [0, 1]))
    exit_wave = torch.from_numpy(store.read("exit_wave", [0, 1]))
    wave = wave_from_image(truth, store.experiment)
    formed = high_resolution_images(wave, store.experiment)
    rings = ring_index((128, 128))
    fine = slice(4, 45)  # 17 to 1.6 Å, well within the pattern
    images = ring_correlation(fourier(formed - 1), fourier(truth - 1), rings, 64)
    waves = ring_correlation(fourier(wave), fourier(exit_wave), rings, 64)
    assert images[:, fine].min() > 0.95
    assert waves[:, fine].min() > 0.9


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("energy_kev",), 199.0, "energy_kev 200.0, these data have 199.0"),
        (("box_angstrom",), 69.0, "box_angstrom"),
        (("diffraction", "max_angle_mrad"), 19.0, "max_angle_mrad"),
        (("low_resolution", "defocus_angstrom"), 2000.0, r"low_resolution\.defocus"),
        (("high_resolution", "defocus_angstrom"), 60.0, r"high_resolution\.defocus"),
        (("image_pixels",), 112, "image_pixels 128, these data have 112"),
    ],
)
def test_another_experiment_is_refused(
    run: Path, observations: Observations, path: tuple[str, ...], value: float, words: str
) -> None:
    values = observations.experiment.model_dump()
    inner = values
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    with pytest.raises(InputError, match=words):
        ConditionalGanPhaser(run).check_experiment(Experiment.model_validate(values))


def test_no_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run folder"):
        ConditionalGanPhaser(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("image_pixels", "`diffragan simulate STRUCTURES .*where FILE says `image_pixels: 128`"),
        ("box_angstrom", "`diffragan simulate STRUCTURES --preset quick --box-angstrom 70 "),
    ],
)
def test_the_refusal_says_which_command_makes_data_that_match(
    run: Path, observations: Observations, name: str, words: str
) -> None:
    other = observations.experiment.model_copy(update={name: 111})
    with pytest.raises(InputError, match=words) as told:
        ConditionalGanPhaser(run).check_experiment(other)
    assert "\n" not in str(told.value)


def copied(run: Path, to: Path) -> Path:
    """Copy the best checkpoint of a run; return the file of its weights."""
    (to / "best").mkdir()
    for path in (run / "best").iterdir():
        (to / "best" / path.name).write_bytes(path.read_bytes())
    return to / "best" / "average.safetensors"


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_truncated_weights_are_one_line(run: Path, tmp_path: Path, kept: int) -> None:
    weights = copied(run, tmp_path)
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(InputError, match="damaged or not safetensors") as told:
        ConditionalGanPhaser(tmp_path)
    assert "\n" not in str(told.value)


def test_a_pickle_is_never_opened(run: Path, tmp_path: Path) -> None:
    weights, opened = copied(run, tmp_path), tmp_path / "opened"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return opened.touch, ()

    weights.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InputError, match="damaged or not safetensors"):
        ConditionalGanPhaser(tmp_path)
    torch.save({"weights": Trap()}, weights)
    with pytest.raises(InputError, match="damaged or not safetensors"):
        ConditionalGanPhaser(tmp_path)
    assert not opened.exists()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_one_line(run: Path, tmp_path: Path, bad: float) -> None:
    weights = copied(run, tmp_path)
    tensors = load_file(weights)
    tensors["last.0.bias"][0] = bad
    save_file(tensors, weights)
    with pytest.raises(InputError, match=r"not finite \(first in 'last.0.bias'\)"):
        ConditionalGanPhaser(tmp_path)


@pytest.mark.parametrize(
    ("is_streamed", "accepted", "refused"),
    [(True, [900.0, 1000.0, 2000.0], [899.0, 2001.0]), (False, [1000.0], [900.0, 2000.0])],
)
def test_a_defocus_that_training_varied_over_is_accepted(
    run: Path,
    observations: Observations,
    tmp_path: Path,
    is_streamed: bool,
    accepted: list[float],
    refused: list[float],
) -> None:
    copied(run, tmp_path)
    described = tmp_path / "best" / "checkpoint.json"
    description = json.loads(described.read_text())
    description["is_streamed"] = is_streamed
    description["settings"]["stream"]["low_resolution_defocus_angstrom"] = [900.0, 2000.0]
    described.write_text(json.dumps(description))
    phaser = ConditionalGanPhaser(tmp_path)

    def at(defocus: float) -> Experiment:
        lens = observations.experiment.low_resolution
        changed = lens.model_copy(update={"defocus_angstrom": defocus})
        return observations.experiment.model_copy(update={"low_resolution": changed})

    for defocus in accepted:
        phaser.check_experiment(at(defocus))
    for defocus in refused:
        with pytest.raises(InputError, match=r"low_resolution\.defocus"):
            phaser.check_experiment(at(defocus))


@pytest.mark.parametrize("used", ["average", "generator"])
def test_the_weights_that_were_validated_are_the_ones_used(
    run: Path, observations: Observations, tmp_path: Path, used: str
) -> None:
    copied(run, tmp_path)
    described = tmp_path / "best" / "checkpoint.json"
    description = json.loads(described.read_text())
    description["settings"]["used_weights"] = used
    described.write_text(json.dumps(description))
    for part in {"average", "generator"} - {used}:
        (tmp_path / "best" / f"{part}.safetensors").unlink()
    assert ConditionalGanPhaser(tmp_path).phase(observations).images.isfinite().all()


@pytest.mark.parametrize("name", ["settings", "experiment", "encoding"])
def test_a_damaged_configuration_is_one_line(run: Path, tmp_path: Path, name: str) -> None:
    copy = copied(run, tmp_path).parent
    description = json.loads((copy / "checkpoint.json").read_text())
    description[name] = {"width": 3}
    (copy / "checkpoint.json").write_text(json.dumps(description))
    with pytest.raises(InputError, match="not one of this program"):
        ConditionalGanPhaser(tmp_path)


def test_weights_of_another_width_are_one_line(run: Path, tmp_path: Path) -> None:
    copy = copied(run, tmp_path).parent
    description = json.loads((copy / "checkpoint.json").read_text())
    description["settings"]["generator"]["width"] = 8
    (copy / "checkpoint.json").write_text(json.dumps(description))
    with pytest.raises(InputError, match="do not fit the configuration"):
        ConditionalGanPhaser(tmp_path)


def test_the_number_of_views_drawn_at_a_time_changes_nothing(
    run: Path, observations: Observations, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = ConditionalGanPhaser(run).phase(observations).images
    monkeypatch.setattr("diffragan.phasing.learned.BATCH", 2)
    torch.testing.assert_close(
        ConditionalGanPhaser(run).phase(observations).images, together, rtol=1e-4, atol=1e-5
    )


NO_MATTER = {
    "kind",
    "preset",
    "orientations",
    "low_resolution.snr",
    "low_resolution.snr_band_angstrom",
    "low_resolution.dose_e_per_a2",
    "specimen.orientations",
    "specimen.conformations",
    "specimen.phonon_configurations",
}
"""How many views, of what and how noisy, may differ."""
HOW_NOT_WHAT = ("numerics.", "detector.")
"""How a view was simulated, and how it was counted, may differ, too; not how far it was blurred."""


def what_changes_a_view() -> list[str]:
    """Every setting of an experiment that changes what a noise-free view looks like."""
    names = []
    for name, value in load_experiment("quick").model_dump().items():
        inner = value if isinstance(value, dict) else {"": value}
        names += [f"{name}.{key}".rstrip(".") for key in inner]
    return [
        name
        for name in names
        if name == "detector.point_spread_pixels"
        or not (name in NO_MATTER or name.startswith(HOW_NOT_WHAT))
    ]


@pytest.mark.parametrize("name", what_changes_a_view())
def test_every_setting_that_changes_a_view_must_be_that_of_the_training(
    run: Path, observations: Observations, name: str
) -> None:
    given = observations.experiment
    *path, last = name.split(".")
    changed: Experiment | Settings = getattr(given, path[0]) if path else given
    # Unchecked, so that one setting can differ alone; it is compared and not used.
    changed = changed.model_copy(update={last: "another"})
    other = given.model_copy(update={path[0]: changed}) if path else changed
    assert isinstance(other, Experiment)
    with pytest.raises(InputError, match=f"trained for {name} "):
        ConditionalGanPhaser(run).check_experiment(other)


@pytest.mark.parametrize("image_pixels", [64, 128])
def test_a_weak_phase_comes_back_from_its_image_where_the_lens_transfers_it(
    image_pixels: int,
) -> None:
    setting = experiment(image_pixels=image_pixels)
    truth = phase_object(blobs(setting))
    found = fourier(wave_from_image(high_resolution_images(truth, setting), setting))
    frequency = torch.sqrt(setting.wave_grid.squared_frequencies())
    seen = (frequency > 0.25) & (frequency < 0.75)  # 2 sin(chi) is above 0.48 there
    expected = fourier(truth)
    error = (found - expected)[:, seen].abs().max()
    assert float(error) < 0.02 * float(expected[:, seen].abs().max())


def test_an_image_of_vacuum_is_a_wave_of_nothing() -> None:
    setting = experiment()
    assert float(wave_from_image(torch.ones(1, 64, 64), setting).abs().max()) < 1e-6
