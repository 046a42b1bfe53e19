"""Whatever a user hands in: one line, exit code 2, and nothing under the final name."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffragan.cli.main import run
from diffragan.io.mrc import write_volume
from diffragan.structures.example import villin_path


@pytest.fixture(scope="module")
def phased(villin_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phased") / "phased.zarr"
    options = ["--method", "low-resolution", "--views", "2", "--device", "cpu"]
    assert run(["phase", str(villin_data), "--out", str(out), *options]) == 0
    return out


@pytest.fixture
def place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    villin_data: Path,
    phased: Path,
    prepared_villin_file: Path,
) -> Iterator[Path]:
    """A working folder with good and bad things in it."""
    monkeypatch.chdir(tmp_path)
    Path("data.zarr").symlink_to(villin_data)
    Path("phased.zarr").symlink_to(phased)
    Path("prep").symlink_to(prepared_villin_file.parent)
    for name in ("empty-folder", "foreign.zarr", "half.zarr.partial"):
        Path(name).mkdir()
    Path("foreign.zarr/notes.txt").write_text("mine")
    for name in ("empty", "file.zarr"):
        Path(name).touch()
    Path("binary.yaml").write_bytes(b"\x00\xff\xfe")
    Path("list.yaml").write_text("[1, 2]")
    Path("typo.yaml").write_text("energy_kv: 200")
    Path("list.json").write_text("[1]")
    Path("scores.json").write_text('{"methods": {"er": 3}}')
    write_volume(Path("map.mrc"), np.ones((4, 4, 4), np.float32), 1.0)
    yield tmp_path
    assert Path("foreign.zarr/notes.txt").read_text() == "mine"
    assert Path("file.zarr").stat().st_size == 0


def complaint(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail, and return the one line it says."""
    before = {path.name for path in Path().iterdir()}
    assert run(command.split()) == 2
    told = capsys.readouterr().err.splitlines()
    assert {path.name for path in Path().iterdir()} == before
    (line,) = (line for line in told if line.startswith("diffragan: "))
    assert line == told[-1]
    assert "Traceback" not in line
    return line


SIMULATE = "simulate prep --preset quick --out new.zarr --orientations 1 --device cpu "


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--orientations 0", "orientations: Input should be greater than or equal to 1"),
        ("--orientations -1", "(got -1)"),
        ("--orientations 10000000", "GB are free; choose another disk or fewer orientations"),
        (f"--orientations {10**20}", "orientations: Input should be less than or equal to"),
        ("--seed -1", "the seed is -1; use a whole number that is not negative"),
        ("--box-angstrom nan", "box_angstrom: Input should be a finite number"),
        ("--box-angstrom inf", "box_angstrom: Input should be a finite number"),
        ("--box-angstrom -5", "box_angstrom: Input should be greater than 0"),
        ("--box-angstrom 1e9", "box_angstrom: Input should be less than or equal to 2000"),
        ("--box-angstrom 1999", "numerics.pixels: Input should be less than or equal to 4096"),
        ("--box-angstrom 24 --save-rotated-structures", "more than the box of 24 Å; use a box of"),
        ("--workers 0", "the number of workers is 0; use 1 or more"),
        ("--workers 90000 --orientations 400000", "GB of memory, and this machine has"),
        ("--preset qick", "did you mean 'quick'?"),
        ("--preset /etc/passwd", "known: ice, large, low-dose"),
        ("--engine abtm", "did you mean 'abtem'?"),
        ("--device tpu", "there is no device 'tpu'; use auto, cpu or cuda"),
        ("--device cuda:99", "no such GPU"),
        ("--config absent.yaml", "absent.yaml: no such configuration file"),
        ("--config empty-folder", "empty-folder: no such configuration file"),
        ("--config empty", "empty: expected keys and values"),
        ("--config binary.yaml", "binary.yaml: not readable as YAML"),
        ("--config list.yaml", "list.yaml: expected keys and values"),
        ("--config typo.yaml", "no setting 'energy_kv'; did you mean 'energy_kev'?"),
        ("--out new", "ends in .zarr; rename it"),
        ("--out file.zarr", "a file stands where the data set should go"),
        ("--out empty/new.zarr", "a file stands where the folder should go"),
        ("--out foreign.zarr", "not a data set of diffragan and will not be replaced"),
        ("--out phased.zarr", "holds 'phased', which 'triplets' will not replace"),
        ("--out data.zarr/new.zarr", "lies inside the data set"),
        (f"--out {'a' * 300}.zarr", "name too long; give another path"),
    ],
)
def test_simulate(
    place: Path, options: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in complaint(SIMULATE + options, capsys)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ("", "no structures to simulate"),
        ("absent.pdb", "absent.pdb: there is no such file"),
        ("empty-folder", "holds no .pdb or .cif file; run `diffragan prepare` into it"),
        ("empty", "empty: the file is empty"),
        ("data.zarr", "holds no .pdb or .cif file"),
        ("map.mrc", "map.mrc"),
        ("prep prep/test.pdb", "has the name 'test' of"),
        (str(villin_path()), "is not prepared"),
    ],
)
def test_simulate_of_what_was_not_prepared(
    place: Path, inputs: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in complaint(SIMULATE.replace("prep", inputs, 1), capsys)


@pytest.mark.parametrize(
    "changes",
    [
        {"mass_kda": "heavy"},
        {"output": []},
        {"output": {"sha256": "0"}},
        {"name": "../../outside"},
        {"name": 3},
        {"kind": "other"},
    ],
)
def test_simulate_of_an_edited_record(
    place: Path, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree("prep", "edited")
    record = json.loads(Path("edited/test.json").read_text())
    Path("edited/test.json").write_text(json.dumps({**record, **changes}))
    assert "edited/test" in complaint(SIMULATE.replace("prep", "edited", 1), capsys)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent.zarr", "absent.zarr: no such data set"),
        ("half.zarr", "was not finished; run the command that makes it again"),
        ("half.zarr.partial", "an unfinished data set"),
        (
            "phased.zarr",
            "holds 'phased', but 'triplets' is needed (as `diffragan simulate` writes)",
        ),
        ("map.mrc", "map.mrc: not a Zarr data set"),
        ("foreign.zarr", "foreign.zarr: not a Zarr data set"),
        ("file.zarr", "file.zarr: not a Zarr data set"),
        ("prep", "prep: not a Zarr data set"),
    ],
)
def test_phase_of_what_is_no_data_set(
    place: Path, name: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in complaint(f"phase {name} --out new.zarr --device cpu", capsys)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--method hoi", "there is no method 'hoi'; did you mean 'hio'?"),
        ("--iterations 0", "setting 'iterations'"),
        ("--iterations -5", "setting 'iterations'"),
        ("--restraint nan", "setting 'restraint'"),
        ("--restraint 1e9", "setting 'restraint'"),
        ("--views 0", "--views is 0; use 1 or more"),
        ("--method cgan", "needs `--weights RUN`"),
        ("--method hio --weights empty-folder", "takes no weights"),
        ("--weights empty-folder", "empty-folder: holds no weights"),
        ("--method network --weights absent", "absent: no such folder of weights"),
        ("--effort much", "setting 'effort'"),
        ("--restarts 0", "setting 'restarts'"),
        ("--method hio --effort best", "has no setting 'effort'"),
        ("--method hio --seed 1", "--seed is that of the samples"),
        ("--samples 3", "method 'hybrid' has no setting 'samples'"),
        ("--method cgan --weights empty-folder", "empty-folder"),
        ("--device tpu", "there is no device 'tpu'"),
        ("--out data.zarr", "holds 'triplets', which 'phased' will not replace"),
        ("--out file.zarr", "a file stands where the data set should go"),
        ("--out new", "ends in .zarr; rename it"),
    ],
)
def test_phase(place: Path, options: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = f"phase data.zarr --out new.zarr --device cpu {options}"
    assert words in complaint(command, capsys)


def test_phase_beside_a_folder_of_the_stack_s_name(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("new.mrcs").mkdir()
    command = "phase data.zarr --out new.zarr --device cpu"
    assert "new.mrcs: is a folder where a file will go" in complaint(command, capsys)


@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_a_damaged_chunk_is_named_by_phase_and_info(
    place: Path, villin_data: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(villin_data, "damaged.zarr")
    chunk = Path("damaged.zarr/low_resolution/c/0/0/0")
    if damage == "missing":
        chunk.unlink()
    else:
        chunk.write_bytes(chunk.read_bytes()[:9])
    words = "damaged.zarr: the array 'low_resolution' "
    assert words in complaint("info damaged.zarr", capsys)
    command = "phase damaged.zarr --method low-resolution --out new.zarr --device cpu"
    assert run(command.split()) == 2
    assert words in capsys.readouterr().err
    assert not Path("new.zarr").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("data.zarr --out new", "add --images truth"),
        ("phased.zarr --out new --images truth", "is phased, and --images truth is of a data set"),
        ("absent.zarr --out new", "absent.zarr: no such data set"),
        ("absent.star --out new", "absent.star: there is no such file"),
        ("map.mrc --out new", "has no map.star beside it"),
        ("phased.zarr --out new --molecule none", "has no molecule 'none'"),
        ("phased.zarr --out new --symmetry T", "symmetry 'T' is not known"),
        ("phased.zarr --out new --starts 0", "--starts is 0"),
        ("phased.zarr --out new --half-sets file", "has no column _rlnRandomSubset"),
        ("phased.zarr --out new --model empty", "empty"),
        ("phased.zarr --out empty", "a file stands where the folder should go"),
        ("phased.zarr --out phased.zarr", "lies inside the data set"),
        ("phased.zarr --out new --data absent.zarr", "absent.zarr: no such data set"),
        ("phased.zarr --out new --data phased.zarr", "'triplets' is needed"),
    ],
)
def test_reconstruct(
    place: Path, arguments: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in complaint(f"reconstruct {arguments}", capsys)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent.pdb", "absent.pdb: no such file"),
        ("absent.zarr", "absent.zarr: no such data set"),
        ("half.zarr", "was not finished"),
        ("empty-folder", "a folder of no kind this program knows"),
        ("empty", "of no kind this program knows; known endings: .zarr"),
        ("foreign.zarr", "not a Zarr data set"),
        ("list.json", "JSON, but not one of this program's files"),
        ("scores.json", "its scores are damaged"),
        ("binary.yaml", "not readable as YAML"),
    ],
)
def test_info(place: Path, name: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in complaint(f"info {name}", capsys)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent.yaml", "no such configuration file"),
        ("empty-folder", "no such configuration file"),
        ("empty", "expected keys and values"),
        ("list.yaml", "expected keys and values"),
        ("binary.yaml", "not readable as YAML"),
        ("typo.yaml", "did you mean 'energy_kev'?"),
    ],
)
def test_validate(place: Path, name: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in complaint(f"validate {name}", capsys)


@pytest.mark.parametrize("name", ["data.zarr", "phased.zarr", "map.mrc", "prep/test.pdb"])
def test_info_tells_what_good_files_are(
    place: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["info", name]) == 0
    assert capsys.readouterr().out.startswith(f"{name}: ")
