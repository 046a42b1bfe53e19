from pathlib import Path

import pytest

from diffragan.cli.main import run
from diffragan.structures.example import villin_path


def test_a_line_for_each_input_and_a_failure_at_the_end(
    tmp_path: Path, prepared_villin_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.pdb"
    empty.touch()
    out = tmp_path / "out"
    assert run(["prepare", str(empty), str(prepared_villin_file), "--out", str(out)]) == 2
    shown = capsys.readouterr()
    assert shown.out.startswith("test: 4.08 kDa, 582 atoms, 30.")
    assert "diffragan: 1 of 2 failed: " in shown.err
    assert "empty.pdb: the file is empty" in shown.err
    assert sorted(path.name for path in out.iterdir()) == ["test.json", "test.pdb"]


def test_success_is_exit_code_zero(tmp_path: Path, prepared_villin_file: Path) -> None:
    assert run(["prepare", str(prepared_villin_file), "--out", str(tmp_path / "out")]) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent.pdb"], "absent.pdb: there is no such file"),
        ([str(villin_path()), "--ph", "15"], "pH 15 is not between"),
        ([str(villin_path()), "--chain", "Z"], "has no chain 'Z'"),
        ([str(villin_path()), "--chain", "Z", "--keep-all-chains"], "exclude each other"),
        ([str(villin_path().parent)], "is a folder"),
        ([], "no structure was given"),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert run(["prepare", *arguments, "--out", str(tmp_path / "out")]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert words in last


def test_a_file_where_the_output_should_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").touch()
    assert run(["prepare", str(villin_path()), "--out", str(tmp_path / "out")]) == 2
    assert "a file stands where the folder" in capsys.readouterr().err


def test_two_inputs_of_one_name(
    tmp_path: Path, prepared_villin_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "test.pdb"
    copy.write_bytes(prepared_villin_file.read_bytes())
    inputs = [str(prepared_villin_file), str(copy)]
    assert run(["prepare", *inputs, "--out", str(tmp_path / "out")]) == 2
    assert "would overwrite test" in capsys.readouterr().err


def test_an_id_is_fetched_from_the_cache(
    tmp_path: Path, prepared_villin_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import gzip

    import gemmi

    structure = gemmi.read_structure(str(prepared_villin_file))
    structure.name = "1XYZ"
    structure.setup_entities()
    text = structure.make_mmcif_document().as_string()
    (tmp_path / "1xyz.cif.gz").write_bytes(gzip.compress(text.encode()))
    cache = ["--cache", str(tmp_path)]
    assert run(["prepare", "1XYZ", *cache, "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.startswith("1xyz")
    assert run(["fetch", "1XYZ", *cache, "--out", str(tmp_path / "got")]) == 0
    assert [path.name for path in (tmp_path / "got").iterdir()] == ["1xyz.cif.gz"]


def test_fetching_what_is_no_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fetch", "villin", "--out", str(tmp_path)]) == 2
    assert "'villin' is not a PDB ID" in capsys.readouterr().err
    assert run(["fetch", "--out", str(tmp_path)]) == 2
