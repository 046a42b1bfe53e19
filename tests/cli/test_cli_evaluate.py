from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from diffragan.cli.evaluate import closing_table
from diffragan.cli.main import run


@pytest.fixture(scope="module")
def phased(villin_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phased") / "low.zarr"
    assert run(["phase", str(villin_data), "--method", "low-resolution", "--out", str(out)]) == 0
    return out


def test_evaluate_writes_a_report_and_says_where(
    villin_data: Path, phased: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(villin_data), str(phased), "--out", str(tmp_path / "e")]
    assert run([*command, "--control-views", "2", "--protocol", "paper"]) == 0
    said = capsys.readouterr().out
    assert "low-resolution" in said
    assert "measured to 1.27" in " ".join(said.split())
    for name in ("report.html", "metrics.json", "frc.csv", "figures/frc.svg"):
        assert (tmp_path / "e" / name).is_file()


def test_wrong_kinds_of_files_are_one_line_each(
    villin_data: Path, phased: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path)]
    for arguments, words in (
        ([str(phased), str(phased)], "'triplets' is needed"),
        ([str(villin_data), str(villin_data)], "'phased' is needed"),
        ([str(villin_data), str(phased), "--reconstruction", str(tmp_path)], "fsc.json"),
        ([str(villin_data), str(phased), "--control-views", "-1"], "0 or more"),
        ([str(villin_data), str(tmp_path / "none.zarr")], "no such data set"),
    ):
        assert run(["evaluate", *arguments, *out]) == 2
        complaint = capsys.readouterr().err.strip()
        assert words in complaint
        assert "\n" not in complaint


def test_closing_table_fits_a_terminal_and_keeps_brackets() -> None:
    scores = {
        f"{prefix}{key}": value
        for prefix in ("", "wave_")
        for key, value in {
            "resolution_frc_0p5_angstrom": 1.5,
            "resolution_reaches_limit": False,
            "resolution_starts_below": False,
        }.items()
    } | {"ssim_mean": 0.9}
    metrics = {
        "methods": {
            "[red]mine": {
                **scores,
                "verdict": "not tested",
                "controls": {"wrong_diffraction": {"not_run": "external"}},
            }
        },
        "controls": {"low_resolution_image_alone": scores},
        "measured_limit_angstrom": {"axis": 1.27, "corner": 0.9, "judged": 0.91},
    }
    console = Console(width=80, record=True, file=StringIO())
    console.print(closing_table(metrics))
    text = console.export_text()
    assert "[red]mine" in text
    assert "1.50 Å" in text
    assert max(map(len, text.splitlines())) <= 80
