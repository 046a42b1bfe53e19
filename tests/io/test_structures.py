import gzip
from pathlib import Path

import gemmi
import pytest

from diffragan.errors import InputError, OutputError
from diffragan.io.structures import (
    fits_pdb,
    parse_structure,
    read_record,
    read_structure,
    structure_stem,
    write_structure,
)

ATOM = "ATOM      1  CA  ALA A   1    {:>8}{:>8}{:>8}  1.00  0.00           C\n"
GOOD = ATOM.format("1.000", "2.000", "3.000").encode()


def one_atom_structure(chain: str = "A", number: int = 1) -> gemmi.Structure:
    structure = parse_structure(GOOD, "test")
    structure[0][0].name = chain
    structure[0][0][0].seqid = gemmi.SeqId(number, " ")
    return structure


def complaint(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_structure(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("1aup.pdb.gz", "1aup"),
        ("1aup.cif", "1aup"),
        ("PDB1AUP.ENT.GZ", "PDB1AUP"),
        ("a.b.mmcif", "a.b"),
        ("plain", "plain"),
    ],
)
def test_the_stem_drops_format_and_compression(name: str, stem: str) -> None:
    assert structure_stem(Path("folder") / name) == stem


@pytest.mark.parametrize("name", ["a.pdb", "a.pdb.gz", "a.cif", "misnamed.txt"])
@pytest.mark.parametrize("squeeze", [False, True])
def test_pdb_is_known_by_its_content(tmp_path: Path, name: str, squeeze: bool) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(GOOD) if squeeze else GOOD)
    structure = read_structure(path)
    assert structure[0][0][0][0].pos.tolist() == [1, 2, 3]


@pytest.mark.parametrize("name", ["a.cif", "misnamed.pdb"])
def test_mmcif_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    text = "# a comment first\n" + one_atom_structure().make_mmcif_document().as_string()
    path = tmp_path / name
    path.write_text(text)
    assert read_structure(path)[0][0][0].name == "ALA"


def test_a_missing_file(tmp_path: Path) -> None:
    assert "no such file" in complaint(tmp_path / "absent.pdb")


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(GOOD)
    assert "no such file" in complaint(tmp_path / "file" / "a.pdb")


def test_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in complaint(tmp_path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (gzip.compress(GOOD * 500, mtime=0)[:-20], "cut short"),
        (b"\x1f\x8b garbage", "damaged"),
        (gzip.compress(b"", mtime=0), "neither PDB nor mmCIF"),
        (bytes(range(256)) * 50, "binary"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
        (b"\xff\xfe\xfa" * 50, "neither PDB nor mmCIF"),
        (b"Dear colleague,\n", "neither PDB nor mmCIF"),
        (b"HEADER    NOTHING\nEND\n", "holds no atoms"),
        (b"data_empty\n_entry.id X\n", "holds no atoms"),
        (b"data_\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n1 2 3\n", "cannot be read"),
        (GOOD + GOOD[:40], "line 2 has no coordinates"),
        (ATOM.format("abc", "1.0", "1.0").encode(), "line 1 has no coordinates"),
        (ATOM.format("********", "1.0", "1.0").encode(), "line 1 has no coordinates"),
        (ATOM.format("nan", "1.0", "1.0").encode(), "coordinate nan"),
        (ATOM.format("inf", "1.0", "1.0").encode(), "coordinate inf"),
        (ATOM.format("1000000", "1.0", "1.0").encode(), "coordinate 1e+06"),
        (ATOM.format("1.0", "1.0", "-2e5").encode(), "coordinate -200000"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "bad.pdb"
    path.write_bytes(data)
    assert words in complaint(path)


def test_an_unknown_coordinate_in_mmcif(tmp_path: Path) -> None:
    text = one_atom_structure().make_mmcif_document().as_string()
    path = tmp_path / "bad.cif"
    path.write_text(text.replace(" 1 2 3 ", " ? 2 3 "))
    assert "coordinate nan" in complaint(path)


@pytest.mark.skipif("os.geteuid() == 0", reason="root reads everything")
def test_a_file_one_may_not_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.pdb"
    path.write_bytes(GOOD)
    path.chmod(0)
    assert "may not read" in complaint(path)


@pytest.mark.parametrize("suffix", [".pdb", ".cif"])
def test_written_atoms_come_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    structure = one_atom_structure(chain="B", number=-3)
    structure[0][0][0].seqid = gemmi.SeqId(-3, "X")
    write_structure(structure, path)
    again = read_structure(path)[0][0]
    assert (again.name, str(again[0].seqid), again[0][0].name) == ("B", "-3X", "CA")
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_a_blank_chain_survives_pdb(tmp_path: Path) -> None:
    write_structure(one_atom_structure(chain=""), tmp_path / "blank.pdb")
    assert read_structure(tmp_path / "blank.pdb")[0][0].name == ""


def test_writing_into_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        write_structure(one_atom_structure(), tmp_path / "absent" / "a.pdb")


def test_what_pdb_can_hold() -> None:
    assert fits_pdb(one_atom_structure())
    assert not fits_pdb(one_atom_structure(chain="AA"))
    assert not fits_pdb(one_atom_structure(number=10_000))
    large = one_atom_structure()
    for _ in range(99_999):
        large[0][0][0].add_atom(large[0][0][0][0])
    assert not fits_pdb(large)


def test_a_record_must_be_a_json_object(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"name": "x"}')
    assert read_record(path) == {"name": "x"}
    for text in ("[1]", "{", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")):
        path.write_text(text)
        with pytest.raises(InputError, match="not a JSON record"):
            read_record(path)
