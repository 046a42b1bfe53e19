from pathlib import Path
from typing import Any

import pytest
import yaml

from diffragan.config.load import load_any, load_experiment, load_training, preset_names
from diffragan.errors import ConfigError, InputError


def written(folder: Path, content: Any) -> Path:
    file = folder / "settings.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return file


@pytest.mark.parametrize("name", preset_names("experiment"))
def test_every_experiment_preset_is_valid_and_keeps_its_name(name: str) -> None:
    assert load_experiment(name).preset == name


@pytest.mark.parametrize("name", preset_names("training"))
def test_every_training_preset_is_valid(name: str) -> None:
    load_training(name)


def test_the_paper_preset_is_the_paper_s_experiment() -> None:
    paper = load_experiment()
    assert (paper.energy_kev, paper.box_angstrom, paper.orientations) == (200, 70, 1078)
    assert (paper.high_resolution.defocus_angstrom, paper.low_resolution.snr) == (50, 0.8)
    assert paper.image_pixels == 256


def test_a_file_replaces_single_settings_of_a_preset(tmp_path: Path) -> None:
    file = written(tmp_path, {"preset": "quick", "low_resolution": {"snr": 2}})
    experiment = load_experiment(file=file)
    assert experiment.low_resolution.snr == 2
    assert experiment.low_resolution.defocus_angstrom == 1000
    assert experiment.numerics.pixels == load_experiment("quick").numerics.pixels


def test_a_preset_that_was_asked_for_counts_more_than_the_file_s(tmp_path: Path) -> None:
    file = written(tmp_path, {"preset": "quick"})
    assert load_experiment("paper", file).preset == "paper"


def test_overrides_count_most(tmp_path: Path) -> None:
    file = written(tmp_path, {"orientations": 3})
    assert load_experiment("quick", file, {"orientations": 5}).orientations == 5


def test_the_kind_of_a_file_is_what_it_says(tmp_path: Path) -> None:
    assert load_any(written(tmp_path, {"kind": "training"})).model_dump()["kind"] == "training"
    assert load_any(written(tmp_path, {"preset": "quick"})).model_dump()["kind"] == "experiment"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"energy_kv": 200}, "no setting 'energy_kv'; did you mean 'energy_kev'?"),
        ({"numerics": {"pixel": 256}}, "no setting 'numerics.pixel'; did you mean 'pixels'?"),
        ({"energy_kev": "fast"}, "energy_kev: .*got 'fast'"),
        ({"energy_kev": float("nan")}, "energy_kev: .*finite"),
        ({"box_angstrom": float("inf")}, "box_angstrom: .*finite"),
        ({"box_angstrom": -5}, "box_angstrom: .*greater than 0"),
        ({"box_angstrom": 5}, "raise max_angle_mrad or box_angstrom"),
        ({"orientations": 0}, "orientations: .*greater than or equal to 1"),
        ({"orientations": 10**30}, "orientations: .*less than or equal to"),
        ({"numerics": {"pixels": 128}}, "numerics.pixels is 128; it must be even and at least"),
        ({"numerics": {"pixels": 241}}, "must be even"),
        (
            {"numerics": {"multiple_scattering_per_angstrom": 0.2}},
            "multiple_scattering_per_angstrom is 0.2; it must be at least the recorded frequency",
        ),
        ({"wave_pixels": 64}, "wave_pixels is 64; it must be even and at least"),
        ({"low_resolution": {"snr_band_angstrom": [5, 8]}}, "the coarser first"),
        ({"low_resolution": 3}, "low_resolution: "),
        ({"preset": "qick"}, "no experiment preset 'qick'; did you mean 'quick'?"),
        ({"preset": "../quick"}, "no experiment preset"),
        ({"kind": "exprmnt"}, "did you mean 'experiment'?"),
    ],
)
def test_an_impossible_setting_is_named_with_its_value_or_its_nearest(
    tmp_path: Path, content: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        load_any(written(tmp_path, {"preset": "quick", **content}))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1, 2]",
        "just words",
        "energy_kev: [",
        "a: 2024-13-45",
        "[" * 5000,
        f"energy_kev: {'9' * 5000}",
        "{[1]: 2}",
    ],
)
def test_what_is_not_a_list_of_settings_is_refused_by_name(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match=r"settings\.yaml"):
        load_any(written(tmp_path, content))


def test_a_binary_file_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\x00\xff\xfe\x01")
    for path in (binary, tmp_path, tmp_path / "absent.yaml"):
        with pytest.raises(InputError, match=str(path)):
            load_any(path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too large"):
        load_any(written(tmp_path, "# padding\n" * 200_000))


def test_a_value_that_refers_to_itself_many_times_is_shown_in_short(tmp_path: Path) -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9)]
    bomb = "\n".join(["l0: &l0 [1]", *levels, "energy_kev: *l8"])
    with pytest.raises(ConfigError, match="energy_kev") as caught:
        load_any(written(tmp_path, bomb))
    assert len(str(caught.value)) < 500


def test_a_larger_box_keeps_the_size_of_its_pixels() -> None:
    quick = load_experiment("quick")
    larger = load_experiment("quick", overrides=quick.in_box(95))
    assert larger.box_angstrom == 95
    for old, new in (
        (quick.simulation_grid, larger.simulation_grid),
        (quick.wave_grid, larger.wave_grid),
        (quick.image_grid, larger.image_grid),
    ):
        assert 0.9 * old.pixel_angstrom < new.pixel_angstrom <= old.pixel_angstrom


def test_a_smaller_box_keeps_its_number_of_pixels() -> None:
    quick = load_experiment("quick")
    assert load_experiment("quick", overrides=quick.in_box(40)).wave_pixels == quick.wave_pixels


@pytest.mark.parametrize("box", [float("nan"), float("inf"), -1.0, 0.0, 1e9, 1999.0])
def test_an_impossible_box_is_refused(box: float) -> None:
    quick = load_experiment("quick")
    with pytest.raises(ConfigError, match=r"box_angstrom|pixels"):
        load_experiment("quick", overrides=quick.in_box(box))


def test_steps_and_epochs_put_each_other_aside(tmp_path: Path) -> None:
    assert (load_training("paper").steps, load_training("paper").epochs) == (None, 200)
    assert load_training("paper", overrides={"steps": 5}).epochs is None
    assert load_training("paper-small", overrides={"epochs": 0.5}).steps is None
    file = tmp_path / "run.yaml"
    file.write_text("kind: training\npreset: paper\nsteps: 7\n")
    assert (load_training(file=file).steps, load_training(file=file).epochs) == (7, None)
    assert load_training(file=file, overrides={"epochs": 2}).steps is None
    file.write_text("kind: training\nsteps: 7\nepochs: 2\n")
    with pytest.raises(ConfigError, match=r"steps is 7 and epochs is 2.0; give one of them"):
        load_training(file=file)


def test_an_epoch_is_as_many_steps_as_show_every_view() -> None:
    paper = load_training("paper")
    assert paper.epoch_steps(21560) == 1348
    assert paper.all_steps(21560) == 269_500
    assert load_training("paper", overrides={"steps": 9}).all_steps(21560) == 9
    with pytest.raises(ConfigError, match="must be a multiple"):
        load_training("paper", overrides={"batch": 16, "accumulate": 3})
