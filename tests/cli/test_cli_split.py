"""The command `split`: lists, table, evidence, and every mistake in one line."""

import csv
import json
from pathlib import Path

import pytest

from diffragan.cli.main import run
from diffragan.structures.prepared import read_prepared_many
from made_up_proteins import mutated, random_sequence, write_backbone

FAMILY = random_sequence(120, 100)


@pytest.fixture(scope="module")
def structures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three relatives and nine unrelated proteins."""
    folder = tmp_path_factory.mktemp("structures")
    for number in range(3):
        write_backbone(folder / f"family{number}.pdb", mutated(FAMILY, 0.3, number))
    for number in range(9):
        write_backbone(folder / f"single{number}.pdb", random_sequence(80 + 10 * number, number))
    return folder


def split(structures: Path, out: Path, *options: str) -> dict[str, dict[str, str]]:
    assert run(["split", str(structures), "--out", str(out), *options]) == 0
    with (out / "split.csv").open() as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_lists_table_and_evidence_agree(
    structures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "split"
    table = split(structures, out, "--identity", "0.3")
    assert sorted(path.name for path in out.iterdir()) == [
        "split.csv", "split.json", "test.txt", "train.txt", "validation.txt",
    ]  # fmt: skip
    listed = {
        (out / line).resolve(): name
        for name in ("train", "validation", "test")
        for line in (out / f"{name}.txt").read_text().splitlines()
    }
    assert listed == {(structures / row["file"]).resolve(): row["split"] for row in table.values()}
    family = [row for name, row in table.items() if name.startswith("family")]
    assert {(row["split"], row["cluster"]) for row in family} == {("train", "c01")}
    assert len({row["cluster"] for row in table.values()}) == 10
    row = table["single2_A"]
    assert (row["chain"], row["residues"]) == ("A", "100")
    assert float(row["largest_dimension_angstrom"]) == pytest.approx(3.8 * 99 + 2.6, abs=0.01)
    record = json.loads((out / "split.json").read_text())
    assert record["kind"] == "diffragan split"
    assert record["provenance"]["seed"] == 0
    assert record["provenance"]["settings"] == {
        "rule": "significance",
        "identity": 0.3,
        "coverage": 0.5,
        "e_value": 0.001,
        "fractions": [0.8, 0.1, 0.1],
        "keep_all_chains": False,
    }
    assert set(record["provenance"]["inputs"]) == set(table)
    assert {(pair["first"], pair["second"]) for pair in record["linked_pairs"]} == {
        ("family0_A", "family1_A"), ("family0_A", "family2_A"), ("family1_A", "family2_A"),
    }  # fmt: skip
    assert all(pair["e_value"] < 1e-3 for pair in record["linked_pairs"])
    shown = capsys.readouterr().out
    assert "test: 1 molecules in 1 clusters" in shown
    assert "3 pairs are linked; none of them is across splits" in shown


def test_the_same_bytes_twice_and_others_by_another_seed(structures: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in "abc")
    split(structures, first)
    split(structures, second)
    split(structures, third, "--seed", "3")
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
    assert (first / "split.csv").read_bytes() != (third / "split.csv").read_bytes()


def test_the_paper_s_rule(structures: Path, tmp_path: Path) -> None:
    table = split(structures, tmp_path / "split", "--rule", "paper")
    assert len({row["cluster"] for name, row in table.items() if name.startswith("family")}) == 1
    record = json.loads((tmp_path / "split" / "split.json").read_text())
    assert {pair["ground"] for pair in record["linked_pairs"]} == {"alignable"}


def test_simulate_can_read_the_lists(tmp_path: Path, prepared_villin_file: Path) -> None:
    out = tmp_path / "split"
    split(prepared_villin_file, out, "--fractions", "1", "0", "0")
    (found,) = read_prepared_many([out / "train.txt"])
    assert found.path.samefile(prepared_villin_file)
    assert (out / "test.txt").read_text() == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--identity 30", "the identity is 30; give a fraction above 0 and up to 1, as 0.3"),
        ("--identity high", "--identity"),
        ("--coverage 0", "the coverage is 0"),
        ("--e-value 1", "chance matches chain unrelated proteins together"),
        ("--rule papers", "there is no rule 'papers'; did you mean 'paper'?"),
        ("--rule paper --e-value 0.01", "the rule 'paper' has no --e-value; leave it out"),
        ("--fractions 0.8 0.1 0.2", "sum to 1.1; they must sum to 1"),
        ("--fractions 0.8 0.2", "fractions"),
        ("--seed -1", "the seed is -1"),
        ("--out file", "a file stands where the folder should go"),
        ("absent.pdb", "absent.pdb: there is no such file"),
        ("empty", "holds no PDB or mmCIF file"),
        ("list.txt", "list.txt: is neither PDB nor mmCIF"),
    ],
)
def test_a_mistake_is_one_line(
    structures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("empty").mkdir()
    Path("list.txt").write_text("words\n")
    given = [] if options.startswith("--out") else ["--out", "new"]
    assert run(["split", str(structures), *options.split(), *given]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("diffragan: ")
    assert words in line
    assert not Path("new/split.json").exists()


def test_too_few_structures(
    prepared_villin_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "split"
    assert run(["split", str(prepared_villin_file), "--out", str(out)]) == 2
    assert "too few structures: 1 in 1 clusters" in capsys.readouterr().err
    assert run(["split", "--out", str(out)]) == 2
    assert "no structures to split" in capsys.readouterr().err
    assert not list(out.iterdir())
