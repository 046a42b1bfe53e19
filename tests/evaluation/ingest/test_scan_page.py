"""The page of an ingested scan: what is on it, that it can be made again, and what is refused."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from diffragan.cli.main import run
from diffragan.errors import InputError
from diffragan.evaluation.ingest.folder import read_ingest_folder, store_beside
from diffragan.evaluation.ingest_page import write_ingest_page
from made_up_scan import MadeUp, made_up_scan, observations_of
from tiny_data import tiny_data, tiny_phased


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return dict(json.loads(found.group(1)))


@pytest.fixture(scope="module")
def page(ingested: MadeUp) -> str:
    return (ingested.folder / "report.html").read_text()


def test_every_hit_is_on_the_page_and_kept_ones_have_pictures(ingested: MadeUp, page: str) -> None:
    data, record = data_of(page), json.loads((ingested.folder / "ingest.json").read_text())
    hits = {hit["frame"]: hit for hit in data["field"]["hits"]}
    assert len(hits) == record["hits"]["frames"] == page.count('class="hit"')
    assert tuple(sorted(f for f, hit in hits.items() if hit["item"] is not None)) == ingested.kept
    for frame in ingested.kept:
        pictures = data["pictures"][str(hits[frame]["item"])]["sources"]
        assert set(pictures) == {"pattern", "image", "method low-resolution"}
        phased = dict(hits[frame]["facts"])["Phased by low-resolution"]
        assert re.fullmatch(r"R-factor [\d.]+, of counting alone [\d.]+", phased)
    for words, count in record["fates"].items():
        assert sum(hit["facts"][0][1] == words for hit in hits.values()) == count


def test_the_page_loads_nothing_and_warnings_stay_text(page: str) -> None:
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "default-src &#39;none&#39;" in page
    assert "Doubt &amp; &lt;b&gt;." in page
    assert len(page) < 3_000_000


def test_the_same_folder_gives_the_same_page(ingested: MadeUp, page: str) -> None:
    assert run(["report", str(ingested.folder)]) == 0
    assert (ingested.folder / "report.html").read_text() == page


def test_the_page_is_made_without_observations_and_image(ingested: MadeUp, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(ingested.folder, tmp_path / "moved-ingest"))
    (alone / "overview.webp").unlink()
    (alone / "page.json").unlink()
    assert run(["report", str(alone), "--title", "Alone"]) == 0
    page = (alone / "report.html").read_text()
    assert "<h1>Alone</h1>" in page
    assert "There is no picture of the image" in page
    assert data_of(page)["pictures"] == {}
    assert store_beside(alone) == tmp_path / "moved.zarr"


def test_without_a_hit_the_page_says_why(tmp_path: Path) -> None:
    made = made_up_scan(tmp_path / "none.zarr", shape=(6, 7), molecules=0)
    page = write_ingest_page(made.folder, None, made.image).read_text()
    assert "No observations were made: no frame shows a protein." in page
    assert "The scan was not laid on the image" in page
    assert data_of(page)["field"] is None


def test_waves_of_other_data_are_refused(ingested: MadeUp, tmp_path: Path) -> None:
    other = tiny_phased(tiny_data(tmp_path / "data.zarr", orientations=1), tmp_path / "low.zarr")
    with pytest.raises(InputError, match="was phased from other data"):
        write_ingest_page(ingested.folder, observations_of(ingested), None, [other])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("ingest.json", "{}", "another version"),
        ("frames.csv", "frame\n1\n", "damaged or of another version"),
        ("ingest.json", '{"schema_version": 2, "scan": 1}', "lacks 'settings'"),
        ("molecules.csv", "", "damaged or of another version"),
    ],
)
def test_a_damaged_folder_is_refused(
    ingested: MadeUp, tmp_path: Path, name: str, content: str, said: str
) -> None:
    folder = Path(shutil.copytree(ingested.folder, tmp_path / "bad-ingest"))
    (folder / name).write_text(content)
    with pytest.raises(InputError, match=said):
        read_ingest_folder(folder)
    (folder / name).unlink()
    with pytest.raises(InputError, match="there is no such file"):
        read_ingest_folder(folder)


def test_flags_of_a_scan_are_refused_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", str(tmp_path), "--image", "overview.mrc"]) == 2
    assert "is no ingested scan" in capsys.readouterr().err
