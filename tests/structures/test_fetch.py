import gzip
import threading
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import gemmi
import pytest

from diffragan.errors import InputError, OutputError
from diffragan.structures import fetch
from diffragan.structures.fetch import default_cache, fetch_structure, is_pdb_id


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An address and the folder whose files it serves."""
    folder = tmp_path / "served"
    folder.mkdir()
    with HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{service.server_port}", folder
        service.shutdown()
        thread.join()


def entry(peptide: gemmi.Structure, name: str) -> bytes:
    peptide.name = name
    return gzip.compress(peptide.make_mmcif_document().as_string().encode())


@pytest.mark.parametrize("word", ["1aup", "1AUP", "pdb_00001aup", "PDB_1234abcd"])
def test_ids_of_both_forms(word: str) -> None:
    assert is_pdb_id(word)


@pytest.mark.parametrize("word", ["aup1x", "0aup", "1au", "pdb_1aup", "1aup.pdb", "", "../a"])
def test_what_is_no_id(word: str, tmp_path: Path) -> None:
    assert not is_pdb_id(word)
    with pytest.raises(InputError, match="not a PDB ID"):
        fetch_structure(word, cache=tmp_path)


def test_an_entry_is_downloaded_once(
    served: tuple[str, Path], peptide: gemmi.Structure, tmp_path: Path
) -> None:
    url, folder = served
    (folder / "1abc.cif.gz").write_bytes(entry(peptide, "1ABC"))
    path = fetch_structure("1ABC", url + "/", tmp_path / "cache")
    assert path == tmp_path / "cache" / "1abc.cif.gz"
    (folder / "1abc.cif.gz").unlink()
    assert fetch_structure("1abc", url, tmp_path / "cache") == path


def test_a_damaged_copy_is_downloaded_again(
    served: tuple[str, Path], peptide: gemmi.Structure, tmp_path: Path
) -> None:
    url, folder = served
    (folder / "1abc.cif.gz").write_bytes(entry(peptide, "1ABC"))
    (tmp_path / "1abc.cif.gz").write_bytes(entry(peptide, "1ABC")[:-30])
    path = fetch_structure("1abc", url, tmp_path)
    assert gemmi.read_structure(str(path)).name == "1ABC"


def test_an_extended_id_finds_the_classic_entry(
    served: tuple[str, Path],
    peptide: gemmi.Structure,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, folder = served
    (folder / "pdb_00001abc.cif.gz").write_bytes(entry(peptide, "1ABC"))
    monkeypatch.setenv("DIFFRAGAN_PDB_URL", url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    path = fetch_structure("pdb_00001ABC")
    assert path == tmp_path / "home" / "diffragan" / "pdb" / "pdb_00001abc.cif.gz"


def test_an_entry_that_does_not_exist(served: tuple[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="9zzz does not exist"):
        fetch_structure("9zzz", served[0], tmp_path)
    assert list(tmp_path.glob("*.gz")) == []


@pytest.mark.parametrize("damage", ["another", "html", "short"])
def test_rubbish_is_not_kept(
    served: tuple[str, Path], peptide: gemmi.Structure, tmp_path: Path, damage: str
) -> None:
    url, folder = served
    data = {
        "another": entry(peptide, "2XYZ"),
        "html": b"<html>Please log in to this network</html>",
        "short": entry(peptide, "1ABC")[:200],
    }[damage]
    (folder / "1abc.cif.gz").write_bytes(data)
    with pytest.raises(InputError, match="1abc"):
        fetch_structure("1abc", url, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_no_network_points_to_a_local_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = partial(fetch.download, first_pause_s=0.001)
    monkeypatch.setattr(fetch, "download", impatient)
    with pytest.raises(InputError, match="without a network give a file") as caught:
        fetch_structure("1abc", "http://127.0.0.1:9", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be(
    served: tuple[str, Path], peptide: gemmi.Structure, tmp_path: Path
) -> None:
    url, folder = served
    (folder / "1abc.cif.gz").write_bytes(entry(peptide, "1ABC"))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        fetch_structure("1abc", url, tmp_path / "file")


def test_the_cache_is_at_home_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert default_cache() == Path("~/.cache/diffragan/pdb").expanduser()
