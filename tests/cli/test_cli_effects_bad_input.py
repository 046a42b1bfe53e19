"""Effects that contradict each other or the molecule: exit code 2 and one line that says so."""

from pathlib import Path

import pytest

from diffragan.cli.main import run

SPECIMEN_ERRORS = [
    ("specimen: {ice_thickness_angstrom: 15}", "thick, and the ice only 15 Å; set specimen."),
    ("specimen: {ice_thickness_angstrom: -5}", "specimen.ice_thickness_angstrom: Input should be"),
    ("specimen: {b_factor_a2: 20}", "b_factor_a2 is 20 but thermal_motion is 'none'"),
    ("specimen: {thermal_motion: b_factors}", "has no B-factors of its own; give one for all"),
    ("specimen: {orientations: {spread_degrees: 10}}", "spread_degrees needs a preferred_axis"),
    (
        "specimen: {orientations: {preferred_axis: [0, 0, 0], spread_degrees: 5}}",
        "preferred_axis has no length",
    ),
    (
        "specimen: {conformations: {populations: [0.5, 0.5]}}",
        "conformations.populations has 2 shares for 1 structures",
    ),
    ("specimen: {conformations: {populations: [0.5, 0.2]}}", "populations add up to 0.7"),
    (
        "specimen: {conformations: {mode_amplitude_angstrom: 1, modes: 150}}",
        "35 residues have no 150 normal modes; use at most 98",
    ),
    ("specimen: {conformations: {mode_amplitude_angstrom: 19}}", "more than a quarter of the box"),
    (
        "specimen: {ice_thickness_angstrom: 50}\nnumerics: {box_angstrom: 60}",
        "numerics.box_angstrom cuts vacuum away, and ice fills the whole box",
    ),
]
BEAM_ERRORS = [
    ("beam: {probe_diameter_angstrom: 50}", "does not hold the molecule of"),
    ("beam: {probe_diameter_angstrom: 20}", "has no flat part; its diameter must exceed"),
    ("beam: {probe_offset_angstrom: [5, 0]}", "moves a probe, and a plane wave has none"),
    (
        "beam: {probe_diameter_angstrom: 90, probe_offset_angstrom: [40, 0]}",
        "a sharper edge or a smaller offset",
    ),
    (
        "inelastic: {mean_free_path_angstrom: 3000, cross_section_factor: 2}",
        "give one of the two",
    ),
]
DETECTOR_ERRORS = [
    ("detector: {exposure_e_per_a2: -1}", "detector.exposure_e_per_a2: Input should be"),
    ("low_resolution: {dose_e_per_a2: -1}", "low_resolution.dose_e_per_a2: Input should be"),
    ("detector: {beam_stop_mrad: 25}", "beam_stop_mrad is 25; it must be below the 20 mrad"),
    ("detector: {beam_stop_arm_mrad: 1}", "beam_stop_arm_mrad holds a beam stop"),
    ("detector: {gap_pixels: 2}", "gap_pixels needs modules; one module has no gaps"),
    ("detector: {modules: [60, 1], gap_pixels: 5}", "do not fit in the recorded"),
    ("detector: {read_noise_electrons: 1}", "are in electrons; give exposure_e_per_a2 too"),
    ("detector: {dead_pixel_fraction: 1}", "detector.dead_pixel_fraction: Input should be less"),
    ("detector: {dead_pixel_fraction: 0.99999}", "hide all 111 x 111 pixels; make them smaller"),
    ("detector: {exposure: 100}", "no setting 'detector.exposure'; did you mean"),
]


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run what must fail and leave nothing behind; return the one line it says."""
    before = sorted(Path().iterdir())
    assert run(arguments) == 2
    assert sorted(Path().iterdir()) == before
    lines = capsys.readouterr().err.splitlines()
    (line,) = (line for line in lines if line.startswith("diffragan: "))
    assert line == lines[-1]
    assert "Traceback" not in line
    return line


@pytest.fixture
def simulate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepared_villin_file: Path
) -> list[str]:
    monkeypatch.chdir(tmp_path)
    options = ["--preset", "quick", "--orientations", "2", "--device", "cpu", "--workers", "1"]
    return ["simulate", str(prepared_villin_file), "--out", "new.zarr", *options]


@pytest.mark.parametrize(("settings", "words"), SPECIMEN_ERRORS + BEAM_ERRORS + DETECTOR_ERRORS)
def test_an_impossible_experiment(
    simulate: list[str], settings: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("wrong.yaml").write_text(f"kind: experiment\n{settings}\n")
    assert words in told([*simulate, "--config", "wrong.yaml"], capsys)


def test_abtem_scatters_between_all_states(
    simulate: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("abtem")
    Path("narrow.yaml").write_text("numerics: {multiple_scattering_per_angstrom: 1.6}\n")
    words = "leave numerics.multiple_scattering_per_angstrom out, or use --engine torch"
    assert words in told([*simulate, "--config", "narrow.yaml", "--engine", "abtem"], capsys)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--accuracy", "5"], "numerics.accuracy: Input should be less than or equal to 0.1"),
        (["--accuracy", "nan"], "numerics.accuracy: Input should be a finite number"),
        (["--conformations", "0.5", "0.5"], "has 2 shares for 1 structures"),
        (["--conformations", "1"], "populations needs two conformations or more"),
    ],
)
def test_an_impossible_option(
    simulate: list[str], options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in told([*simulate, *options], capsys)


def test_abtem_knows_no_b_factors(simulate: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("abtem")
    Path("moving.yaml").write_text("specimen: {thermal_motion: b_factors, b_factor_a2: 20}\n")
    words = "abTEM knows no B-factors; set specimen.thermal_motion to 'frozen_phonons'"
    assert words in told([*simulate, "--config", "moving.yaml", "--engine", "abtem"], capsys)
