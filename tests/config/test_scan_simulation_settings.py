"""Settings of a simulated scan: presets, and what contradicts itself."""

from pathlib import Path

import pytest

from diffragan.config.load import load_any, load_scan_simulation, preset_names
from diffragan.config.scan_simulation import ScanSimulation
from diffragan.errors import ConfigError

NOISE_FREE = {"exposure_e_per_a2": None, "hot_pixel_fraction": 0, "hot_pixel_counts": 0}


def test_presets_are_whole_experiments() -> None:
    assert preset_names("scan-simulation") == ["scan", "scan-small"]
    whole = load_scan_simulation()
    assert whole.frames >= 20_000
    assert whole.field.molecules == 150
    assert whole.box_angstrom == pytest.approx(0.02508 / 0.209e-3 / 1.01, rel=1e-3)
    assert load_scan_simulation("scan-small").frames == 1008


def test_a_file_of_its_kind_is_known(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("kind: scan-simulation\npreset: scan-small\nfield: {molecules: 3}\n")
    settings = load_any(file)
    assert isinstance(settings, ScanSimulation)
    assert settings.field.molecules == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"beam": {"probe_diameter_angstrom": None}}, "probe_diameter_angstrom is missing"),
        ({"beam": {"probe_offset_angstrom": [1.0, 0.0]}}, "is the scan's to choose"),
        ({"beam": {"probe_diameter_angstrom": 1900.0}}, "speckles far finer than a pixel"),
        ({"camera": {"pixels": 65}}, "must be even"),
        ({"camera": {"detector": NOISE_FREE}}, "a scan counts electrons"),
        ({"camera": {"detector": {"beam_stop_mrad": 90}}}, "must be below"),
        ({"path": {"shape": [0, 3]}}, "at least one position"),
        ({"field": {"molecule": 3}}, "did you mean 'molecules'?"),
    ],
)
def test_contradictions_are_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        load_scan_simulation("scan-small", overrides=changes)
