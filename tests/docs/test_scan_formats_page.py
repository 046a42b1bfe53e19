"""What docs/scan-formats.md shows works as it stands there."""

import re
from pathlib import Path

import pytest
import yaml

from diffragan.config.acquisition import AcquisitionSettings
from diffragan.config.raw_scan import RawScan
from diffragan.io.scans.known import missing

PAGE = (Path(__file__).parents[2] / "docs" / "scan-formats.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_configurations_are_valid_and_whole() -> None:
    taken, described = (yaml.safe_load(block) for block in blocks("yaml"))
    assert missing(AcquisitionSettings.model_validate(taken).scan) == ()
    assert RawScan.model_validate(described).frame_shape == (256, 256)
    assert set(described) == set(RawScan.model_fields)


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    exec(code, {})
    assert (tmp_path / "scan.mib").is_file()
